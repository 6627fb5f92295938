import fc from 'fast-check';
import { openFeatureRunner } from '../../../data/sql/feature-runner';
import { compileFeatureSql } from '../../../data/sql/feature-sql';
import { plainFeatures } from '../../../data/sql/plain-features';
import type { Column } from '../../../domain/dataset/dataset';

const request: Column[] = [
  { name: 'carrier', type: 'string' },
  { name: 'distance', type: 'number' },
  { name: 'Seats', type: 'integer' },
  { name: 'weekend', type: 'boolean' },
  { name: 'scheduled_at', type: 'timestamp' },
];

describe('plain features', () => {
  test.each([
    ['SELECT carrier, distance FROM request', true],
    ['select "carrier" as airline, r.DISTANCE as miles, seats, weekend from request as r;', true],
    ['SELECT carrier AS distance_name, distance * 2 AS twice FROM request', false],
    ['SELECT distance AS d, d AS again FROM request', false],
    ["SELECT coalesce(carrier, 'x') AS carrier FROM request", false],
    ['SELECT hour(scheduled_at) AS hour FROM request', false],
  ])('%s → %p', async (sql, plain) => {
    expect((await plainFeatures(await compileFeatureSql({ sql, request }))) !== null).toBe(plain);
  });

  test('have the same values as from the database', async () => {
    const plan = await compileFeatureSql({
      sql: 'SELECT carrier AS airline, distance, seats, weekend FROM request',
      request,
    });
    const plain = await plainFeatures(plan);
    const runner = await openFeatureRunner(plan);
    const maybe = <T>(values: fc.Arbitrary<T>) => fc.option(values, { nil: null });
    const rows = fc.array(
      fc.record({
        carrier: maybe(
          fc.oneof(
            fc.string({ unit: 'grapheme-ascii' }),
            fc.constant('__missing__'),
            fc.constant(''),
          ),
        ),
        distance: maybe(fc.double({ noDefaultInfinity: true })),
        Seats: maybe(fc.maxSafeInteger()),
        weekend: maybe(fc.boolean()),
      }),
      { minLength: 1, maxLength: 20 },
    );
    try {
      await fc.assert(
        fc.asyncProperty(rows, async (batch) => {
          expect(plain?.compute(batch)).toEqual(await runner.run(batch, { deadlineMs: 10_000 }));
        }),
        { numRuns: 50 },
      );
    } finally {
      runner.close();
    }
  });
});
