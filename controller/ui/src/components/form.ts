// A form in a few lines: values, one problem from the server, and which field it belongs to.
import { useRef, useState } from 'react';
import { Problem } from '../api/client';
import { sentence } from '../shared/problem';

type FieldProps<V> = { value: V; error: string | undefined; onChange: (next: V | { currentTarget: { value: string } }) => void };

export interface Draft<T> {
  values: T;
  set: <K extends keyof T>(key: K, value: T[K]) => void;
  bind: <K extends keyof T & string>(key: K) => FieldProps<T[K]>;
  problem: Problem | null;
  setProblem: (problem: Problem | null) => void;
  busy: boolean;
  submit: (event?: { preventDefault: () => void }) => Promise<void>;
}

/** What the server says of a field, as a sentence. */
export function fieldError(problem: Problem | null, key: string): string | undefined {
  const message = problem?.field(key);
  return message === undefined ? undefined : sentence(message);
}

export function useDraft<T extends object>(initial: T, send: (values: T) => Promise<void>): Draft<T> {
  const [values, setValues] = useState<T>(initial);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState(false);
  const running = useRef(false);

  const set = <K extends keyof T>(key: K, value: T[K]) => {
    setValues((old) => ({ ...old, [key]: value }));
    // A corrected field no longer shows the old complaint.
    setProblem((old) =>
      old && old.field(String(key)) !== undefined
        ? new Problem(old.status, old.title, old.detail, old.fields.filter((f) => !f.field.endsWith(String(key))), old.reference, old.code)
        : old,
    );
  };

  return {
    values,
    set,
    problem,
    setProblem,
    busy,
    bind: (key) => ({
      value: values[key],
      error: fieldError(problem, key),
      onChange: (next) =>
        set(
          key,
          next !== null && typeof next === 'object' && 'currentTarget' in next
            ? (next.currentTarget.value as (typeof values)[typeof key])
            : (next as (typeof values)[typeof key]),
        ),
    }),
    submit: async (event) => {
      event?.preventDefault();
      // A second click while the first is under way must not send twice.
      if (running.current) return;
      running.current = true;
      setBusy(true);
      setProblem(null);
      try {
        await send(values);
      } catch (error) {
        setProblem(error instanceof Problem ? error : new Problem(-1, '', error instanceof Error ? error.message : ''));
      } finally {
        running.current = false;
        setBusy(false);
      }
    },
  };
}
