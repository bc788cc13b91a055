// Six digits: one real field, so that pasting, autofill of the telephone and screen readers work, drawn as six cells.
import { useId } from 'react';
import * as f from '../../shared/format';

const BANGLA = '০১২৩৪৫৬৭৮৯';

/** The digits of what was typed or pasted, "407 118" and Bangla digits included. */
export function digitsOf(text: string, most: number): string {
  return text
    .replace(/[০-৯]/g, (d) => String(BANGLA.indexOf(d)))
    .replace(/\D/g, '')
    .slice(0, most);
}

export function CodeInput({ label, value, onChange, onFull, error, length = 6 }: { label: string; value: string; onChange: (code: string) => void; onFull?: () => void; error?: string | undefined; length?: number }) {
  const id = useId();
  return (
    <div>
      <label className="lm-hidden" htmlFor={id}>
        {label}
      </label>
      <div className="lm-code" data-wrong={error !== undefined || undefined}>
        <input
          id={id}
          name="code"
          inputMode="numeric"
          autoComplete="one-time-code"
          autoFocus
          value={value}
          aria-invalid={error !== undefined}
          aria-describedby={error !== undefined ? `${id}-error` : undefined}
          onChange={(e) => {
            const code = digitsOf(e.currentTarget.value, length);
            onChange(code);
            if (code.length === length) onFull?.();
          }}
        />
        <div aria-hidden>
          {Array.from({ length }, (_, i) => (
            <span key={i} data-at={i === Math.min(value.length, length - 1) || undefined}>
              {f.digits(value[i] ?? '')}
            </span>
          ))}
        </div>
      </div>
      {error !== undefined && (
        <p className="lm-field-error" id={`${id}-error`} role="alert">
          {error}
        </p>
      )}
    </div>
  );
}
