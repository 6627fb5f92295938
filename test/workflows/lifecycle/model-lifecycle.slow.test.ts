import { ApplicationFailure } from '@temporalio/common';
import type { ModelRun } from '../../../workflows/lifecycle/stage';

type RunPlan = ModelRun['plan'];
import { artifact, digest, failed, passed, buildPlan } from '../../support/fake-activities';
import { openLifecycleRuns, work, type LifecycleRuns } from '../../support/lifecycle-runs';

let runs: LifecycleRuns;
beforeAll(async () => {
  runs = await openLifecycleRuns();
});
afterAll(() => runs.close());

/** A dataset version from an earlier run. */
const flights = { dataset: 'flights', version: 1, manifest: artifact('flights'), rows: 10 };

describe('model lifecycle', () => {
  test('promotes a version that passes its gates', async () => {
    const { outcome, fake } = await runs.run('model-lifecycle-promoted', buildPlan());
    expect(outcome).toMatchObject({ status: 'succeeded', version: 2, verdict: { kind: 'passed' } });
    expect(outcome.verdict?.reasons.map((reason) => reason.code)).toEqual([
      'threshold.met',
      'promote.done',
    ]);
    expect(work(fake.calls)).toEqual([
      'openRun',
      'ingestSource',
      'validateDataset',
      'describeTrainer',
      'assembleData',
      'trainModel',
      'writeManifest',
      'readChampion',
      'registerVersion',
      'describeTrainer',
      'trainModel',
      'writeManifest',
      'measureParity',
      'evaluateCandidate',
      'probeGateways',
      'promoteVersion',
      'releaseRun',
      'closeRun',
    ]);
  });

  test('stops before training when the data break their contract', async () => {
    const counts = { rows: 10, accepted: 0, quarantined: 10 };
    const report = { source: 'flights', dataset: 'flight-delay.flights', ...counts, checks: [] };
    const { outcome, fake } = await runs.run('model-lifecycle-contract-broken', buildPlan(), {
      validateDataset: ({ dataset }) =>
        Promise.resolve({
          report,
          accepted: dataset,
          quarantine: artifact('bad'),
          verdict: failed,
        }),
    });
    expect(outcome).toMatchObject({ status: 'stopped', verdict: failed, version: null });
    expect(fake.calls).toContain('finishStage validate');
    expect(fake.calls).not.toContain('assembleData');
  });

  test('gives data work a longer timeout than the limit in the spec', async () => {
    const plan = buildPlan({ request: { until: 'latest' } });
    const hours = 30;
    const data = { ...plan.spec.data, timeoutSeconds: hours * 3600 };
    const { handle, end } = await runs.start(
      { ...plan, spec: { ...plan.spec, data } },
      {
        findLatestWindow: () =>
          Promise.resolve({ from: '2013-01-01T00:00:00Z', until: '2013-07-01T00:00:00Z' }),
      },
    );
    await end();
    const { events } = await handle.fetchHistory();
    const allowed = Object.fromEntries(
      (events ?? []).flatMap(({ activityTaskScheduledEventAttributes: scheduled }) =>
        scheduled
          ? [
              [
                scheduled.activityType?.name ?? '',
                Number(scheduled.startToCloseTimeout?.seconds) / 3600,
              ],
            ]
          : [],
      ),
    );
    expect(allowed).toMatchObject({
      findLatestWindow: hours + 2,
      ingestSource: hours + 2,
      validateDataset: 2,
      assembleData: 2 * hours + 2,
    });
  });

  test('rejects a version that fails a gate, and moves no alias', async () => {
    const { outcome, fake } = await runs.run('model-lifecycle-refused', buildPlan(), {
      evaluateCandidate: (() =>
        Promise.resolve({
          decision: { id: 'decision_1', policy: 'sha256:p', evidence: 'sha256:e', verdict: failed },
          evidence: 'sha256:e',
          summary: {},
        })) as never,
    });
    expect(outcome).toMatchObject({ status: 'stopped', verdict: failed, version: 2 });
    expect(fake.calls).toContain('rejectVersion');
    expect(fake.calls).not.toContain('promoteVersion');
  });

  test('ends at once when the candidate equals the champion', async () => {
    const { outcome, fake } = await runs.run('model-lifecycle-unchanged', buildPlan(), {
      readChampion: () =>
        Promise.resolve({
          version: { model: 'flight-delay', version: 2, manifest: artifact('2') },
          fencing: 4,
        }),
    });
    expect(outcome).toMatchObject({
      status: 'succeeded',
      version: 2,
      verdict: { kind: 'passed', reasons: [{ code: 'promote.unchanged' }] },
    });
    expect(fake.calls).not.toContain('evaluateCandidate');
    expect(fake.calls).not.toContain('registerVersion');
  });

  test('does not promote over a champion that it was not compared with', async () => {
    const { outcome } = await runs.run('model-lifecycle-overtaken', buildPlan(), {
      promoteVersion: () => Promise.resolve({ kind: 'conflict', champion: { version: 5 } }),
    });
    expect(outcome).toMatchObject({ status: 'stopped', verdict: { kind: 'inconclusive' } });
    expect(outcome.verdict?.reasons.at(-1)).toMatchObject({ code: 'promote.overtaken' });
  });

  test('records parity as not measured when no gateway is available', async () => {
    const parity: unknown[] = [];
    await runs.run('model-lifecycle-gateway-away', buildPlan(), {
      measureParity: () =>
        Promise.reject(ApplicationFailure.nonRetryable('no gateway', 'GatewayUnavailable')),
      evaluateCandidate: ((input: { parity: unknown }) => {
        parity.push(input.parity);
        return Promise.resolve({
          decision: { id: 'd', policy: 'sha256:p', evidence: 'sha256:e', verdict: failed },
          evidence: 'sha256:e',
          summary: {},
        });
      }) as never,
    });
    expect(parity).toEqual([{ kind: 'notMeasured', rows: 0, reason: 'no gateway' }]);
  });

  test('reuses the cached output of a stage', async () => {
    const { outcome, fake } = await runs.run('model-lifecycle-reused', buildPlan(), {
      beginStage: (({ stage }: { stage: string }) =>
        Promise.resolve(
          stage === 'train'
            ? {
                kind: 'reused',
                fromRun: 'run_0',
                end: {
                  output: {
                    manifest: artifact('2'),
                    assembled: artifact('a'),
                    result: { metrics: {}, facts: {} },
                  },
                },
              }
            : { kind: 'run' },
        )) as never,
    });
    expect(outcome).toMatchObject({ status: 'succeeded', version: 2 });
    expect(fake.calls).not.toContain('assembleData');
    expect(fake.calls).not.toContain('finishStage train');
    // The version of the run that trained may have been rejected or withdrawn since.
    expect(fake.calls).toContain('registerVersion');
  });

  test('approves the accepted rows again when a validation is reused', async () => {
    const approved: unknown[] = [];
    const accepted = { dataset: 'flights', version: 3, manifest: artifact('good'), rows: 9 };
    await runs.run('model-lifecycle-validate-reused', buildPlan(), {
      beginStage: (({ stage }: { stage: string }) =>
        Promise.resolve(
          stage === 'validate'
            ? {
                kind: 'reused',
                fromRun: 'run_0',
                end: { output: { datasets: { flights: accepted } }, verdict: passed },
              }
            : { kind: 'run' },
        )) as never,
      approveDataset: ({ dataset }) => Promise.resolve(void approved.push(dataset)),
    });
    expect(approved).toEqual([accepted]);
  });

  test('includes the approved version, trainer code and champion in the cache keys', async () => {
    const inputs: Record<string, unknown> = {};
    const approved = {
      dataset: 'flight-delay.flights',
      version: 1,
      manifest: artifact('approved'),
      rows: 9,
    };
    const plan = buildPlan();
    const contracts = {
      flights: {
        ...(plan.contracts['flights'] as RunPlan['contracts'][string]),
        distribution: { columns: ['carrier'], maxPsi: 0.1 },
      },
    };
    await runs.run(
      'model-lifecycle-inputs',
      { ...plan, contracts },
      {
        readApproved: ({ dataset }) =>
          Promise.resolve(dataset === approved.dataset ? approved : null),
        beginStage: (({ stage, inputs: given }: { stage: string; inputs: unknown }) => {
          inputs[stage] = given;
          return Promise.resolve({ kind: 'run' });
        }) as never,
      },
    );
    expect(inputs).toMatchObject({
      validate: { contracts, references: { flights: approved } },
      train: { trainer: { code: digest('code') } },
      evaluate: { baseline: digest('code'), champion: null, candidate: digest('2') },
    });
  });

  test('reuses the earlier stages of the given run in a rerun and runs the others', async () => {
    const asked: Record<string, unknown> = {};
    await runs.run(
      'model-lifecycle-rerun',
      buildPlan({ request: { fromStage: 'train', reuseRun: 'run_0' as never } }),
      {
        beginStage: (({ stage, reuse }: { stage: string; reuse: unknown }) => {
          asked[stage] = reuse;
          return Promise.resolve({ kind: 'run' });
        }) as never,
      },
    );
    expect(asked).toMatchObject({
      ingest: { kind: 'from', run: 'run_0' },
      validate: { kind: 'from', run: 'run_0' },
      train: { kind: 'never' },
      evaluate: { kind: 'never' },
    });
  });

  test.each<[string, RunPlan['request'], Readonly<Record<string, string>>]>([
    [
      'in a rerun',
      { fromStage: 'validate', reuseRun: 'run_0' as never, force: ['validate', 'evaluate'] },
      { ingest: 'from', validate: 'never', train: 'cache', evaluate: 'never', promote: 'never' },
    ],
    [
      'in a new run',
      { force: ['train'] },
      { ingest: 'never', validate: 'cache', train: 'never', evaluate: 'cache', promote: 'never' },
    ],
  ])('runs forced stages and reuses the others by their inputs, %s', async (_, request, kinds) => {
    const asked: Record<string, string> = {};
    const { end } = await runs.start(buildPlan({ request }), {
      beginStage: (({ stage, reuse }: { stage: string; reuse: { kind: string } }) => {
        asked[stage] = reuse.kind;
        return Promise.resolve({ kind: 'run' });
      }) as never,
    });
    expect(await end()).toMatchObject({ status: 'succeeded' });
    expect(asked).toEqual(kinds);
  });

  test.each<[string, RunPlan['request'], Readonly<Record<string, string>>]>([
    [
      'before the first stage',
      { fromStage: 'train' },
      { ingest: 'from', validate: 'from', train: 'never', evaluate: 'never', promote: 'never' },
    ],
    [
      'whatever stage comes first',
      {},
      { ingest: 'from', validate: 'from', train: 'from', evaluate: 'from', promote: 'never' },
    ],
    [
      'except forced ones',
      { force: ['validate'] },
      { ingest: 'from', validate: 'never', train: 'from', evaluate: 'from', promote: 'never' },
    ],
  ])('reuses the stages of a project’s run %s', async (_, request, kinds) => {
    const asked: Record<string, string> = {};
    const plan = buildPlan({ request: { ...request, reuseRun: 'run_0' as never } });
    const program = {
      project: 'shop',
      build: digest('build'),
      params: null,
      stages: {},
      steps: {},
      files: {},
      environment: null,
    };
    const { end } = await runs.start(
      { ...plan, spec: { ...plan.spec, program } },
      {
        beginStage: (({ stage, reuse }: { stage: string; reuse: { kind: string } }) => {
          asked[stage] = reuse.kind;
          return Promise.resolve({ kind: 'run' });
        }) as never,
      },
    );
    expect(await end()).toMatchObject({ status: 'succeeded' });
    expect(asked).toEqual(kinds);
  });

  test('does not promote on a reused evaluation against another champion', async () => {
    const champion = {
      version: { model: 'flight-delay', version: 1, manifest: artifact('1') },
      fencing: 4,
    };
    const { outcome, fake } = await runs.run(
      'model-lifecycle-rerun-promote',
      buildPlan({ request: { fromStage: 'promote', reuseRun: 'run_0' as never } }),
      {
        readChampion: () => Promise.resolve(champion),
        beginStage: (({ stage }: { stage: string }) =>
          Promise.resolve(
            stage === 'promote'
              ? { kind: 'run' }
              : {
                  kind: 'reused',
                  fromRun: 'run_0',
                  end: {
                    output: {
                      datasets: { flights },
                      manifest: artifact('2'),
                      assembled: artifact('a'),
                      result: { metrics: {} },
                      champion: digest('another'),
                    },
                    verdict: passed,
                    decision: {
                      id: 'decision_0',
                      policy: digest('p'),
                      evidence: digest('e'),
                      verdict: passed,
                    },
                  },
                },
          )) as never,
      },
    );
    expect(outcome).toMatchObject({ status: 'stopped', verdict: { kind: 'inconclusive' } });
    expect(outcome.verdict?.reasons.at(-1)).toMatchObject({ code: 'promote.overtaken' });
    expect(fake.calls).not.toContain('promoteVersion');
  });

  test('does not reject a version when the verdict is inconclusive', async () => {
    const open = {
      kind: 'inconclusive',
      reasons: [{ gate: 'parity', code: 'parity.notMeasured', message: 'no gateway' }],
    } as const;
    const { outcome, fake } = await runs.run('model-lifecycle-inconclusive', buildPlan(), {
      evaluateCandidate: (() =>
        Promise.resolve({
          decision: { id: 'd', policy: digest('p'), evidence: digest('e'), verdict: open },
          evidence: digest('e'),
          summary: {},
        })) as never,
    });
    expect(outcome).toMatchObject({ status: 'stopped', verdict: open });
    expect(fake.calls).not.toContain('rejectVersion');
  });
});

describe('a run with an imported model', () => {
  const imported = { format: 'onnx', fileName: 'model.onnx', artifact: artifact('model') } as const;

  test('evaluates and promotes it, and trains and tunes nothing', async () => {
    const { outcome, fake } = await runs.run(
      'model-lifecycle-imported',
      buildPlan({ request: { imported } }),
    );
    expect(outcome).toMatchObject({ status: 'succeeded', version: 2 });
    const done = work(fake.calls);
    // The baseline is trained later, for the evaluation.
    expect(done.slice(0, done.indexOf('registerVersion'))).not.toContain('trainModel');
    expect(done).toEqual(
      expect.arrayContaining(['assembleData', 'checkImportedModel', 'promoteVersion']),
    );
  });

  test('ends at once when it is the champion already', async () => {
    const champion = { model: 'flight-delay', version: 1, manifest: artifact('2') };
    const { outcome, fake } = await runs.run(
      'model-lifecycle-imported-unchanged',
      buildPlan({ request: { imported } }),
      { readChampion: () => Promise.resolve({ version: champion, fencing: 1 }) },
    );
    expect(outcome).toMatchObject({ status: 'succeeded', version: 1 });
    expect(fake.calls).not.toContain('registerVersion');
  });
});
