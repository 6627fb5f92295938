import { newId } from '../../../db/ids';
import type { PredictionId } from '../../../domain/ids';
import { openTestRegistry, tenant, type TestRegistry } from '../registry-fixture';

let test_: TestRegistry;
beforeAll(async () => {
  test_ = await openTestRegistry({ maxConnections: 10 });
});
afterAll(() => test_.close());

const day = (number: number) => `2013-07-0${number}T00:00:00Z`;

/** Labels of one prediction. */
function labelled() {
  const predictionId = newId('pred') as PredictionId;
  return {
    record: async (label: unknown, labelledAt: string): Promise<boolean> => {
      const given = { tenant, predictionId, label, labelledAt };
      return (await test_.registry.feedback.record(given)).contradicts;
    },
    stored: async () => {
      const [row] = await test_.database.sql<
        { label: unknown; receivedValues: unknown; contradictedAt: string | null }[]
      >`select label, received_values, contradicted_at from feedback where prediction_id = ${predictionId}`;
      return row;
    },
  };
}

test('labels that agree leave no trace of a contradiction', async () => {
  const { record, stored } = labelled();
  const seen = [await record(1, day(1)), await record(1, day(2)), await record(true, day(3))];
  expect(seen).toEqual([false, false, false]);
  expect(await stored()).toEqual({ label: true, receivedValues: null, contradictedAt: null });
});

test('every value of a contradicted label is kept, whichever counts', async () => {
  const { record, stored } = labelled();
  const seen = [
    await record(1, day(2)),
    await record(0, day(3)),
    // It is older, so the stored one stays.
    await record(1, day(1)),
    // Replayed from the disk of a gateway.
    await record(1, day(2)),
    await record(0, day(3)),
    await record(1, day(1)),
  ];
  expect(seen).toEqual([false, true, true, false, false, false]);
  expect(await stored()).toEqual({
    label: 0,
    contradictedAt: expect.any(String) as string,
    receivedValues: [
      { label: 1, labelledAt: '2013-07-02T00:00:00.000000Z' },
      { label: 0, labelledAt: '2013-07-03T00:00:00.000000Z' },
      { label: 1, labelledAt: '2013-07-01T00:00:00.000000Z' },
    ],
  });
});

test.each<[string, readonly unknown[], readonly boolean[]]>([
  ['numbers', [12, 12, 12.5], [false, false, true]],
  ['true and 0', [true, 1, 0, false], [false, false, true, false]],
  ['classes', [{ references: ['7'] }, 7, { references: ['late'] }], [false, false, true]],
  [
    'fields of answers',
    [{ score: 1 }, { correction: 'Paris' }, { score: 0 }, { correction: 'Paris' }],
    [false, false, true, false],
  ],
])('compares %s', async (_, labels, contradictions) => {
  const { record } = labelled();
  const seen: boolean[] = [];
  for (const [number, label] of labels.entries()) seen.push(await record(label, day(number + 1)));
  expect(seen).toEqual(contradictions);
});

test('a label that changes without end takes bounded room', async () => {
  const { record, stored } = labelled();
  const start = Date.parse(day(1));
  for (let number = 0; number < 300; number += 1)
    expect(await record(number, new Date(start + number).toISOString())).toBe(number > 0);
  const row = await stored();
  expect(row?.label).toBe(299);
  const kept = row?.receivedValues as readonly { readonly label: number }[];
  expect(kept.map(({ label }) => label)).toEqual(kept.map((_, number) => number));
  expect(JSON.stringify(kept).length).toBeGreaterThan(7_000);
  expect(JSON.stringify(kept).length).toBeLessThan(8_400);
});
