import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createEvaluateActivities,
  type EvaluateInput,
  type ModelEvaluation,
} from '../../../activities/evaluation/evaluate';
import { openArtifactStore, type ArtifactStore } from '../../../data/artifact/store';
import { computeDigest } from '../../../data/digest';
import { openDatabase, type Database } from '../../../db/connection';
import { createRegistry, type Registry } from '../../../db/registry';
import type { Digest } from '../../../domain/artifact';
import { decide } from '../../../domain/decision/decide';
import type { Evidence } from '../../../domain/evaluation/evidence';
import { defaultTenant as tenant, effectKey, type RunId } from '../../../domain/ids';
import type { ModelLifecycleSpec } from '../../../domain/lifecycle/lifecycle';
import type { EvaluationPolicy } from '../../../domain/decision/policy';
import { noWorse, useful } from '../../support/evidence';
import { assembleHoldout, modelManifest, trueModel } from '../../support/training/holdout';
import { testBucket, migratedDatabase } from '../../support/platform';

let server: Awaited<ReturnType<typeof migratedDatabase>>;
let database: Database;
let registry: Registry;
let artifacts: ArtifactStore;
let folder: string;
let runId: RunId;
let input: EvaluateInput;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'evaluate-'));
  server = await migratedDatabase();
  database = openDatabase({ url: server.url });
  registry = createRegistry(database);
  artifacts = openArtifactStore({ ...testBucket(), leases: registry.artifacts });
  await artifacts.ensureBucket();

  // The registry requires a revision for the run, but its content does not matter.
  const spec = {
    name: 'flight-delay',
    kind: 'ModelLifecycle',
    owner: 'ops@airline.example',
  } as ModelLifecycleSpec;
  const revision = {
    lifecycle: 'flight-delay',
    digest: computeDigest(spec),
    spec,
    files: {},
    contracts: {},
  };
  await registry.lifecycles.apply({ tenant, revision, actor: 'test' });
  const run = await registry.runs.open({
    tenant,
    workflowId: 'w1',
    lifecycle: 'flight-delay',
    request: {},
    actor: 'test',
    traceId: '0'.repeat(32),
  });
  runId = run.id;
  const { ref } = await assembleHoldout(artifacts, folder, { rows: 3000, days: 14 });
  const flat = { ...trueModel, weights: { hour: 0, wind: 0, carrier: { B6: 0 } } };
  input = {
    tenant,
    runId,
    key: effectKey(runId, 'evaluate', 'decide', 0),
    lifecycle: 'flight-delay',
    assembled: ref,
    holdout: { dataset: 'flight-delay.holdout', version: 1, manifest: ref, rows: 1 },
    candidate: {
      model: 'flight-delay',
      version: 1,
      manifest: await modelManifest(artifacts, trueModel, ref),
    },
    champion: null,
    baseline: await modelManifest(artifacts, flat, ref),
    evaluate: { metrics: ['logloss'], slices: null, gates: [useful, noWorse], ungated: null },
    dayCount: { timezone: 'UTC', labelDelaySeconds: 0 },
    parity: null,
  };
});

afterAll(async () => {
  artifacts.close();
  await database.close();
  await server.drop();
  await rm(folder, { recursive: true });
});

function evaluate(
  attempt: number,
  changes: Partial<EvaluateInput> = {},
  effects = registry.effects,
): Promise<ModelEvaluation> {
  const activities = createEvaluateActivities({
    registry: { ...registry, effects },
    artifacts,
    scratchRoot: join(folder, 'scratch'),
  });
  const environment = new MockActivityEnvironment(
    { attempt },
    { logger: new DefaultLogger('ERROR') },
  );
  return environment.run((given: EvaluateInput) => activities.evaluateCandidate(given), {
    ...input,
    ...changes,
  });
}

test('a stored decision can be repeated from its policy and evidence', async () => {
  const { decision, evidence, summary } = await evaluate(1);
  expect(decision.verdict.kind).toBe('passed');
  const recorded = await registry.decisions.get({ tenant, id: decision.id });
  expect(recorded).toMatchObject({ runId, stage: 'evaluate', evidence, verdict: decision.verdict });
  const found = (await registry.evidence.get({
    tenant,
    kind: 'evidence',
    digest: evidence,
  })) as Evidence;
  const policy = (await registry.evidence.get({
    tenant,
    kind: 'policy',
    digest: decision.policy,
  })) as EvaluationPolicy;
  expect([computeDigest(found), computeDigest(policy)]).toEqual([evidence, decision.policy]);
  expect(decide(policy, found)).toEqual(decision.verdict);
  expect(await artifacts.exists(summary.predictions)).toBe(true);
  const { items } = await registry.audit.list({ tenant, pageSize: 50 });
  expect(items).toContainEqual(
    expect.objectContaining({ action: 'decision.record', subject: `decision:${decision.id}` }),
  );
});

test('a retry makes no second decision', async () => {
  const again = await evaluate(2);
  const decisions = await registry.decisions.list({ tenant, runId });
  expect(decisions.map(({ id }) => id)).toEqual([again.decision.id]);
});

test('a candidate keeps its attempt number on the holdout, and another one gets the next', async () => {
  const judgedAs = async (evidence: Digest) =>
    ((await registry.evidence.get({ tenant, kind: 'evidence', digest: evidence })) as Evidence)
      .attempt;
  const first = await evaluate(1, { key: effectKey(runId, 'evaluate', 'decide', 10) });
  expect(await judgedAs(first.evidence)).toMatchObject({ number: 1 });
  const other = { ...trueModel, bias: -4.9 };
  const manifest = await modelManifest(artifacts, other, input.assembled);
  const second = await evaluate(1, {
    key: effectKey(runId, 'evaluate', 'decide', 11),
    candidate: { ...input.candidate, version: 2, manifest },
  });
  expect(await judgedAs(second.evidence)).toMatchObject({
    number: 2,
    holdout: (await judgedAs(first.evidence))?.holdout,
  });
  expect(second.decision.verdict.reasons.map(({ message }) => message).join('\n')).toContain(
    'attempt 2 on this holdout',
  );
  const noted = await database.sql<
    { number: number; decision: string }[]
  >`select number, decision from holdout_attempts order by number`;
  expect(noted).toEqual([
    { number: 1, decision: first.decision.id },
    { number: 2, decision: second.decision.id },
  ]);
});

test('the days of a comparison with the champion are the history of later runs', async () => {
  const { model } = input.candidate;
  const listed = (before?: RunId) =>
    registry.dayHistory.list({ tenant, model, metric: 'logloss', ...(before && { before }) });
  expect(await listed()).toEqual([]);
  const weaker = await modelManifest(artifacts, { ...trueModel, bias: -4.5 }, input.assembled);
  const { evidence } = await evaluate(1, {
    key: effectKey(runId, 'evaluate', 'decide', 20),
    champion: { ...input.candidate, version: 3, manifest: weaker },
  });
  const found = (await registry.evidence.get({
    tenant,
    kind: 'evidence',
    digest: evidence,
  })) as Evidence;
  const { champion } = found.counterparts;
  if (champion.kind !== 'measured') throw new Error('the champion was not measured');
  expect(champion.increases.logloss).toMatchObject({
    correlation: { from: { days: 14, holdouts: 1, rollouts: 0 } },
  });
  const { from, until } = found.judged ?? { from: '', until: '' };
  expect(await listed()).toEqual([
    {
      kind: 'holdout',
      from: Date.parse(from) / 86_400_000,
      until: Date.parse(until) / 86_400_000,
      values: champion.byDay?.logloss,
    },
  ]);
  expect(champion.byDay?.logloss).toHaveLength(14);
  // The run began before its own decision, so its retries read no other history.
  expect(await listed(runId)).toEqual([]);
});

test('a retry finds the decision of an attempt that ended before it could return it', async () => {
  const before = await registry.decisions.list({ tenant, runId });
  const key = effectKey(runId, 'evaluate', 'decide', 1);
  const dying = {
    ...registry.effects,
    complete: () => Promise.reject(new Error('the worker died')),
  };
  await expect(evaluate(1, { key }, dying)).rejects.toThrow('the worker died');
  const { decision } = await evaluate(2, { key });
  const after = await registry.decisions.list({ tenant, runId });
  expect(after.slice(before.length).map(({ id }) => id)).toEqual([decision.id]);
});
