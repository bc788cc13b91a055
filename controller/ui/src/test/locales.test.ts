// Both languages say everything, with the same placeholders, and the same forms of the plural.
import { describe, expect, it } from 'vitest';
import bn from '../locales/bn.json';
import en from '../locales/en.json';

type Tree = { [key: string]: string | Tree };

function flat(tree: Tree, prefix = ''): Map<string, string> {
  const out = new Map<string, string>();
  for (const [key, value] of Object.entries(tree)) {
    if (typeof value === 'string') out.set(prefix + key, value);
    else for (const [k, v] of flat(value, `${prefix}${key}.`)) out.set(k, v);
  }
  return out;
}
const english = flat(en);
const bangla = flat(bn);
const placeholders = (text: string) => [...text.matchAll(/\{\{(\w+)\}\}/g)].map((m) => m[1]).sort();

describe('locales', () => {
  it('have the same keys', () => {
    expect([...bangla.keys()].filter((k) => !english.has(k))).toEqual([]);
    expect([...english.keys()].filter((k) => !bangla.has(k))).toEqual([]);
  });
  it('have the same placeholders', () => {
    const differing = [...english].filter(([key, text]) => {
      return JSON.stringify(placeholders(text)) !== JSON.stringify(placeholders(bangla.get(key) ?? ''));
    });
    expect(differing.map(([key]) => key)).toEqual([]);
  });
  it('have both forms of each plural', () => {
    const half = [...english.keys()].filter((k) => k.endsWith('_one') && !english.has(k.replace(/_one$/, '_other')));
    expect(half).toEqual([]);
  });
  it('leave no English digits in Bangla, outside of names and addresses', () => {
    const digits = [...bangla].filter(([, text]) => /[0-9]/.test(text.replace(/\{\{\w+\}\}/g, '').replace(/mir-bng-1/g, '')));
    expect(digits.map(([key]) => key)).toEqual([]);
  });
  it('are not empty', () => {
    expect([...english, ...bangla].filter(([, text]) => text.trim() === '').map(([k]) => k)).toEqual([]);
  });
});
