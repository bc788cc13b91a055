// What the page of settings computes: which values differ from what is saved, and how a value is said. Pure.
import type { Setting, SettingsSection } from '../../api/office';

/** New values by key; null takes the own value away. */
export type Draft = Record<string, unknown>;

export function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a ?? null) === JSON.stringify(b ?? null);
}

/** What would be sent: not what was changed and changed back. */
export function unsaved(draft: Draft, all: Setting[]): Draft {
  const out: Draft = {};
  for (const setting of all) {
    if (!(setting.key in draft)) continue;
    const wanted = draft[setting.key];
    if (wanted === null ? setting.own : !same(wanted, setting.value)) out[setting.key] = wanted;
  }
  return out;
}

/** The value that the field shows. */
export function shown(setting: Setting, draft: Draft): unknown {
  if (!(setting.key in draft)) return setting.value;
  return draft[setting.key] === null ? setting.inherited : draft[setting.key];
}

/** Whether the value is set here, with what is not saved yet. */
export function ownNow(setting: Setting, draft: Draft): boolean {
  if (!(setting.key in draft)) return setting.own;
  return draft[setting.key] !== null && (setting.own || !same(draft[setting.key], setting.value));
}

export function sectionOf(sections: SettingsSection[], key: string): string | undefined {
  return sections.find((section) => section.settings.some((setting) => setting.key === key))?.name;
}

/** Settings whose words hold every word of the search. */
export function matching(all: Setting[], search: string, words: (setting: Setting) => string): Setting[] {
  const parts = search.toLowerCase().split(/\s+/).filter(Boolean);
  return all.filter((setting) => {
    const text = `${words(setting)} ${setting.key}`.toLowerCase();
    return parts.every((part) => text.includes(part));
  });
}

/** A key of the words: dots separate levels there. */
export const wordKey = (key: string): string => key.replaceAll('.', '_');
