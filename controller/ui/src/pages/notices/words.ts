// How the states of messages are said and coloured.
import { useTranslation } from 'react-i18next';
import type { NoticeState } from '../../api/office';
import type { Tone } from '../../shared/state';
import { humane } from '../audit/words';

export const STATES: NoticeState[] = ['queued', 'sending', 'sent', 'delivered', 'failed', 'unknown', 'cancelled'];

export function noticeTone(state: NoticeState): Tone {
  switch (state) {
    case 'sent':
    case 'delivered':
      return 'green';
    case 'queued':
    case 'sending':
      return 'blue';
    case 'failed':
      return 'red';
    case 'unknown':
      return 'amber';
    default:
      return 'grey';
  }
}

export function useNoticeWords() {
  const { t, i18n } = useTranslation();
  const say = (key: string, fallback: string) => (i18n.exists(key) ? t(key as 'outbox.title') : fallback);
  return {
    template: (name: string) => say(`notice.template.${name}.name`, humane(name)),
    about: (name: string, fallback: string) => say(`notice.template.${name}.about`, fallback),
    reason: (reason: string) => say(`notice.reason.${reason}`, humane(reason)),
    variable: (name: string, fallback: string) => say(`notice.variable.${name}`, fallback),
  };
}
