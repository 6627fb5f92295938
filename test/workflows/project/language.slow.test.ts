/** The lifecycle of a project for a language application, on a real server with fake activities. */
import { buildProject } from '../../../apps/project/build';
import type { LlmLifecycleSpec } from '../../../domain/lifecycle/llm/llm-lifecycle';
import { toBuildId } from '../../../domain/lifecycle/sections/program';
import { artifact, digest, failed, passed, type Overrides } from '../../support/fake-activities';
import { openLifecycleRuns, work, type LifecycleRuns } from '../../support/lifecycle-runs';
import { noPython, removeProject, writeFiles } from '../../support/project/folder';
import { languageProject } from '../../support/project/language-project';
import { fakeSearch } from '../../support/prompt/fake-prompt-search';
import { fakeLlm, buildLlmPlan, withIndex, withSearch } from '../../support/provider/fake-llm';

let runs: LifecycleRuns;
let program: Pick<LlmLifecycleSpec, 'program'>;
beforeAll(async () => {
  const folder = writeFiles(languageProject('language'));
  const built = await buildProject(folder, noPython);
  removeProject(folder);
  const documents = built.documents({ files: {}, environment: null });
  const document = documents['wiki-assistant'] as { readonly spec: typeof program };
  program = document.spec.program ? { program: document.spec.program } : {};
  const version = { deploymentName: 'language', buildId: toBuildId(built.digest) };
  runs = await openLifecycleRuns({
    workflowBundle: { code: built.workflows },
    workerDeploymentOptions: { version, useWorkerVersioning: false },
  });
}, 120_000);
afterAll(() => runs.close());

const cleaned = { dataset: 'cleaned', version: 7, manifest: artifact('cleaned'), rows: 9 };

const run = (
  name: string,
  overrides: Overrides,
  params: Readonly<Record<string, unknown>> = {},
  change: Partial<LlmLifecycleSpec> = {},
) =>
  runs.run(
    `project-language-${name}`,
    buildLlmPlan({ ...withIndex, ...program, ...change }, { params }),
    {
      ...fakeLlm({ 'plain.yaml': 0.4, 'precise.yaml': 0.7 }),
      runProjectStage: () => Promise.resolve({ pages: cleaned }),
      ...overrides,
    },
  );

describe('a language application of a project', () => {
  test('indexes what its own stage made, and promotes the better bundle', async () => {
    const indexed: unknown[] = [];
    const bundles: string[] = [];
    const { outcome, fake } = await run('promoted', {
      openIndexVersion: (input) => {
        indexed.push(input.dataset);
        return Promise.resolve({ version: 3, base: null });
      },
      registerBundle: ({ manifest }) => {
        bundles.push(manifest.digest);
        return Promise.resolve({ model: 'wiki-assistant', version: 2, manifest });
      },
    });
    expect(outcome).toMatchObject({ status: 'succeeded', version: 2, verdict: { kind: 'passed' } });
    expect(indexed).toEqual([expect.objectContaining({ name: 'cleaned', version: 7 })]);
    expect(bundles).toEqual([digest('bundle precise.yaml')]);
    const calls = work(fake.calls);
    expect(calls.slice(0, 4)).toEqual([
      'openRun',
      'openRunBudget',
      'ingestSource',
      'runProjectStage clean_pages',
    ]);
    for (const [earlier, later] of [
      ['runProjectStage clean_pages', 'sealIndexVersion'],
      ['sealIndexVersion', 'writeBundles'],
      ['decideBundle', 'promoteVersion'],
      ['promoteVersion', 'promoteIndexVersion'],
    ] as const)
      expect(calls.indexOf(earlier)).toBeLessThan(calls.indexOf(later));
  });

  test('searches for a better prompt in the built-in workflow of the platform', async () => {
    const searched = 'prompt://precise.yaml@7';
    const bundles: string[] = [];
    const { outcome } = await run(
      'searched',
      {
        ...fakeLlm({ 'plain.yaml': 0.4, 'precise.yaml': 0.7, [searched]: 0.8 }),
        ...fakeSearch({ first: 'precise.yaml', winner: searched }),
        registerBundle: ({ manifest }) => {
          bundles.push(manifest.digest);
          return Promise.resolve({ model: 'wiki-assistant', version: 2, manifest });
        },
      },
      {},
      withSearch,
    );
    expect(outcome).toMatchObject({ status: 'succeeded', version: 2 });
    expect(bundles).toEqual([digest(`bundle ${searched}`)]);
  });

  test('rejects a bundle that fails a gate, and moves no alias', async () => {
    const { outcome, fake } = await run('refused', fakeLlm({ 'precise.yaml': 0.7 }, failed));
    expect(outcome).toMatchObject({ status: 'stopped', version: 2, verdict: failed });
    expect(fake.calls).toContain('rejectVersion');
    expect(fake.calls).not.toContain('promoteVersion');
  });

  test.each([
    ['a verdict of its own', { verdict: passed }],
    ['the champion as its version', { version: { model: 'wiki-assistant', version: 1 } }],
  ])('releases what it evaluated, also with %s', async (_, forged) => {
    const { outcome, fake } = await run('forged', fakeLlm({ 'precise.yaml': 0.7 }, failed), {
      forged,
    });
    expect(outcome).toMatchObject({ status: 'stopped', version: 2, verdict: failed });
    expect(fake.calls).not.toContain('promoteVersion');
  });

  test('refuses to release the evaluation of another run', async () => {
    const { outcome, fake } = await run(
      'foreign',
      {},
      { forged: { decision: { id: 'decision_9' } } },
    );
    expect(outcome).toMatchObject({
      status: 'failed',
      failure: {
        message: 'run.release got the decision decision_9, which is not an evaluation of this run',
        next: 'pass the result of run.evaluate',
      },
    });
    expect(fake.calls).not.toContain('promoteVersion');
  });

  test('refuses a bundle from another run', async () => {
    const forged = { bundle: { manifest: artifact('bundle forged') } };
    const { outcome, fake } = await run('forged-bundle', {}, { candidate: forged });
    expect(outcome).toMatchObject({
      status: 'failed',
      failure: {
        message: `run.evaluate got the bundle ${digest('bundle forged')}, which is not a candidate of this run`,
        next: 'pass the result of run.candidate',
      },
    });
    expect(fake.calls).not.toContain('registerBundle');
  });

  test('compares with the champion and the baseline of its run, whatever the code passes', async () => {
    const version = { model: 'wiki-assistant', version: 1, manifest: artifact('bundle old') };
    const expected: unknown[] = [];
    await run(
      'forged-champion',
      {
        readChampion: () => Promise.resolve({ version, fencing: 4 }),
        promoteVersion: ({ expectedChampion }) => {
          expected.push(expectedChampion);
          return Promise.resolve({ kind: 'promoted', previous: null, fencing: 5 });
        },
      },
      { candidate: { bundles: [], champion: { version: null, fencing: 9 } } },
    );
    expect(expected).toEqual([{ version: 1, fencing: 4 }]);
  });

  test.each([
    ['a bundle that passed stays a candidate', 'index-unknown', {}, 'inconclusive'],
    [
      'a bundle that failed is rejected',
      'index-failed',
      fakeLlm({ 'precise.yaml': 0.7 }, failed),
      'failed',
    ],
  ] as const)('promotes nothing with an inconclusive index; %s', async (_, id, fakes, kind) => {
    const few = {
      kind: 'inconclusive',
      reasons: [{ gate: 'index-parity', code: 'parity.few', message: '1 question' }],
    } as const;
    const parity = {
      questions: 'pages',
      metric: 'recall@5',
      margin: 0.02,
      confidence: 0.97,
      minQuestions: 2,
    } as const;
    const { outcome, fake } = await run(
      id,
      {
        ...fakes,
        measureIndexParity: () =>
          Promise.resolve({
            verdict: few,
            evidence: { asked: 1, failed: 0, candidate: null, champion: null, difference: null },
            record: artifact('parity'),
            champion: null,
          }),
      },
      {},
      { index: { ...withIndex.index, parity } },
    );
    expect(outcome).toMatchObject({ status: 'stopped', version: 2, verdict: { kind } });
    expect(fake.calls.includes('rejectVersion')).toBe(kind === 'failed');
    expect(fake.calls).not.toContain('promoteVersion');
    expect(fake.calls).not.toContain('promoteIndexVersion');
  });

  test('ends as unchanged when the bundle is the champion', async () => {
    const champion = {
      model: 'wiki-assistant',
      version: 1,
      manifest: artifact('bundle precise.yaml'),
    };
    const { outcome, fake } = await run('unchanged', {
      readChampion: () => Promise.resolve({ version: champion, fencing: 4 }),
    });
    expect(outcome).toMatchObject({
      status: 'succeeded',
      version: 1,
      verdict: { reasons: [{ code: 'promote.unchanged' }] },
    });
    expect(fake.calls).not.toContain('registerBundle');
  });

  test.each([
    [
      'index',
      'run.bundles needs an index, because the spec of wiki-assistant has `index`',
      'pass the result of run.index',
    ],
    [
      'pages',
      'run.index needs the dataset pages of the spec, but its argument does not have it',
      'pass the result of run.ingest, with your own datasets by the names of the sources',
    ],
  ])(
    'fails with the call and the next step when it passes no %s',
    async (without, message, next) => {
      const { outcome, fake } = await run(`without-${without}`, {}, { without });
      expect(outcome).toMatchObject({
        status: 'failed',
        failure: { type: 'InvalidInput', message, next },
      });
      expect(fake.calls).not.toContain('registerBundle');
    },
  );
});
