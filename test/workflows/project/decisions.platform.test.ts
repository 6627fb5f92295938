import type { RunRecord } from '../../../db/run/repository';
import { computeDigest } from '../../../data/digest';
import { defaultTenant as tenant } from '../../../domain/ids';
import { evidence as evidenceOf } from '../../support/evidence';
import { decisionsProject } from '../../support/project/decisions-project';
import { record } from '../../support/lifecycle-runs';
import { openTestWorld, type TestWorld } from '../../support/project/test-world';

const evidence = evidenceOf();

let world: TestWorld;
beforeAll(async () => {
  world = await openTestWorld(decisionsProject);
});
afterAll(() => world.close());

const useful = (min: number) => [{ name: 'useful', kind: 'threshold', metric: 'auc', min }];
const waitForEnd = async (run: RunRecord) => {
  const { status, verdict, failure } = await world.untilEnd(run);
  return { status, reasons: verdict?.reasons.map(({ message }) => message), failure };
};

test('a decision is recorded with its policy and evidence, and may be repeated on them', async () => {
  const run = await world.start('judging', { gates: useful(0.62), evidence });
  expect(await waitForEnd(run)).toMatchObject({
    status: 'succeeded',
    reasons: ['passed by useful'],
  });
  const { registry } = world.core;
  const [first, second, ...others] = await registry.decisions.list({ tenant, runId: run.id });
  expect(others).toEqual([]);
  expect(first).toMatchObject({ stage: 'decide', evidence: computeDigest(evidence) });
  expect(second).toMatchObject({ stage: 'decide-2', policy: first?.policy });
  const kept = { tenant, kind: 'evidence', digest: computeDigest(evidence) } as const;
  expect(await registry.evidence.get(kept)).toEqual(evidence);
  const stages = await registry.stages.list({ tenant, runId: run.id });
  expect(stages[0]?.decision?.id).toBe(first?.id);
  await record('project-decisions-decided', world.temporal.workflow.getHandle(run.workflowId));
});

test('a gate that fails stops the run with its reason', async () => {
  const run = await world.start('judging', { gates: useful(0.9), evidence });
  const { status, reasons } = await waitForEnd(run);
  expect(status).toBe('stopped');
  expect(reasons?.[0]).toContain('auc 0.717 is below the minimum 0.9');
});

test.each([
  [
    'an unknown metric',
    { gates: [{ ...useful(1)[0], metric: 'auk' }], evidence },
    'gates.0.metric',
  ],
  ['no gates', { gates: [], evidence }, 'gates'],
  [
    'a slice gate',
    { gates: [{ name: 'slices', kind: 'slice', maxIncrease: 0.1 }], evidence },
    'gates.0.kind: must be threshold, nonInferiority, superiority or parity',
  ],
  ['no evidence', { gates: useful(0.62), evidence: { kind: 'other' } }, 'no such evidence'],
  [
    'partial evidence',
    { gates: useful(0.62), evidence: { kind: 'evaluation' } },
    'lacks a measurement of its gates',
  ],
])('%s fails the run with a clear message', async (_, params, message) => {
  const { status, failure } = await waitForEnd(await world.start('judging', params));
  expect(status).toBe('failed');
  expect(failure?.message).toContain(message);
});
