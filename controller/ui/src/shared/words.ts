// An amount in words, as a Bangladeshi receipt says it: crore, lakh, thousand, hundred.

const BN =
  'শূন্য এক দুই তিন চার পাঁচ ছয় সাত আট নয় দশ এগারো বারো তেরো চৌদ্দ পনেরো ষোলো সতেরো আঠারো উনিশ বিশ একুশ বাইশ তেইশ চব্বিশ পঁচিশ ছাব্বিশ সাতাশ আটাশ ঊনত্রিশ ত্রিশ একত্রিশ বত্রিশ তেত্রিশ চৌত্রিশ পঁয়ত্রিশ ছত্রিশ সাঁইত্রিশ আটত্রিশ ঊনচল্লিশ চল্লিশ একচল্লিশ বিয়াল্লিশ তেতাল্লিশ চুয়াল্লিশ পঁয়তাল্লিশ ছেচল্লিশ সাতচল্লিশ আটচল্লিশ ঊনপঞ্চাশ পঞ্চাশ একান্ন বায়ান্ন তিপ্পান্ন চুয়ান্ন পঞ্চান্ন ছাপ্পান্ন সাতান্ন আটান্ন ঊনষাট ষাট একষট্টি বাষট্টি তেষট্টি চৌষট্টি পঁয়ষট্টি ছেষট্টি সাতষট্টি আটষট্টি ঊনসত্তর সত্তর একাত্তর বাহাত্তর তিয়াত্তর চুয়াত্তর পঁচাত্তর ছিয়াত্তর সাতাত্তর আটাত্তর ঊনআশি আশি একাশি বিরাশি তিরাশি চুরাশি পঁচাশি ছিয়াশি সাতাশি আটাশি ঊননব্বই নব্বই একানব্বই বিরানব্বই তিরানব্বই চুরানব্বই পঁচানব্বই ছিয়ানব্বই সাতানব্বই আটানব্বই নিরানব্বই'.split(
    ' ',
  );
const EN_SMALL =
  'zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen'.split(
    ' ',
  );
const EN_TENS = '- - twenty thirty forty fifty sixty seventy eighty ninety'.split(' ');

function below100(n: number, bangla: boolean): string {
  if (bangla) return BN[n] ?? '';
  if (n < 20) return EN_SMALL[n] ?? '';
  const tens = EN_TENS[Math.floor(n / 10)] ?? '';
  return n % 10 === 0 ? tens : `${tens}-${EN_SMALL[n % 10] ?? ''}`;
}

function whole(n: number, bangla: boolean): string {
  if (n < 100) return below100(n, bangla);
  const units: [number, string, string][] = [
    [10_000_000, 'crore', 'কোটি'],
    [100_000, 'lakh', 'লাখ'],
    [1_000, 'thousand', 'হাজার'],
    [100, 'hundred', 'শত'],
  ];
  const out: string[] = [];
  let rest = n;
  for (const [size, en, bn] of units) {
    const count = Math.floor(rest / size);
    rest %= size;
    if (count > 0) out.push(`${whole(count, bangla)} ${bangla ? bn : en}`);
  }
  if (rest > 0) out.push(below100(rest, bangla));
  return out.join(' ');
}

/** 160000 paisa → "এক হাজার ছয় শত টাকা মাত্র" or "one thousand six hundred taka only". */
export function takaInWords(minor: number, bangla: boolean): string {
  const abs = Math.abs(Math.trunc(minor));
  const taka = Math.floor(abs / 100);
  const paisa = abs % 100;
  const main = `${whole(taka, bangla)} ${bangla ? 'টাকা' : 'taka'}`;
  const rest = paisa > 0 ? ` ${whole(paisa, bangla)} ${bangla ? 'পয়সা' : 'paisa'}` : '';
  return `${main}${rest} ${bangla ? 'মাত্র' : 'only'}`;
}
