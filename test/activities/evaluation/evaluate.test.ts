import { DuckDBInstance } from '@duckdb/node-api';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createEvaluateActivities,
  type EvaluateDeps,
  type EvaluateInput,
  type ModelEvaluation,
} from '../../../activities/evaluation/evaluate';
import { canonicalJson } from '../../../domain/canonical';
import { decide } from '../../../domain/decision/decide';
import type { Evidence } from '../../../domain/evaluation/evidence';
import { failure } from '../../../domain/failure';
import { defaultTenant, type IdempotencyKey, type RunId } from '../../../domain/ids';
import { explainEvidence } from '../../../domain/decision/explain';
import type { ArtifactRef } from '../../../domain/artifact';
import type { EvaluateSpec, GateSpec } from '../../../domain/decision/gate-spec';
import type { EvaluationPolicy } from '../../../domain/decision/policy';
import { computeDigest } from '../../../data/digest';
import { directoryArtifacts, type DirectoryArtifacts } from '../../support/directory-artifacts';
import { noWorse, parity, slices, useful } from '../../support/evidence';
import {
  assembleHoldout,
  modelManifest,
  outcomes,
  trueModel,
  trueOutcomes,
} from '../../support/training/holdout';

const rows = 6000;
/** Three weeks. */
const days = 21;
const spec: EvaluateSpec = {
  metrics: ['logloss', 'auc'],
  slices: { columns: ['origin', 'carrier'], metric: 'logloss', minRows: 500 },
  gates: [useful, noWorse, slices],
  ungated: null,
};
const prior = {
  bias: -0.3,
  weights: { hour: 0, wind: 0, carrier: { B6: 0 } },
  link: 'sigmoid',
} as const;
const misled = { ...trueModel, weights: { ...trueModel.weights, hour: -0.2 } };

let folder: string;
let artifacts: DirectoryArtifacts;
let base: EvaluateInput;
let registry: FakeRegistry;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'evaluate-'));
  artifacts = directoryArtifacts(join(folder, 'cas'));
  const { ref } = await assembleHoldout(artifacts, folder, { rows, days });
  base = {
    tenant: defaultTenant,
    runId: 'run_1' as RunId,
    key: 'run_1/evaluate/decide/0' as IdempotencyKey,
    lifecycle: 'flight-delay',
    assembled: ref,
    holdout: { dataset: 'flight-delay.holdout-rows', version: 4, manifest: ref, rows },
    candidate: {
      model: 'flight-delay',
      version: 2,
      manifest: await modelManifest(artifacts, trueModel, ref),
    },
    champion: null,
    baseline: await modelManifest(artifacts, prior, ref),
    evaluate: spec,
    dayCount: { timezone: 'UTC', labelDelaySeconds: 0 },
    parity: null,
  };
});
afterAll(() => rm(folder, { recursive: true }));
beforeEach(() => (registry = fakeRegistry()));

/** These tests cause failures, which the SDK would print. */
function quietEnvironment(): MockActivityEnvironment {
  return new MockActivityEnvironment({}, { logger: new DefaultLogger('ERROR') });
}

async function evaluate(
  changes: Partial<EvaluateInput> = {},
  deps: Partial<EvaluateDeps> = {},
): Promise<ModelEvaluation & { found: Evidence }> {
  const activities = createEvaluateActivities({
    registry,
    artifacts,
    scratchRoot: join(folder, 'scratch'),
    ...deps,
  });
  const evaluation: ModelEvaluation = await quietEnvironment().run(
    (given: EvaluateInput) => activities.evaluateCandidate(given),
    {
      ...base,
      ...changes,
    },
  );
  return { ...evaluation, found: registry.bodies.get(evaluation.evidence) as Evidence };
}

const champion = async (
  ...model: Parameters<typeof modelManifest> extends [unknown, ...infer Rest] ? Rest : never
) => ({
  model: 'flight-delay',
  version: 1,
  manifest: await modelManifest(artifacts, ...model),
});

describe('evaluating a candidate', () => {
  test('passes a better candidate, and stores policy and evidence before the decision', async () => {
    const { decision, evidence, summary, found } = await evaluate();
    expect(decision.verdict.kind).toBe('passed');
    expect(decision.verdict.reasons.map(({ code }) => code)).toEqual([
      'threshold.met',
      'nonInferiority.shown',
      'slice.unharmed',
      'policy.attempt',
    ]);
    expect(registry.log.map(([what]) => what)).toEqual([
      'claim',
      'policy',
      'evidence',
      'reference',
      'decision',
      'lineage',
      'complete',
    ]);
    expect(computeDigest(found)).toBe(evidence);
    expect(decide(registry.bodies.get(decision.policy) as EvaluationPolicy, found)).toEqual(
      decision.verdict,
    );
    expect(found).toMatchObject({
      candidate: base.candidate.manifest.digest,
      holdout: { rows, days },
    });
    expect(summary).toMatchObject({
      against: 'baseline',
      rows,
      days,
      metrics: { auc: { value: expect.any(Number) as number } },
    });
    expect(summary.increases.logloss?.upper).toBeLessThan(0);
    expect(registry.log.find(([what]) => what === 'lineage')?.[1]).toMatchObject([
      {
        from: { kind: 'dataset', name: 'flight-delay.holdout-rows', version: 4 },
        to: { kind: 'model', name: 'flight-delay', version: 2 },
      },
    ]);
  });

  test('compares with a pinned version, regardless of the champion', async () => {
    registry.versions.set(3, await modelManifest(artifacts, trueModel, base.assembled));
    const anchor = (version: number): GateSpec =>
      ({
        ...noWorse,
        name: `anchor-${version}`,
        kind: 'nonInferiority',
        against: { version },
      }) as GateSpec;
    const candidate = {
      ...base.candidate,
      manifest: await modelManifest(artifacts, misled, base.assembled),
    };
    const { decision, found, summary } = await evaluate({
      candidate,
      champion: await champion(misled, base.assembled),
      evaluate: { ...spec, slices: null, gates: [noWorse, anchor(3), anchor(4)] },
    });
    // As good as its champion, but far worse than version 3.
    expect(decision.verdict.reasons.slice(0, 3).map(({ gate, code }) => [gate, code])).toEqual([
      ['no-worse', 'nonInferiority.shown'],
      ['anchor-3', 'nonInferiority.refuted'],
      ['anchor-4', 'nonInferiority.notMeasured'],
    ]);
    expect(decision.verdict.reasons[1]?.message).toContain('worse than flight-delay@3');
    expect(decision.verdict.reasons[2]?.message).toContain(
      'flight-delay@4: this version does not exist',
    );
    expect(found.anchors?.['3']).toMatchObject({ kind: 'measured', name: 'flight-delay@3' });
    expect(explainEvidence(found).join('\n')).toContain(
      'flight-delay@4 could not be measured: this version does not exist',
    );
    const file = join(folder, 'anchored.parquet');
    await artifacts.toFile(summary.predictions, file);
    const reader = await (
      await (await DuckDBInstance.create()).connect()
    ).runAndReadAll(
      `SELECT avg(abs(score - version_3)) > 0.1 AS apart, count(version_4)::INTEGER AS four FROM '${file}'`,
    );
    expect(reader.getRowObjects()).toEqual([{ apart: true, four: 0 }]);
  });

  test('judges the last whole weeks of a holdout, in the days of its time zone, and scores every row', async () => {
    const place = await mkdtemp(join(folder, 'weeks-'));
    const { ref } = await assembleHoldout(artifacts, place, { rows, days: 20 });
    const candidate = {
      ...base.candidate,
      manifest: await modelManifest(artifacts, trueModel, ref),
    };
    const given = {
      assembled: ref,
      candidate,
      baseline: await modelManifest(artifacts, prior, ref),
    };
    const { found, summary } = await evaluate({
      ...given,
      dayCount: { timezone: 'America/New_York', labelDelaySeconds: 0 },
    });
    // From June 1 to June 20, midnight in London, so June 20 is incomplete in New York.
    expect(found.judged).toEqual({
      rows: 4200,
      days: 14,
      weeks: 2,
      from: '2013-06-06',
      until: '2013-06-20',
      timezone: 'America/New_York',
    });
    expect(found.holdout.rows).toBe(rows);
    expect(found.metrics.auc).toMatchObject({ kind: 'measured', rows: 4200, days: 14 });
    expect(summary).toMatchObject({ rows: 4200, days: 14 });
    const six = await evaluate({
      ...given,
      dayCount: { timezone: 'UTC', labelDelaySeconds: 14 * 86_400 },
      key: 'run_1/evaluate/decide/6' as IdempotencyKey,
    });
    expect(six.decision.verdict.kind).toBe('inconclusive');
    expect(six.found.metrics.auc).toMatchObject({
      kind: 'notMeasured',
      reason: expect.stringContaining('has only 6 days') as string,
    });
  });

  test('fails a worse candidate', async () => {
    const candidate = {
      ...base.candidate,
      manifest: await modelManifest(artifacts, misled, base.assembled),
    };
    const { decision } = await evaluate({ candidate });
    expect(decision.verdict.kind).toBe('failed');
    expect(decision.verdict.reasons.map(({ code }) => code)).toEqual([
      'threshold.missed',
      'nonInferiority.refuted',
      'slice.harmed',
      'policy.attempt',
    ]);
  });

  test('a second measurement gives the same evidence, byte for byte', async () => {
    const first = await evaluate();
    registry = fakeRegistry();
    const second = await evaluate({
      key: 'run_2/evaluate/decide/0' as IdempotencyKey,
      runId: 'run_2' as RunId,
    });
    expect(canonicalJson(second.found)).toBe(canonicalJson(first.found));
    expect(second.summary.predictions).toEqual(first.summary.predictions);
  });

  test('stores each row with the scores of all models', async () => {
    const { summary } = await evaluate({ champion: await champion(misled, base.assembled) });
    const path = join(folder, 'audit.parquet');
    await artifacts.toFile(summary.predictions, path);
    const instance = await DuckDBInstance.create(':memory:');
    const connection = await instance.connect();
    const reader = await connection.runAndReadAll(
      `SELECT count(*)::INTEGER AS n, count(DISTINCT "day")::INTEGER AS days, avg(abs(score - champion)) > 0.1 AS apart, max(baseline) - min(baseline) AS flat FROM '${path}'`,
    );
    expect(reader.getRowObjects()).toEqual([{ n: rows, days, apart: true, flat: 0 }]);
    connection.closeSync();
    instance.closeSync();
  });

  test('records the parity of its input, and leaves no scratch files', async () => {
    const { decision } = await evaluate({
      evaluate: { ...spec, gates: [useful, parity] },
      parity: { kind: 'notMeasured', rows: 0, reason: 'no gateway is alive' },
    });
    expect(decision.verdict.kind).toBe('inconclusive');
    expect(decision.verdict.reasons[1]?.message).toContain('no gateway is alive');
    expect(await readdir(join(folder, 'scratch'))).toEqual([]);
  });
});

test('evaluates a regression with its own metrics', async () => {
  const place = await mkdtemp(join(folder, 'regression-'));
  const { ref } = await assembleHoldout(artifacts, place, { rows, days, task: 'regression' });
  const signature = { task: 'regression' } as const;
  const near = { ...trueModel, bias: trueModel.bias + 0.1, link: 'identity' } as const;
  const flat = { ...prior, link: 'identity' } as const;
  const { decision, summary } = await evaluate({
    assembled: ref,
    holdout: { dataset: 'flight-delay.holdout-rows', version: 4, manifest: ref, rows },
    candidate: {
      ...base.candidate,
      manifest: await modelManifest(artifacts, near, ref, { signature }),
    },
    baseline: await modelManifest(artifacts, flat, ref, { signature }),
    evaluate: {
      metrics: ['rmse', 'mae'],
      slices: { columns: ['carrier'], metric: 'mae', minRows: 500 },
      gates: [
        {
          name: 'explains',
          kind: 'threshold',
          metric: 'r2',
          min: 0.9,
          max: null,
          confidence: 0.97,
        },
        {
          name: 'better',
          kind: 'superiority',
          metric: 'rmse',
          against: 'baseline',
          whenAbsent: 'baseline',
          margin: 0.5,
          confidence: 0.97,
        },
        slices,
      ],
      ungated: null,
    },
  });
  expect(decision.verdict).toMatchObject({ kind: 'passed' });
  expect(summary.metrics.rmse?.value).toBeCloseTo(0.1, 5);
  expect(summary.metrics.mae?.upper).toBeCloseTo(0.1, 5);
});

describe('gates on one class', () => {
  const signature = { task: 'multiclass', classes: outcomes } as const;
  const recall = { kind: 'threshold', metric: 'recall', max: null, confidence: 0.97 } as const;
  const compared = {
    kind: 'nonInferiority',
    against: 'champion',
    whenAbsent: 'baseline',
    margin: 0.05,
    confidence: 0.97,
  } as const;
  const gates: readonly GateSpec[] = [
    { ...recall, name: 'finds-gales', class: 'gale', min: 0.3 },
    { ...recall, name: 'finds-storms', class: 'storm', min: 0.3 },
    { ...recall, name: 'finds-hail', class: 'hail', min: 0.3 },
    { ...compared, name: 'gales-no-worse', metric: 'f1', class: 'gale' },
    { ...compared, name: 'better-calm', kind: 'superiority', metric: 'recall', class: 'calm' },
  ];
  /** Predicts gale only when it is much more probable than breeze. */
  const shy = {
    ...trueOutcomes,
    classes: { slopes: [0, 1, 2, 0], offsets: [0, 0, -3, -20] },
  };

  async function judged(graph: typeof trueOutcomes, championGraph: typeof trueOutcomes) {
    const place = await mkdtemp(join(folder, 'classes-'));
    const { ref } = await assembleHoldout(artifacts, place, { rows, days, task: 'multiclass' });
    return evaluate({
      assembled: ref,
      holdout: { dataset: 'flight-delay.holdout-rows', version: 4, manifest: ref, rows },
      candidate: {
        ...base.candidate,
        manifest: await modelManifest(artifacts, graph, ref, { signature }),
      },
      champion: await champion(championGraph, ref, { signature }),
      baseline: null,
      evaluate: { metrics: ['logloss'], slices: null, gates, ungated: null },
    });
  }

  test('use the bounds of that class, and say why a class cannot be measured', async () => {
    const { decision, found } = await judged(trueOutcomes, shy);
    expect(decision.verdict.reasons.slice(0, 5).map(({ gate, code }) => [gate, code])).toEqual([
      ['finds-gales', 'threshold.met'],
      ['finds-storms', 'threshold.notMeasured'],
      ['finds-hail', 'threshold.notMeasured'],
      ['gales-no-worse', 'nonInferiority.shown'],
      ['better-calm', 'superiority.refuted'],
    ]);
    const messages = decision.verdict.reasons.map(({ message }) => message);
    expect(messages[0]).toMatch(/^recall of gale 0\.\d+ \(97\.6 % lower bound 0\.\d+\): meets the/);
    expect(messages[1]).toBe('could not be measured: no judged row has the class storm');
    expect(messages[2]).toBe(
      'could not be measured: hail is not a class of the label: calm, breeze, gale, storm',
    );
    expect(messages[3]).toMatch(/^f1 of gale −0\.\d+, better than flight-delay@1 \(97\.6 % bounds/);
    expect(decision.verdict.kind).toBe('failed');
    const measured = found.counterparts.champion;
    if (measured.kind !== 'measured') throw new Error('the champion was not measured');
    expect(measured.classIncreases?.map((each) => [each.metric, each.class])).toEqual([
      ['f1', 'gale'],
      ['recall', 'calm'],
    ]);
  });

  test('fail a candidate that finds fewer of the class', async () => {
    const { decision } = await judged(shy, trueOutcomes);
    const codes = Object.fromEntries(
      decision.verdict.reasons.map(({ gate, code }) => [gate, code]),
    );
    expect(codes).toMatchObject({
      'finds-gales': 'threshold.missed',
      'gales-no-worse': 'nonInferiority.refuted',
    });
    expect(decision.verdict.kind).toBe('failed');
  });
});

describe('rows without a time', () => {
  const grouped = async (groups: number) => {
    const place = await mkdtemp(join(folder, 'drawn-'));
    const { ref } = await assembleHoldout(artifacts, place, { rows, days, groups });
    return {
      assembled: ref,
      holdout: { dataset: 'flight-delay.holdout-rows', version: 4, manifest: ref, rows },
      candidate: { ...base.candidate, manifest: await modelManifest(artifacts, trueModel, ref) },
      baseline: await modelManifest(artifacts, prior, ref),
    };
  };

  test('are all used, and groups are resampled instead of days', async () => {
    const { decision, found, summary } = await evaluate(await grouped(60));
    expect(decision.verdict.kind).toBe('passed');
    expect(found.judged).toBeUndefined();
    expect(found).toMatchObject({
      holdout: { rows, days: 60, groups: 60, window: null },
      resampling: { unit: 'group', correlation: 0 },
      metrics: { logloss: { kind: 'measured', days: 60, unit: 'group', rows } },
    });
    expect(explainEvidence(found)[0]).toContain(
      'holdout of 60 groups: 6,000 rows of 60 groups; differences between days are not measured',
    );
    expect(summary).toMatchObject({ rows, days: 60, unit: 'group' });
  });

  test('are inconclusive with too few groups', async () => {
    const { decision } = await evaluate(await grouped(5));
    expect(decision.verdict.kind).toBe('inconclusive');
    expect(decision.verdict.reasons[0]?.message).toContain(
      'auc has only 5 groups; at least 7 are needed for an interval',
    );
  });
});

describe('the champion', () => {
  test('is scored with its own features on the same request rows', async () => {
    // The same model: its features count the hour backwards, and its weights reverse that.
    const backwards = {
      bias: trueModel.bias + 0.2 * 24,
      weights: { away: -0.2, wind: 0.1, carrier: { B6: 1 } },
      link: 'sigmoid',
    } as const;
    const features = [
      { name: 'away', type: 'float' },
      { name: 'wind', type: 'float' },
      { name: 'carrier', type: 'string' },
    ] as const;
    const featuresSql = 'SELECT 24 - hour AS away, wind, carrier FROM request';
    const { found, decision } = await evaluate({
      champion: await champion(backwards, base.assembled, { featuresSql, signature: { features } }),
    });
    const measured = found.counterparts.champion;
    if (measured.kind !== 'measured') throw new Error('the champion was not measured');
    expect(measured.increases.logloss?.estimate).toBeCloseTo(0, 6);
    expect(measured.name).toBe('flight-delay@1');
    expect(decision.verdict.kind).toBe('passed');
  });

  test.each<[string, Parameters<typeof modelManifest>[3], string]>([
    [
      'needs a request column that these rows lack',
      {
        featuresSql: 'SELECT hour, wind, carrier, gate FROM request',
        signature: { request: [{ name: 'gate', type: 'string' }] },
      },
      'it needs `gate`, which these request rows lack',
    ],
    [
      'has a graph that does not fit its signature',
      { signature: { features: [{ name: 'other', type: 'float' }] } },
      'the model does not fit its signature',
    ],
    ['does another task', { signature: { task: 'regression' } }, 'its task is regression'],
    [
      'has features that cannot be computed',
      { featuresSql: 'SELECT nonsense(hour) AS hour, wind, carrier FROM request' },
      'features.sql of flight-delay@1',
    ],
  ])(
    'that %s is not compared, the candidate is measured, and the verdict does not pass',
    async (_case, changes, reason) => {
      const { found, decision } = await evaluate({
        champion: await champion(trueModel, base.assembled, changes),
      });
      expect(found.metrics.auc?.kind).toBe('measured');
      expect(found.counterparts.champion).toMatchObject({
        kind: 'notMeasured',
        name: 'flight-delay@1',
        reason: expect.stringContaining(reason) as string,
      });
      expect(decision.verdict.kind).toBe('inconclusive');
    },
  );
});

describe('failures and retries', () => {
  test('a retry after the effect is done repeats the result and reads nothing', async () => {
    const first = await evaluate();
    const blind = { ...artifacts, getJson: () => Promise.reject(new Error('read again')) };
    expect(await evaluate({}, { artifacts: blind })).toEqual(first);
  });

  test('an attempt records no decision after another one has taken over', async () => {
    registry.owned = false;
    await expect(evaluate()).rejects.toMatchObject({ type: 'FencedOff' });
    expect(registry.log.map(([what]) => what)).toEqual(['claim']);
  });

  test('a candidate that was trained on other rows is not evaluated on this holdout', async () => {
    const other = { ...base.assembled, digest: computeDigest('other rows') };
    const candidate = {
      ...base.candidate,
      manifest: await modelManifest(artifacts, trueModel, other),
    };
    await expect(evaluate({ candidate })).rejects.toMatchObject({ type: 'InvalidInput' });
  });

  test('rejects a holdout file whose rows differ from the manifest', async () => {
    const assembled = await artifacts.getJson<{ parts: { holdout: object } }>(base.assembled);
    const value = {
      ...assembled,
      parts: { ...assembled.parts, holdout: { ...assembled.parts.holdout, rows: rows + 1 } },
    };
    const ref = await artifacts.putJson({ tenant: 'default', value });
    const candidate = {
      ...base.candidate,
      manifest: await modelManifest(artifacts, trueModel, ref),
    };
    await expect(evaluate({ assembled: ref, candidate })).rejects.toMatchObject({
      type: 'DataUnreadable',
    });
  });

  test('unavailable storage is retried, and does not count as an unmeasurable champion', async () => {
    const onnx = computeDigest('unused');
    const getBytes: DirectoryArtifacts['getBytes'] = () =>
      Promise.reject(failure('StorageUnavailable', `${onnx} cannot be read now`));
    await expect(
      evaluate(
        { champion: await champion(trueModel, base.assembled) },
        { artifacts: { ...artifacts, getBytes } },
      ),
    ).rejects.toMatchObject({
      type: 'StorageUnavailable',
    });
    expect(await readdir(join(folder, 'scratch'))).toEqual([]);
  });

  test('a cancellation ends it without a record and without scratch files', async () => {
    const environment = quietEnvironment();
    const toFile: DirectoryArtifacts['toFile'] = async (...args) => {
      await artifacts.toFile(...args);
      environment.cancel();
    };
    const activities = createEvaluateActivities({
      registry,
      artifacts: { ...artifacts, toFile },
      scratchRoot: join(folder, 'scratch'),
    });
    await expect(environment.run(() => activities.evaluateCandidate(base))).rejects.toMatchObject({
      name: 'CancelledFailure',
    });
    expect(registry.log.map(([what]) => what)).toEqual(['claim']);
    expect(await readdir(join(folder, 'scratch'))).toEqual([]);
  });

  test.each([
    ['no rows', 0, 1],
    ['three days', 900, 3],
  ])('a holdout of %s is inconclusive', async (_case, few, fewDays) => {
    const place = await mkdtemp(join(folder, 'few-'));
    const { ref } = await assembleHoldout(artifacts, place, { rows: few, days: fewDays });
    const candidate = {
      ...base.candidate,
      manifest: await modelManifest(artifacts, trueModel, ref),
    };
    const { decision, found } = await evaluate({
      assembled: ref,
      candidate,
      baseline: await modelManifest(artifacts, prior, ref),
    });
    expect(decision.verdict.kind).toBe('inconclusive');
    expect(found.holdout.rows).toBe(few);
  });
});

test('sends heartbeats from its first line', async () => {
  const environment = quietEnvironment();
  let beats = 0;
  environment.on('heartbeat', () => (beats += 1));
  const claim: FakeRegistry['effects']['claim'] = () => {
    expect(beats).toBe(1);
    return Promise.reject(failure('DatabaseUnavailable', 'away'));
  };
  const activities = createEvaluateActivities({
    registry: { ...registry, effects: { ...registry.effects, claim } },
    artifacts,
    scratchRoot: join(folder, 'scratch'),
  });
  await expect(environment.run(() => activities.evaluateCandidate(base))).rejects.toMatchObject({
    type: 'DatabaseUnavailable',
  });
});

type FakeRegistry = EvaluateDeps['registry'] & {
  readonly log: [string, unknown][];
  readonly bodies: Map<string, unknown>;
  /** Manifests by version. */
  readonly versions: Map<number, ArtifactRef>;
  owned: boolean;
};

/**
 * The part of the registry that `evaluate` needs: a journal of one key, stored bodies, and the
 * order of the writes.
 */
function fakeRegistry(): FakeRegistry {
  const log: [string, unknown][] = [];
  const bodies = new Map<string, unknown>();
  const done = new Map<string, unknown>();
  const candidates: string[] = [];
  const fake = {
    log,
    bodies,
    owned: true,
    versions: new Map<number, ArtifactRef>(),
    effects: {
      claim: ({ key }: { key: string }) => {
        if (done.has(key)) return Promise.resolve({ kind: 'done', result: done.get(key) } as const);
        log.push(['claim', key]);
        return Promise.resolve({ kind: 'claimed', token: 1 } as const);
      },
      assertOwned: () =>
        fake.owned
          ? Promise.resolve()
          : Promise.reject(failure('FencedOff', 'a newer attempt owns it')),
      complete: ({ key, result }: { key: string; result: unknown }) => {
        log.push(['complete', key]);
        done.set(key, result);
        return Promise.resolve();
      },
    },
    evidence: {
      put: ({ kind, digest, body }: { kind: string; digest: string; body: unknown }) => {
        log.push([kind, digest]);
        bodies.set(digest, body);
        return Promise.resolve();
      },
    },
    artifacts: {
      reference: ({ by }: { by: string }) => {
        log.push(['reference', by]);
        return Promise.resolve();
      },
    },
    decisions: {
      record: ({
        policy,
        evidence,
        verdict,
      }: {
        policy: string;
        evidence: string;
        verdict: unknown;
      }) => {
        log.push(['decision', verdict]);
        return Promise.resolve({ id: 'dec_1', policy, evidence, verdict });
      },
    },
    models: {
      get: ({ model, version }: { model: string; version: number }) => {
        const manifest = fake.versions.get(version);
        return Promise.resolve(manifest ? { model, version, manifest } : null);
      },
    },
    dayHistory: { list: () => Promise.resolve([]) },
    attempts: {
      claim: ({ holdout, candidate }: { holdout: string; candidate: string }) => {
        if (!candidates.includes(candidate)) candidates.push(candidate);
        return Promise.resolve({ holdout, number: candidates.indexOf(candidate) + 1 });
      },
    },
    lineage: {
      add: ({ edges }: { edges: unknown }) => {
        log.push(['lineage', edges]);
        return Promise.resolve();
      },
    },
  };
  return fake as unknown as FakeRegistry;
}
