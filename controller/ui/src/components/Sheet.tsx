// Dialogs and drawers with one head and one foot. The title is Mantine's own, so that screen readers find it.
import { Drawer, Modal } from '@mantine/core';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';

interface Props {
  opened: boolean;
  onClose: () => void;
  title: ReactNode;
  sub?: ReactNode;
  children: ReactNode;
  foot?: ReactNode;
  footNote?: ReactNode;
  onSubmit?: (event: React.FormEvent) => void;
  size?: number | string;
}

function Inside({ children, foot, footNote, onSubmit }: Pick<Props, 'children' | 'foot' | 'footNote' | 'onSubmit'>) {
  const body = (
    <>
      <div className="lm-sheet-body">{children}</div>
      {foot !== undefined && (
        <div className="lm-sheet-foot">
          <span>{footNote}</span>
          <div className="lm-actions">{foot}</div>
        </div>
      )}
    </>
  );
  return onSubmit ? (
    <form onSubmit={onSubmit} noValidate>
      {body}
    </form>
  ) : (
    <div className="lm-sheet-form">{body}</div>
  );
}

export function Dialog({ opened, onClose, title, sub, size = 560, ...rest }: Props) {
  const { t } = useTranslation();
  return (
    <Modal.Root opened={opened} onClose={onClose} size={size} centered className="lm-dialog">
      <Modal.Overlay backgroundOpacity={0.45} />
      <Modal.Content>
        <div className="lm-sheet-head">
          <Modal.Title>
            {title} {sub !== undefined && <small>{sub}</small>}
          </Modal.Title>
          <Modal.CloseButton aria-label={t('action.close')} />
        </div>
        <Inside {...rest} />
      </Modal.Content>
    </Modal.Root>
  );
}

export function Side({ opened, onClose, title, sub, size = 480, ...rest }: Props) {
  const { t } = useTranslation();
  return (
    <Drawer.Root opened={opened} onClose={onClose} size={size} position="right" className="lm-side-sheet">
      <Drawer.Overlay backgroundOpacity={0.45} />
      <Drawer.Content>
        <div className="lm-sheet-head">
          <Drawer.Title>
            {title} {sub !== undefined && <small>{sub}</small>}
          </Drawer.Title>
          <Drawer.CloseButton aria-label={t('action.close')} />
        </div>
        <Inside {...rest} />
      </Drawer.Content>
    </Drawer.Root>
  );
}
