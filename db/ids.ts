import { randomFillSync } from 'node:crypto';
import { V7Generator } from 'uuidv7';

const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';

/**
 * `run_01jd…`: a prefix and a UUIDv7 in Crockford's base32. Ids sort by creation time, also as text
 * in the C collation.
 */
export function newId(prefix: string): string {
  return `${prefix}_${base32(uuids.generate().bytes)}`;
}

// One system call for some 340 ids, because each prediction needs one.
const pool = new Uint32Array(1_024);
let used = pool.length;
const uuids = new V7Generator({
  nextUint32() {
    if (used === pool.length) {
      randomFillSync(pool);
      used = 0;
    }
    return pool[used++] ?? 0;
  },
});

/** The creation time of an id of `newId`; null for any other text. */
export function readIdTime(id: string): Date | null {
  const digits = /_([0-7][0-9a-hjkmnp-tv-z]{25})$/.exec(id)?.[1];
  if (digits === undefined) return null;
  const bits = Array.from(digits).reduce(
    (value, digit) => (value << 5n) | BigInt(alphabet.indexOf(digit)),
    0n,
  );
  const time = new Date(Number(bits >> 80n));
  return Number.isNaN(time.getTime()) ? null : time;
}

/** 128 bits as 26 characters. The first character holds three bits, as in TypeID. */
function base32(bytes: Readonly<Uint8Array>): string {
  let text = '';
  // Two leading zero bits make 26 groups of five.
  let [rest, bits] = [0, 2];
  for (const byte of bytes) {
    rest = (rest << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += alphabet.charAt((rest >> bits) & 31);
    }
    rest &= (1 << bits) - 1;
  }
  return text;
}
