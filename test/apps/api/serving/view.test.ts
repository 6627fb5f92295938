import { predictionToJson, predictionView } from '../../../../apps/api/serving/view';
import type { ListedPrediction } from '../../../../db/serving/prediction-list';
import type { SafetyAudit } from '../../../../domain/bundle/logged-answer';
import { computeDigest } from '../../../../data/digest';

const passed = { outcome: 'passed', findings: [] } as const;

test('an answer without passages has no verdict about them', () => {
  const safety: SafetyAudit = {
    policy: computeDigest('policy'),
    input: passed,
    output: passed,
    retrieved: null,
  };
  const row = {
    id: 'pred_1',
    receivedAt: '2026-01-10T12:00:00.000Z',
    model: 'wiki',
    version: 1,
    arm: 'champion',
    latencyMs: 20,
    eventTime: null,
    output: {
      text: 'x',
      finish: 'stop',
      usage: { promptTokens: 3, completionTokens: 1 },
      firstTokenMs: null,
      blocked: null,
      malformed: false,
      error: null,
      safety,
      retrieved: null,
    },
    rollout: null,
    other: null,
    label: null,
    labelledAt: null,
  } as unknown as ListedPrediction;
  const shown = predictionToJson({ ...row, receivedValues: null }, null);
  expect(predictionView.parse(shown)).toEqual(shown);
  expect(shown).toMatchObject({
    verdict: 'passed',
    safety: { output: { outcome: 'passed' }, retrieved: null },
  });
});
