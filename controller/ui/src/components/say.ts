// Short word of what was done, at the foot of the screen, with a way back where there is one.
import { notifications } from '@mantine/notifications';
import i18next from 'i18next';
import { createElement } from 'react';
import { Problem } from '../api/client';
import { explain } from '../shared/problem';

export function said(message: string, undo?: { label: string; run: () => Promise<void> }): void {
  const id = `said-${Date.now()}`;
  notifications.show({
    id,
    autoClose: undo ? 12_000 : 5_000,
    withCloseButton: true,
    closeButtonProps: { 'aria-label': i18next.t('action.close') },
    message: undo
      ? createElement(
          'span',
          { className: 'lm-said' },
          message,
          createElement(
            'button',
            {
              type: 'button',
              onClick: () => {
                notifications.hide(id);
                void undo.run();
              },
            },
            undo.label,
          ),
        )
      : message,
  });
}

export function complained(error: unknown, fallback: string): void {
  const text = error instanceof Problem ? explain(error) : fallback;
  notifications.show({ message: text, color: 'red', autoClose: 8_000, closeButtonProps: { 'aria-label': i18next.t('action.close') } });
}
