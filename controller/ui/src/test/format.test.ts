// Numbers, money, rates, times, in both languages.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as f from '../shared/format';
import { takaInWords } from '../shared/words';
import { amountText, parseAmount } from '../pages/customer/TakePayment';
import { monthRange, niceMax } from '../pages/customer/UsageCard';

const taka = (minor: number) => ({ minor, currency: 'BDT' });

beforeEach(() => {
  f.setLang('en');
  f.setZone('Asia/Dhaka');
});
afterEach(() => f.setLang('en'));

describe('money', () => {
  it('groups by lakh and crore', () => {
    expect(f.money(taka(84_126_000_00))).toBe('৳8,41,26,000');
    expect(f.money(taka(1_600_00))).toBe('৳1,600');
  });
  it('shows paisa where there are any, or where asked', () => {
    expect(f.money(taka(12_50))).toBe('৳12.50');
    expect(f.money(taka(1_600_00), true)).toBe('৳1,600.00');
  });
  it('has a true minus', () => expect(f.money(taka(-200_00))).toBe('−৳200'));
  it('has Bangla digits in Bangla', () => {
    f.setLang('bn');
    expect(f.money(taka(1_23_456_00))).toBe('৳১,২৩,৪৫৬');
  });
});

describe('amounts typed by hand', () => {
  it.each([
    ['1,600', 160000],
    ['1600.5', 160050],
    ['৳ ১,৬০০', 160000],
    ['0.01', 1],
  ])('%s', (text, minor) => expect(parseAmount(text)).toBe(minor));
  it.each(['', '0', '-5', '12.345', 'abc', '1e3', '99999999999'])('refuses %s', (text) => expect(parseAmount(text)).toBeNull());
  it('reads back what it writes', () => {
    for (const minor of [1, 100, 160000, 160050, 12_34_567_89]) {
      expect(parseAmount(amountText(minor))).toBe(minor);
    }
    f.setLang('bn');
    expect(parseAmount(amountText(160050))).toBe(160050);
  });
});

describe('amounts in words', () => {
  it('in Bangla', () => {
    expect(takaInWords(160000, true)).toBe('এক হাজার ছয় শত টাকা মাত্র');
    expect(takaInWords(1_23_45_678_00, true)).toBe('এক কোটি তেইশ লাখ পঁয়তাল্লিশ হাজার ছয় শত আটাত্তর টাকা মাত্র');
    expect(takaInWords(50, true)).toBe('শূন্য টাকা পঞ্চাশ পয়সা মাত্র');
  });
  it('in English', () => {
    expect(takaInWords(160000, false)).toBe('one thousand six hundred taka only');
    expect(takaInWords(4250, false)).toBe('forty-two taka fifty paisa only');
  });
});

describe('rates and sizes', () => {
  it.each([
    [0, '0 b/s'],
    [999, '999 b/s'],
    [77_000, '77 kb/s'],
    [27_400_000, '27.4 Mb/s'],
    [100_000_000, '100 Mb/s'],
    [999_960_000, '1 Gb/s'],
    [71_970_000_000, '72 Gb/s'],
    [14_800_000_000, '14.8 Gb/s'],
  ])('%d', (value, text) => expect(f.bps(value)).toBe(text));
  it('sizes', () => {
    expect(f.bytes(318_400_000_000)).toBe('318 GB');
    expect(f.bytes(6_200_000_000)).toBe('6.2 GB');
    expect(f.bytes(512)).toBe('512 B');
  });
});

describe('time', () => {
  const at = '2026-11-22T08:31:54.610Z'; // 14:31:54 in Dhaka
  it('is told in the zone of the branch', () => {
    expect(f.clock(at)).toBe('14:31');
    expect(f.clock(at, 'second')).toBe('14:31:54');
    expect(f.clock(at, 'hundredth')).toBe('14:31:54.61');
    expect(f.dayKey('2026-11-22T18:30:00Z')).toBe('2026-11-23');
  });
  it('says the part of the day in Bangla', () => {
    f.setLang('bn');
    expect(f.clock(at)).toBe('দুপুর ২:৩১');
    expect(f.clock('2026-11-22T03:00:00Z')).toBe('সকাল ৯:০০');
    expect(f.clock('2026-11-21T18:05:00Z')).toBe('রাত ১২:০৫');
    expect(f.clock('2026-11-22T12:30:00Z')).toBe('সন্ধ্যা ৬:৩০');
  });
  it('counts days of the branch, not of 24 hours', () => {
    const now = Date.parse('2026-11-22T17:59:00Z'); // 23:59
    expect(f.daysUntil('2026-11-22T18:01:00Z', now)).toBe(1);
    expect(f.daysUntil('2026-11-21T18:30:00Z', now)).toBe(0);
  });
  it('durations and offsets', () => {
    expect(f.duration(8_000)).toBe('8 s');
    expect(f.duration(42 * 60_000)).toBe('42 m');
    expect(f.duration(100 * 60_000)).toBe('1 h 40 m');
    expect(f.duration(57 * 3_600_000)).toBe('2 d 9 h');
    expect(f.offset('2026-11-22T08:31:52.610Z', '2026-11-22T08:31:54.410Z')).toBe('+1.80 s');
  });
  it('months', () => {
    expect(monthRange('2026-11-22', 0)).toEqual({ from: '2026-11-01', to: '2026-11-22', days: 30 });
    expect(monthRange('2026-01-05', 1)).toEqual({ from: '2025-12-01', to: '2025-12-31', days: 31 });
    expect(monthRange('2028-03-01', 1)).toEqual({ from: '2028-02-01', to: '2028-02-29', days: 29 });
  });
  it('the axis has room', () => {
    expect(niceMax(0)).toBe(1e9);
    expect(niceMax(20.1e9)).toBe(30e9);
    expect(niceMax(20e9)).toBe(20e9);
  });
});

describe('people', () => {
  it('telephone numbers as they are read out', () => {
    expect(f.phone('01712846093')).toBe('01712 846 093');
    expect(f.phone('+8801712846093')).toBe('01712 846 093');
    expect(f.phone('+14155550100')).toBe('+14155550100');
  });
  it('initials', () => {
    expect(f.initials('Farhana Haque')).toBe('FH');
    expect(f.initials('')).toBe('?');
  });
});

describe('the end of a day', () => {
  it('is midnight in the zone of the branch', () => {
    expect(f.endOfDay('2026-11-30')).toBe('2026-11-30T18:00:00Z');
    expect(f.endOfDay('2026-12-31')).toBe('2026-12-31T18:00:00Z');
    expect(f.endOfDay('soon')).toBeNull();
  });
  it('knows the nights on which clocks change', () => {
    f.setZone('Europe/Berlin');
    expect(f.endOfDay('2026-03-28')).toBe('2026-03-28T23:00:00Z');
    expect(f.endOfDay('2026-03-29')).toBe('2026-03-29T22:00:00Z');
    expect(f.endOfDay('2026-10-25')).toBe('2026-10-25T23:00:00Z');
  });
});
