import { parseFeedback } from '../../../../apps/gateway/feedback/feedback-items';

const predictionId = 'pred_01m8000000000000000000000a';

describe('the time of a label', () => {
  test('in the past is kept', () => {
    expect(parseFeedback({ predictionId, label: 1, labelledAt: '2013-07-01T09:00:00Z' })).toEqual([
      { predictionId, label: 1, labelledAt: '2013-07-01T09:00:00Z' },
    ]);
  });

  test('in the future is the time of receipt, so that a correction replaces the label', () => {
    const before = Date.now();
    const items = parseFeedback([
      { predictionId, label: 1, labelledAt: new Date(before + 3_600_000).toISOString() },
      { predictionId, label: 0, labelledAt: '2099-01-01T00:00:00+02:00' },
    ]);
    const times = items.map(({ labelledAt }) => Date.parse(labelledAt));
    for (const time of times) {
      expect(time).toBeGreaterThanOrEqual(before);
      expect(time).toBeLessThanOrEqual(Date.now());
    }
    expect(items).toHaveLength(2);
  });
});
