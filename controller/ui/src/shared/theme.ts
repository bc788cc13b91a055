// Mantine in our colours. Sizes and states are refined in styles/; here stands only what Mantine must know.
import { createTheme, type MantineColorsTuple } from '@mantine/core';

const blue: MantineColorsTuple = [
  '#e8eefe', '#cfdcfd', '#9fb8fa', '#6d92f6', '#4a74ea', '#3763e6', '#2151d7', '#1a43b8', '#163895', '#112b72',
];

export const theme = createTheme({
  colors: { blue },
  primaryColor: 'blue',
  primaryShade: { light: 6, dark: 5 },
  fontFamily: 'var(--lm-font)',
  fontFamilyMonospace: 'var(--lm-mono)',
  defaultRadius: 8,
  cursorType: 'pointer',
  respectReducedMotion: true,
  components: {
    Modal: {
      defaultProps: {
        centered: true,
        radius: 14,
        padding: 0,
        overlayProps: { backgroundOpacity: 0.45 },
        transitionProps: { transition: 'pop', duration: 140 },
      },
    },
    Drawer: {
      defaultProps: {
        position: 'right',
        padding: 0,
        overlayProps: { backgroundOpacity: 0.45 },
        transitionProps: { duration: 160 },
      },
    },
    Tooltip: { defaultProps: { withArrow: true, openDelay: 300 } },
    Select: { defaultProps: { comboboxProps: { shadow: 'md', transitionProps: { duration: 120 } } } },
    Menu: { defaultProps: { shadow: 'md', transitionProps: { duration: 120 } } },
  },
});
