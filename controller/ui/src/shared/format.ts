// How numbers, money, rates and times are written, in English and in Bangla. Both use the grouping of lakh and
// crore; Bangla has its own digits and says the part of the day.
import type { Money } from '../api/types';

export type Lang = 'en' | 'bn';

let lang: Lang = 'en';
let zone = 'Asia/Dhaka';
const cache = new Map<string, Intl.NumberFormat | Intl.DateTimeFormat>();

export function setLang(next: Lang): void {
  lang = next;
}
export function setZone(next: string): void {
  zone = next;
}
export function timeZone(): string {
  return zone;
}

const locale = () => (lang === 'bn' ? 'bn-BD' : 'en-IN');

function numberFormat(options: Intl.NumberFormatOptions): Intl.NumberFormat {
  const key = `${locale()}${JSON.stringify(options)}`;
  let made = cache.get(key) as Intl.NumberFormat | undefined;
  if (!made) cache.set(key, (made = new Intl.NumberFormat(locale(), options)));
  return made;
}

function dateFormat(options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  // en-GB orders the day before the month and counts 24 hours; bn-BD writes Bangla digits and month names.
  const tag = lang === 'bn' ? 'bn-BD' : 'en-GB';
  const key = `d${tag}${zone}${JSON.stringify(options)}`;
  let made = cache.get(key) as Intl.DateTimeFormat | undefined;
  if (!made) cache.set(key, (made = new Intl.DateTimeFormat(tag, { timeZone: zone, ...options })));
  return made;
}

const BANGLA_DIGITS = '০১২৩৪৫৬৭৮৯';
/** Digits of a text (a clock, a percentage) in the digits of the language. */
export function digits(text: string): string {
  return lang === 'bn' ? text.replace(/[0-9]/g, (d) => BANGLA_DIGITS[Number(d)] ?? d) : text;
}

export function int(n: number): string {
  return numberFormat({ maximumFractionDigits: 0 }).format(n).replace('-', '−');
}
export function decimal(n: number, places: number): string {
  return numberFormat({ minimumFractionDigits: places, maximumFractionDigits: places }).format(n).replace('-', '−');
}

const SYMBOLS: Record<string, string> = { BDT: '৳', USD: '$', EUR: '€', INR: '₹' };

/** ৳1,600 — paisa are shown only where there are any, or where they are asked for (receipts). */
export function money(m: Money, paisa = false): string {
  const sign = m.minor < 0 ? '−' : '';
  const whole = Math.abs(m.minor) / 100;
  const places = paisa || m.minor % 100 !== 0 ? 2 : 0;
  return `${sign}${SYMBOLS[m.currency] ?? `${m.currency} `}${decimal(whole, places)}`;
}

const RATE_UNITS = ['b/s', 'kb/s', 'Mb/s', 'Gb/s', 'Tb/s'];
export function bps(value: number): string {
  let v = Math.max(0, value);
  let unit = 0;
  // 999.95 would be written 1000.0: step up where rounding does.
  while (v >= 999.5 && unit < RATE_UNITS.length - 1) {
    v /= 1000;
    unit += 1;
  }
  const places = unit < 2 || v >= 99.95 || Math.abs(v - Math.round(v)) < 0.05 ? 0 : 1;
  return `${decimal(v, places)} ${RATE_UNITS[unit]}`;
}

const SIZE_UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
export function bytes(value: number): string {
  let v = Math.max(0, value);
  let unit = 0;
  while (v >= 999.5 && unit < SIZE_UNITS.length - 1) {
    v /= 1000;
    unit += 1;
  }
  const places = unit === 0 || v >= 99.95 || Math.abs(v - Math.round(v)) < 0.05 ? 0 : 1;
  return `${decimal(v, places)} ${SIZE_UNITS[unit]}`;
}

interface Parts {
  year: number;
  month: number;
  day: number;
  hour: number;
  minute: number;
  second: number;
}
const partsFormat = new Map<string, Intl.DateTimeFormat>();
function parts(at: Date): Parts {
  let made = partsFormat.get(zone);
  if (!made) {
    made = new Intl.DateTimeFormat('en-GB', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
    partsFormat.set(zone, made);
  }
  const out = { year: 0, month: 0, day: 0, hour: 0, minute: 0, second: 0 };
  for (const p of made.formatToParts(at)) {
    if (p.type in out) out[p.type as keyof Parts] = Number(p.value);
  }
  return out;
}

const two = (n: number) => String(n).padStart(2, '0');

/** The part of the day as it is said in Bangladesh. Intl says "AM" and "PM" there. */
export function dayPart(hour: number): string {
  if (hour < 4) return 'রাত';
  if (hour < 6) return 'ভোর';
  if (hour < 12) return 'সকাল';
  if (hour < 15) return 'দুপুর';
  if (hour < 18) return 'বিকাল';
  if (hour < 20) return 'সন্ধ্যা';
  return 'রাত';
}

export type Precision = 'minute' | 'second' | 'hundredth';
/** 14:31, 14:31:54 or 14:31:52.61; in Bangla দুপুর ২:৩১. */
export function clock(iso: string | number | Date, precision: Precision = 'minute'): string {
  const at = new Date(iso);
  const p = parts(at);
  let tail = `:${two(p.minute)}`;
  if (precision !== 'minute') tail += `:${two(p.second)}`;
  if (precision === 'hundredth') tail += `.${two(Math.floor(at.getUTCMilliseconds() / 10))}`;
  if (lang === 'bn') return `${dayPart(p.hour)} ${digits(`${p.hour % 12 === 0 ? 12 : p.hour % 12}${tail}`)}`;
  return `${two(p.hour)}${tail}`;
}

/** A clock short enough for the axis of a chart: no part of the day. */
export function clockShort(at: number): string {
  const p = parts(new Date(at));
  return digits(`${two(p.hour)}:${two(p.minute)}`);
}

/** The day of the branch as YYYY-MM-DD. */
export function dayKey(at: string | number | Date): string {
  const p = parts(new Date(at));
  return `${p.year}-${two(p.month)}-${two(p.day)}`;
}

/** 22 Nov, with the year when it is not this one. */
export function day(iso: string | number | Date, long = false): string {
  const at = new Date(iso);
  const sameYear = parts(at).year === parts(new Date()).year;
  const options: Intl.DateTimeFormatOptions = { day: 'numeric', month: long || lang === 'bn' ? 'long' : 'short' };
  if (!sameYear) options.year = 'numeric';
  return dateFormat(options).format(at).replace(/\bSept\b/, 'Sep');
}

export function dayTime(iso: string, precision: Precision = 'minute'): string {
  return `${day(iso)}${lang === 'bn' ? ', ' : ' '}${clock(iso, precision)}`;
}

/** A clock today, a day and a clock otherwise. */
export function when(iso: string, precision: Precision = 'minute', now = Date.now()): string {
  return dayKey(iso) === dayKey(now) ? clock(iso, precision) : dayTime(iso, precision);
}

/** Whole days of the branch between now and then: 0 is today, negative is past. */
export function daysUntil(iso: string, now = Date.now()): number {
  const utc = (key: string) => Date.parse(`${key}T00:00:00Z`);
  return Math.round((utc(dayKey(iso)) - utc(dayKey(now))) / 86_400_000);
}

const EN_UNITS = { s: 's', m: 'm', h: 'h', d: 'd' };
const BN_UNITS = { s: 'সেকেন্ড', m: 'মিনিট', h: 'ঘণ্টা', d: 'দিন' };
/** 8 s, 42 m, 1 h 40 m, 2 d 9 h. */
export function duration(ms: number): string {
  const u = lang === 'bn' ? BN_UNITS : EN_UNITS;
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 60) return `${int(s)} ${u.s}`;
  const m = Math.floor(s / 60);
  if (m < 60) return `${int(m)} ${u.m}`;
  const h = Math.floor(m / 60);
  if (h < 24) return m % 60 === 0 ? `${int(h)} ${u.h}` : `${int(h)} ${u.h} ${int(m % 60)} ${u.m}`;
  const d = Math.floor(h / 24);
  return h % 24 === 0 ? `${int(d)} ${u.d}` : `${int(d)} ${u.d} ${int(h % 24)} ${u.h}`;
}

/** +1.12 s, the way from one step to a later one. */
export function offset(fromIso: string, toIso: string): string {
  const ms = Math.max(0, Date.parse(toIso) - Date.parse(fromIso));
  if (ms >= 60_000) return `+${duration(ms)}`;
  return lang === 'bn' ? `+${decimal(ms / 1000, 2)} সে.` : `+${decimal(ms / 1000, 2)} s`;
}

/** 01712 846 093: five, three, three, as it is read out. */
export function phone(raw: string): string {
  const local = raw.replace(/^\+?880/, '0').replace(/[^0-9]/g, '');
  return /^01\d{9}$/.test(local) ? `${local.slice(0, 5)} ${local.slice(5, 8)} ${local.slice(8)}` : raw;
}

export function initials(name: string): string {
  const words = name.trim().split(/\s+/);
  const first = [...(words[0] ?? '?')][0] ?? '?';
  const last = words.length > 1 ? ([...(words[words.length - 1] ?? '')][0] ?? '') : '';
  return (first + last).toUpperCase();
}

/** The moment at which a day of the branch (YYYY-MM-DD) is over, as RFC 3339 in UTC; null when it is no day. */
export function endOfDay(key: string): string | null {
  const match = /^(\d{4})-(\d\d)-(\d\d)$/.exec(key);
  if (!match) return null;
  const wanted = Date.UTC(Number(match[1]), Number(match[2]) - 1, Number(match[3]) + 1);
  // What the clocks there show at a moment, minus that moment, is their offset; a second look is for the nights on
  // which it changes.
  let at = wanted;
  for (let i = 0; i < 2; i += 1) {
    const p = parts(new Date(at));
    at -= Date.UTC(p.year, p.month - 1, p.day, p.hour, p.minute, p.second) - wanted;
  }
  return new Date(at).toISOString().replace('.000Z', 'Z');
}
