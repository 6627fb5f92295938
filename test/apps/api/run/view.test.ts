import { stageToJson } from '../../../../apps/api/run/view';
import type { RunId } from '../../../../domain/ids';
import type { StageRecord } from '../../../../db/stage/repository';
import type { Verdict } from '../../../../domain/verdict';

const verdict: Verdict = {
  kind: 'passed',
  reasons: [
    {
      gate: 'contract',
      code: 'contract.notApplicable',
      message: 'not compared',
      outcome: 'notApplicable',
    },
  ],
};
const record: StageRecord = {
  runId: 'run_1' as RunId,
  stage: 'validate',
  generation: 1,
  status: 'succeeded',
  cacheKey: 'sha256:0',
  output: { output: {}, verdict },
  decision: null,
  failure: null,
  reusedFrom: null,
  startedAt: '2026-01-31T00:00:00Z',
  endedAt: '2026-01-31T00:00:01Z',
  seconds: 1,
};

test('a stage shows the verdict of its decision, else the one stored with its output, else none', () => {
  expect(stageToJson(record)).toMatchObject({ name: 'validate', verdict, decision: null });
  const decided: Verdict = { kind: 'failed', reasons: [] };
  const decision = {
    id: 'dec_1',
    policy: 'sha256:1',
    evidence: 'sha256:2',
    verdict: decided,
  } as const;
  expect(stageToJson({ ...record, decision })).toMatchObject({
    verdict: decided,
    decision: 'dec_1',
  });
  expect(stageToJson({ ...record, output: null })).toMatchObject({ verdict: null });
});

test('a validate stage shows the result of each contract', () => {
  const buildResult = (source: string, quarantined: number, kind: Verdict['kind']) => ({
    report: {
      source,
      dataset: `shop.${source}`,
      rows: 9,
      accepted: 9 - quarantined,
      quarantined,
      checks: [],
    },
    quarantine: null,
    verdict: { kind, reasons: [] },
  });
  const contracts = {
    orders: buildResult('orders', 2, 'failed'),
    stock: buildResult('stock', 0, 'passed'),
  };
  expect(stageToJson({ ...record, output: { output: { contracts }, verdict } }).contracts).toEqual([
    {
      source: 'orders',
      dataset: 'shop.orders',
      verdict: 'failed',
      rows: 9,
      accepted: 7,
      quarantined: 2,
    },
    {
      source: 'stock',
      dataset: 'shop.stock',
      verdict: 'passed',
      rows: 9,
      accepted: 9,
      quarantined: 0,
    },
  ]);
  expect(stageToJson({ ...record, output: null }).contracts).toEqual([]);
  expect(stageToJson({ ...record, stage: 'train' }).contracts).toBeNull();
});

test('a tune stage shows its choice with the figures, without internal references', () => {
  const confirm = {
    metric: 'logloss',
    rows: 100,
    days: 9,
    default: 0.5,
    tuned: 0.4,
    difference: -0.1,
    reason: null,
  };
  const tuning = {
    chosen: 'tuned',
    params: { num_leaves: 7 },
    trials: { complete: 4, pruned: 2, failed: 0 },
    best: { number: 3, value: 0.41, params: { num_leaves: 7 } },
    confirm: { ...confirm, interval: { level: 0.9, lower: -0.2, upper: -0.05 } },
  };
  expect(
    stageToJson({ ...record, stage: 'tune', output: { output: { ...tuning, model: {} }, verdict } })
      .tuning,
  ).toEqual(tuning);
  expect(stageToJson({ ...record, stage: 'tune', output: null }).tuning).toBeNull();
  expect(stageToJson(record).tuning).toBeNull();
});
