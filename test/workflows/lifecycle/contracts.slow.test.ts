import type { DatasetVersionRef } from '../../../domain/dataset/dataset';
import type { DataContract } from '../../../domain/dataset/contract';
import type { Verdict } from '../../../domain/verdict';
import type { ModelRun } from '../../../workflows/lifecycle/stage';
import type { ValidateOutput } from '../../../workflows/lifecycle/stages/validate';
import { artifact, buildPlan, source, type Overrides } from '../../support/fake-activities';
import { openLifecycleRuns, type LifecycleRuns } from '../../support/lifecycle-runs';

type RunPlan = ModelRun['plan'];

let runs: LifecycleRuns;
beforeAll(async () => {
  runs = await openLifecycleRuns();
});
afterAll(() => runs.close());

const one = buildPlan();
const contract = one.contracts['flights'] as DataContract;
const compared: DataContract = {
  ...contract,
  distribution: { columns: ['temp'], maxPsi: 0.2 },
};

/** Flights and weather with a contract each, and planes without one. */
function planWith(contracts: RunPlan['contracts'] = { flights: contract, weather: compared }) {
  const sources = ['flights', 'weather', 'planes'].map(source);
  return { ...one, contracts, spec: { ...one.spec, data: { ...one.spec.data, sources } } };
}

const said = (of: string, kind: Verdict['kind']): Verdict => ({
  kind,
  reasons: [{ gate: 'contract', code: 'contract.rows', message: `${of}: rows`, outcome: kind }],
});

/** Each source ends with its verdict; its accepted rows are version 2. */
function ending(kinds: Readonly<Record<string, Verdict['kind']>>) {
  return {
    validateDataset: ({ source: of, dataset }) => {
      const kind = kinds[of] ?? 'passed';
      const counts = { rows: 10, accepted: 9, quarantined: 1 };
      return Promise.resolve({
        report: { source: of, dataset: dataset.dataset, ...counts, checks: [] },
        accepted: { ...dataset, version: kind === 'passed' ? 2 : 1 },
        quarantine: artifact(`bad-${of}`),
        verdict: said(of, kind),
      });
    },
  } satisfies Overrides;
}

describe('the contracts of several sources', () => {
  test('all pass, and the run continues with the accepted rows of each', async () => {
    let assembled: Readonly<Record<string, DatasetVersionRef>> = {};
    const { fake } = await runs.run('model-lifecycle-contracts', planWith(), {
      ...ending({}),
      describeTrainer: ({ trainer }) =>
        Promise.resolve({
          name: trainer,
          description: '',
          tasks: ['classification' as const],
          paramsSchema: {},
          iterations: null,
          distributed: false,
          codeDigest: 'sha256:code' as const,
        }),
      assembleData: ({ datasets }) => {
        assembled = datasets;
        return Promise.reject(new Error('seen enough'));
      },
    });
    expect(fake.calls.filter((call) => call === 'validateDataset')).toHaveLength(2);
    expect(
      Object.entries(assembled).map(([name, { dataset, version }]) => [name, dataset, version]),
    ).toEqual([
      ['flights', 'flight-delay.flights', 2],
      ['weather', 'flight-delay.weather', 2],
      ['planes', 'flight-delay.planes', 1],
    ]);
  });

  test('stop the run when one source fails, with the reports and quarantine of both', async () => {
    const ended: ValidateOutput[] = [];
    const { outcome, fake } = await runs.run('model-lifecycle-contracts-broken', planWith(), {
      ...ending({ weather: 'failed' }),
      finishStage: (input) => {
        if (input.stage === 'validate' && 'end' in input)
          ended.push(input.end.output as ValidateOutput);
        return Promise.resolve();
      },
    });
    expect(outcome).toMatchObject({ status: 'stopped', version: null });
    expect(outcome.verdict).toEqual({
      kind: 'failed',
      reasons: [
        ...said('weather', 'failed').reasons,
        ...said('flights', 'passed').reasons,
        {
          gate: 'contract',
          code: 'contract.none',
          message: 'planes: no contract, so its rows were not checked',
          outcome: 'notApplicable',
        },
      ],
    });
    expect(fake.calls).not.toContain('assembleData');
    expect(ended).toMatchObject([
      {
        datasets: { flights: { version: 2 }, weather: { version: 1 }, planes: { version: 1 } },
        contracts: {
          flights: {
            report: { source: 'flights', quarantined: 1 },
            quarantine: artifact('bad-flights'),
            verdict: { kind: 'passed' },
          },
          weather: {
            report: { source: 'weather', quarantined: 1 },
            quarantine: artifact('bad-weather'),
            verdict: { kind: 'failed' },
          },
        },
      },
    ]);
    expect(Object.keys(ended[0]?.contracts ?? {})).toEqual(['flights', 'weather']);
  });

  test('are inconclusive when one could not be measured and none failed', async () => {
    const { outcome } = await runs.run(
      'model-lifecycle-contracts-unmeasured',
      planWith(),
      ending({ flights: 'inconclusive' }),
    );
    expect(outcome).toMatchObject({ status: 'stopped', verdict: { kind: 'inconclusive' } });
  });

  test('compare each source with its own approved version, and all of it is in the cache key', async () => {
    const approved = (dataset: string): DatasetVersionRef => ({
      dataset,
      version: 7,
      manifest: artifact(`approved-${dataset}`),
      rows: 9,
    });
    const references: Record<string, string | undefined> = {};
    const inputs: Record<string, unknown> = {};
    const contracts = { flights: contract, weather: compared, planes: compared };
    await runs.run('model-lifecycle-contracts-drift', planWith(contracts), {
      readApproved: ({ dataset }) =>
        Promise.resolve(dataset === 'flight-delay.planes' ? null : approved(dataset)),
      validateDataset: (input) => {
        references[input.source] = input.reference?.dataset;
        return ending({ flights: 'failed' }).validateDataset(input);
      },
      beginStage: (({ stage, inputs: given }: { stage: string; inputs: unknown }) => {
        inputs[stage] = given;
        return Promise.resolve({ kind: 'run' });
      }) as never,
    });
    expect(references).toEqual({ weather: 'flight-delay.weather' });
    expect(inputs['validate']).toMatchObject({
      contracts,
      references: { flights: null, weather: approved('flight-delay.weather'), planes: null },
    });
  });

  test('are approved again, each for its source, when the stage is reused', async () => {
    const approvals: [string, string, number][] = [];
    const version = (dataset: string): DatasetVersionRef => ({
      dataset,
      version: 5,
      manifest: artifact(dataset),
      rows: 10,
    });
    const datasets = Object.fromEntries(
      ['flights', 'weather', 'planes'].map((name) => [name, version(`flight-delay.${name}`)]),
    );
    await runs.run('model-lifecycle-contracts-reused', planWith(), {
      beginStage: (({ stage }: { stage: string }) =>
        Promise.resolve(
          stage === 'validate'
            ? {
                kind: 'reused',
                fromRun: 'run_0',
                end: { output: { window: null, datasets, contracts: {} } },
              }
            : { kind: 'run' },
        )) as never,
      approveDataset: ({ key, dataset }) => {
        approvals.push([key, dataset.dataset, dataset.version]);
        return Promise.resolve();
      },
    });
    expect(approvals).toEqual([
      ['run_1/validate/approve/flights/1', 'flight-delay.flights', 5],
      ['run_1/validate/approve/weather/1', 'flight-delay.weather', 5],
    ]);
  });

  test('may all be absent; the run continues and reports the unchecked sources', async () => {
    const verdicts: (Verdict | undefined)[] = [];
    const { outcome, fake } = await runs.run('model-lifecycle-no-contract', planWith({}), {
      finishStage: (input) => {
        if (input.stage === 'validate' && 'end' in input) verdicts.push(input.end.verdict);
        return Promise.resolve();
      },
    });
    expect(outcome.status).toBe('succeeded');
    expect(fake.calls).not.toContain('validateDataset');
    expect(verdicts.map((verdict) => verdict?.reasons.map(({ message }) => message))).toEqual([
      ['flights', 'weather', 'planes'].map(
        (name) => `${name}: no contract, so its rows were not checked`,
      ),
    ]);
  });
});
