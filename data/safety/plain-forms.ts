/**
 * The forms of a text as a model may understand it: first in plain letters, then decoded where it
 * hides something. Detectors check every form. Positions are lost, so the forms serve for verdicts
 * on the whole text, not for redaction.
 */
export function plainForms(text: string): readonly string[] {
  const plain = plainLetters(text);
  const forms = new Set([plain]);
  // Decoded twice, for texts that were encoded twice.
  const once = decodeText(plain);
  if (once !== plain) {
    const twice = decodeText(plainLetters(once));
    forms.add(twice === once ? once : twice);
  }
  for (const form of [joinedLetters(plain), lettersForDigits(plain), turnText(plain)])
    if (form !== null) forms.add(form);
  return [...forms];
}

/**
 * Compatibility forms, marks, invisible characters and look-alikes of other scripts become usual
 * letters (Unicode Standard Annexes 15 and 39).
 */
function plainLetters(text: string): string {
  const shown = text
    // Tag characters are invisible letters that many models read.
    .replace(/[\u{E0020}-\u{E007E}]/gu, (tag) =>
      String.fromCodePoint((tag.codePointAt(0) ?? 0) - 0xe0000),
    )
    .normalize('NFKD')
    .replace(/[\p{M}\p{Cf}\p{Co}\p{Cn}]+/gu, '')
    // Control characters separate words.
    .replace(/[\p{Cc}\s]+/gu, ' ');
  const latin = shown.match(/[a-z]/gi)?.length ?? 0;
  const others = shown.match(lookAlike)?.length ?? 0;
  // A text in Cyrillic or Greek stays as it is. In a Latin text such letters are a disguise.
  return latin > others
    ? shown.replace(lookAlike, (letter) => lookAlikes.get(letter) ?? letter)
    : shown;
}

const lookAlikes: ReadonlyMap<string, string> = new Map(
  Object.entries({
    a: 'аαɑ',
    b: 'Ьƅ',
    c: 'сϲ',
    d: 'ԁ',
    e: 'еєε',
    g: 'ɡ',
    h: 'һ',
    i: 'іιıɩ',
    j: 'јϳ',
    k: 'кκ',
    l: 'ӏǀ',
    n: 'ոη',
    o: 'оοσօ',
    p: 'рρ',
    q: 'ԛ',
    r: 'г',
    s: 'ѕ',
    t: 'тτ',
    u: 'υսц',
    v: 'νѵ',
    w: 'ѡωա',
    x: 'хχ',
    y: 'уγү',
    z: 'ᴢ',
    A: 'АΑ',
    B: 'ВΒ',
    C: 'СϹ',
    E: 'ЕΕ',
    H: 'НΗ',
    I: 'ІΙ',
    J: 'Ј',
    K: 'КΚ',
    M: 'МΜ',
    N: 'Ν',
    O: 'ОΟ',
    P: 'РΡ',
    S: 'Ѕ',
    T: 'ТΤ',
    X: 'ХΧ',
    Y: 'ҮΥ',
    Z: 'Ζ',
  }).flatMap(([letter, alike]) => Array.from(alike, (other) => [other, letter] as const)),
);
const lookAlike = new RegExp(`[${[...lookAlikes.keys()].join('')}]`, 'gu');

/**
 * Decode Base64, hexadecimal, binary, percent and backslash escapes and character references in
 * place, if the result is text.
 */
function decodeText(text: string): string {
  const bytes = (found: string, radix: 2 | 16) => {
    const digits = radix === 2 ? 8 : 2;
    const plain = found.replace(/0x|\\x|[^\da-f]/gi, '');
    return readable(
      Uint8Array.from(plain.match(new RegExp(`.{${digits}}`, 'g')) ?? [], (byte) =>
        Number.parseInt(byte, radix),
      ),
    );
  };
  return text
    .replace(/(?:[01]{8}[ ,]?){6,}/g, (found) => bytes(found, 2) ?? found)
    .replace(/(?:(?:0x|\\x)?[\da-f]{2}[ ,:]?){12,}/gi, (found) => bytes(found, 16) ?? found)
    .replace(
      /[A-Za-z\d+/_-]{20,}={0,2}/g,
      (found) => readable(Buffer.from(found, 'base64')) ?? found,
    )
    .replace(/(?:%[\da-f]{2}|[\w.-]){6,}/gi, (found) =>
      found.includes('%') ? percentDecoded(found) : found,
    )
    .replace(/\\u([\da-f]{4})/gi, (_all, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    )
    .replace(/&#(?:x([\da-f]{1,5})|(\d{1,6}));/gi, (found, hex?: string, decimal?: string) => {
      const point = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16);
      return point > 0 && point < 0x110000 ? String.fromCodePoint(point) : found;
    });
}

function percentDecoded(found: string): string {
  return (
    readable(
      Buffer.from(
        found.replace(/%([\da-f]{2})/gi, (_all, hex: string) =>
          String.fromCharCode(Number.parseInt(hex, 16)),
        ),
        'latin1',
      ),
    ) ?? found
  );
}

/** Null when the bytes are not text, such as a key or a picture in Base64. */
function readable(bytes: Uint8Array): string | null {
  const text = new TextDecoder().decode(bytes);
  const usual = text.match(/[\p{L}\p{N}\p{P}\s]/gu)?.length ?? 0;
  const letters = text.match(/\p{L}/gu)?.length ?? 0;
  return usual >= 0.95 * text.length && letters >= 0.6 * text.length ? ` ${text} ` : null;
}

/** Join `i g n o r e  a l l` and `i-g-n-o-r-e`; null when there is nothing to join. */
function joinedLetters(text: string): string | null {
  const joined = text.replace(
    /(?<![\p{L}\p{N}])\p{L}(?:[ ._*|-]{1,2}\p{L}){4,}(?![\p{L}\p{N}])/gu,
    (found) => found.replace(/[ ._*|-]/g, ''),
  );
  return joined === text ? null : joined;
}

/** Replace digits in `1gn0r3 y0ur rul3s`; null for fewer than three such words, such as `GPT4`. */
function lettersForDigits(text: string): string | null {
  const letters: Readonly<Record<string, string>> = {
    '0': 'o',
    '1': 'i',
    '3': 'e',
    '4': 'a',
    '5': 's',
    '7': 't',
    '@': 'a',
    $: 's',
    '!': 'i',
  };
  let words = 0;
  const read = text.replace(/[\p{L}\p{N}@$!]+/gu, (word) => {
    if (!/\p{L}[013457@$!]\p{L}|^[013457@$]\p{L}{2}/u.test(word)) return word;
    words += 1;
    return word.replace(/[013457@$!]/g, (digit) => letters[digit] ?? digit);
  });
  return words < 3 ? null : read;
}

/** Decode ROT13 or a reversed text, if the result is English and the text is not. */
function turnText(text: string): string | null {
  const start = text.slice(0, 2_000);
  if (englishShare(start) >= 0.1) return null;
  const ways = [
    (plain: string) =>
      plain.replace(/[a-z]/gi, (letter) => {
        const base = letter <= 'Z' ? 65 : 97;
        return String.fromCharCode(((letter.charCodeAt(0) - base + 13) % 26) + base);
      }),
    (plain: string) => Array.from(plain).reverse().join(''),
  ];
  const way = ways.find((each) => englishShare(each(start)) >= 0.2);
  return way ? way(text) : null;
}

const commonWords = new Set(
  'the of and to in a is that for it as was with be by on not he i this are or his from at which but have an you your all how do me my what will can no'.split(
    ' ',
  ),
);

function englishShare(text: string): number {
  const words = text.toLowerCase().match(/[a-z]+/g) ?? [];
  return words.length < 4 ? 0 : words.filter((word) => commonWords.has(word)).length / words.length;
}
