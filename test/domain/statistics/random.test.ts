import { seededRandom, toSeed } from '../../../domain/statistics/random';

const digest = `sha256:${'0123456789abcdef'.repeat(4)}` as const;

describe('seeded random numbers', () => {
  test('are the same for the same digest, on every machine', () => {
    const random = seededRandom(toSeed(digest));
    expect([random(), random(), random()]).toEqual(firstThree());
  });

  test('differ for digests that differ in one digit', () => {
    const other = seededRandom(toSeed(`sha256:1${digest.slice(8)}`));
    const random = seededRandom(toSeed(digest));
    const same = Array.from({ length: 100 }, () => random() === other());
    expect(same).not.toContain(true);
  });

  test('are uniform in 20 bins (chi-square, 19 degrees of freedom, 99.9 % point 43.8)', () => {
    const random = seededRandom(toSeed(digest));
    const counts = new Array<number>(20).fill(0);
    for (let draw = 0; draw < 100_000; draw += 1) {
      const bin = Math.floor(random() * 20);
      counts[bin] = (counts[bin] ?? 0) + 1;
    }
    expect(counts.reduce((sum, count) => sum + (count - 5000) ** 2 / 5000, 0)).toBeLessThan(43.8);
  });
});

/** The algorithm as published, in BigInt arithmetic. */
function firstThree(): readonly number[] {
  const mask = 0xffffffffn;
  let [a, b, c, counter] = [0x01234567n, 0x89abcdefn, 0x01234567n, 0x89abcdefn];
  const drawn: number[] = [];
  for (let round = 0; round < 15; round += 1) {
    const sum = (a + b + counter) & mask;
    counter = (counter + 1n) & mask;
    a = b ^ (b >> 9n);
    b = (c + (c << 3n)) & mask;
    c = ((((c << 21n) | (c >> 11n)) & mask) + sum) & mask;
    if (round >= 12) drawn.push(Number(sum) / 2 ** 32);
  }
  return drawn;
}
