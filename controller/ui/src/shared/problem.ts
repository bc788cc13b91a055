// What a refusal says to the reader: in their language where its kind is known, the server's sentence otherwise.
import i18next from 'i18next';
import { Problem } from '../api/client';

/** "the name is taken" → "The name is taken." */
export function sentence(text: string): string {
  const trimmed = text.trim();
  if (trimmed === '') return '';
  const first = trimmed.charAt(0).toUpperCase() + trimmed.slice(1);
  return /[.!?।]$/.test(first) ? first : `${first}.`;
}

export function explain(problem: Problem): string {
  const t = i18next.t;
  if (problem.offline) return t('error.offline');
  if (problem.status === 403) return t('error.forbidden');
  const key = `problem.${problem.code}`;
  if (problem.code !== '' && i18next.exists(key)) return t(key as 'problem.area_in_use');
  return sentence(problem.detail || problem.title) || t('error.unexpected');
}
