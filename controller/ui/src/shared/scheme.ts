// Light, dark, or as the system wishes; kept where /scheme.js finds it before the first paint.
import { localStorageColorSchemeManager } from '@mantine/core';

export const schemeManager = localStorageColorSchemeManager({ key: 'lastmile-scheme' });
