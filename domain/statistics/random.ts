import type { Digest } from '../artifact';

/** Uniform on [0, 1) with 32 bits. The same seed gives the same numbers on every machine. */
export type Random = () => number;

export type Seed = readonly [number, number, number, number];

/** 128 bits of a digest, so that samples depend on the data only. */
export function toSeed(digest: Digest): Seed {
  const word = (index: number) =>
    Number.parseInt(digest.slice(7 + 8 * index, 15 + 8 * index), 16) | 0;
  return [word(0), word(1), word(2), word(3)];
}

/** sfc32 of C. Doty-Humphrey's PractRand: 128 bits of state, passes BigCrush. Not for secrets. */
export function seededRandom([a, b, c, counter]: Seed): Random {
  const next = () => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    c |= 0;
    return (sum >>> 0) / 4294967296;
  };
  // Seeds that differ in few bits give related first numbers, so its author discards twelve.
  for (let round = 0; round < 12; round += 1) next();
  return next;
}
