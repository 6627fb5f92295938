import { predictionToJson, predictionView } from '../../../apps/api/views/prediction';
import type { ListedPrediction } from '../../../db/prediction-list';
import type { SafetyAudit } from '../../../domain/llm/logged-answer';
import { digestOf } from '../../../data/digest';

const passed = { outcome: 'passed', findings: [] } as const;

test('a row from before passages were screened shows that nobody looked at them', () => {
  const safety: Omit<SafetyAudit, 'retrieved'> = { policy: digestOf('policy'), input: passed, output: passed };
  const row = {
    ...{ id: 'pred_1', receivedAt: '2026-01-10T12:00:00.000Z', model: 'wiki', version: 1, arm: 'champion', latencyMs: 20, eventTime: null },
    ...{ output: { text: 'x', finish: 'stop', safety }, rollout: null, other: null, label: null, labelledAt: null },
  } as unknown as ListedPrediction;
  const shown = predictionToJson(row, null);
  expect(predictionView.parse(shown)).toEqual(shown);
  expect(shown).toMatchObject({ verdict: 'passed', safety: { output: { outcome: 'passed' }, retrieved: null } });
});
