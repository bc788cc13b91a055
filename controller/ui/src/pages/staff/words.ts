// How it stands with somebody, as a colour.
import type { StaffStatus } from '../../api/access';
import type { Tone } from '../../shared/state';

export function statusTone(status: StaffStatus): Tone {
  return status === 'active' ? 'green' : status === 'invited' ? 'blue' : 'grey';
}

/** "Md. Rafiqul Islam" → "rafiqul.islam": a sign-in name to start from. Bangla names give none. */
export function suggestedName(name: string): string {
  const words = name
    .toLowerCase()
    .replace(/\b(md|mst|mrs|mr)\b\.?/g, ' ')
    .split(/[^a-z0-9]+/)
    .filter(Boolean);
  const first = words[0] ?? '';
  const last = words.length > 1 ? (words[words.length - 1] ?? '') : '';
  return [first, last].filter(Boolean).join('.').slice(0, 64);
}
