// The frame of all that happens before anybody is signed in: on the left what the product promises, on the right one
// thing to do.
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Problem } from '../../api/client';
import { Steps } from '../../components/Steps';
import { Note } from '../../components/ui';
import { LangButton, Logo } from '../../console/Shell';
import * as f from '../../shared/format';
import { explain } from '../../shared/problem';
import { IconAlertTriangle } from '../../shared/icons';

export function SignFrame({ children, wide }: { children: ReactNode; wide?: boolean }) {
  const { t, i18n } = useTranslation();
  const began = '2026-01-01T00:00:00.000Z';
  return (
    <div className="lm-signin" key={i18n.language}>
      <aside className="lm-signin-left" aria-label="Lastmile">
        <div className="lm-brand">
          <Logo /> Lastmile
        </div>
        <div>
          <p className="lm-signin-claim">{t('signin.claim')}</p>
          <div className="lm-signin-proof">
            <Steps
              label={t('line.steps_label')}
              stops={[
                { key: 'queued', label: t('step.queued'), detail: f.digits('14:31:52'), status: 'done' },
                { key: 'sent', label: t('step.sent'), detail: f.offset(began, '2026-01-01T00:00:00.040Z'), status: 'done' },
                { key: 'applied', label: t('step.applied'), detail: f.offset(began, '2026-01-01T00:00:01.120Z'), status: 'done' },
                { key: 'verified', label: t('step.verified'), detail: f.offset(began, '2026-01-01T00:00:01.800Z'), status: 'done' },
              ]}
            />
          </div>
        </div>
        <p className="lm-signin-foot">{t('signin.zone', { zone: f.timeZone() })}</p>
      </aside>
      <main className="lm-signin-right">
        <div className={wide ? 'lm-signin-box lm-signin-wide' : 'lm-signin-box'}>
          {children}
          <LangButton />
        </div>
      </main>
    </div>
  );
}

/** What went wrong with the whole form; what concerns one field stands at the field. */
export function SignProblem({ problem, wrong }: { problem: Problem | null; wrong?: string }) {
  const { t } = useTranslation();
  if (!problem || problem.fields.length > 0) return null;
  const text = problem.status === 429 ? t('signin.too_many') : problem.status === 401 && wrong !== undefined ? wrong : explain(problem);
  return (
    <div role="alert">
      <Note tone="red" icon={<IconAlertTriangle aria-hidden />}>
        {text}
      </Note>
    </div>
  );
}
