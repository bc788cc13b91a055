// Recovery codes, shown once: to copy, to save as a file, to print.
import { Button } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { IconDownload } from '../shared/icons';
import { Copy } from './ui';

export function RecoveryCodes({ codes, name }: { codes: string[]; name: string }) {
  const { t } = useTranslation();
  const save = () => {
    const address = URL.createObjectURL(new Blob([`Lastmile, ${name}\n\n${codes.join('\n')}\n`], { type: 'text/plain' }));
    const link = document.createElement('a');
    link.href = address;
    link.download = `lastmile-recovery-codes-${name.replace(/[^\w.-]/g, '_')}.txt`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(address), 10_000);
  };
  return (
    <div className="lm-recovery">
      <ol>
        {codes.map((code) => (
          <li key={code}>
            <code>{code}</code>
          </li>
        ))}
      </ol>
      <div className="lm-actions">
        <Copy value={codes.join('\n')} label={t('recovery.copy')} />
        <Button size="xs" variant="default" leftSection={<IconDownload aria-hidden />} onClick={save}>
          {t('recovery.save')}
        </Button>
      </div>
    </div>
  );
}
