// The console's entry: styles in the order of their layers, language, then the pages.
import '../styles/layers.css';
import '../styles/mantine';
import '../styles/fonts.css';
import '../styles/tokens.css';
import '../styles/base.css';
import '../styles/components.css';
import '../styles/shell.css';
import '../styles/pages.css';
import '../styles/office.css';
import { MantineProvider } from '@mantine/core';
import { Notifications } from '@mantine/notifications';
import { QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { setNonce } from 'get-nonce';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { setSignedOut } from '../api/client';
import { live } from '../api/live';
import { queryClient } from '../api/queries';
import { startI18n } from '../shared/i18n';
import { schemeManager } from '../shared/scheme';
import { theme } from '../shared/theme';
import { router } from './router';

const nonce = document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content ?? '';
// react-remove-scroll, inside drawers and dialogs, asks get-nonce for it.
setNonce(nonce);

setSignedOut(() => {
  live.stop();
  queryClient.clear();
  const here = router.state.location;
  if (here.pathname !== '/login') void router.navigate({ to: '/login', search: { next: here.href } });
});

await startI18n();

const root = document.getElementById('root');
if (root) {
  createRoot(root).render(
    <StrictMode>
      <MantineProvider
        theme={theme}
        defaultColorScheme="auto"
        colorSchemeManager={schemeManager}
        getStyleNonce={() => nonce}
      >
        <QueryClientProvider client={queryClient}>
          <Notifications position="bottom-center" limit={3} />
          <RouterProvider router={router} />
        </QueryClientProvider>
      </MantineProvider>
    </StrictMode>,
  );
}
