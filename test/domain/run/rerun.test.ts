import type { RunId } from '../../../domain/ids';
import type { LifecycleRevision } from '../../../domain/lifecycle/revision';
import { parseLifecycle } from '../../../domain/lifecycle/document';
import type { NextRun, RerunRequest, OriginalRun } from '../../../domain/run/rerun';
import { buildRerun, rerunRequest, rerunStages, reuseIssues } from '../../../domain/run/rerun';
import type { RunStatus, StageStatus } from '../../../domain/run/run';
import {
  lifecycleFiles,
  lifecycleText,
  requireModelSpec,
  replaceOnce,
} from '../../support/lifecycle-text';
import { buildLlmPlan } from '../../support/provider/fake-llm';

/** Texts stand in for digests: equal when equal. */
function readRevision(
  revision: number,
  text = lifecycleText,
  changed: Readonly<Record<string, string>> = {},
): LifecycleRevision {
  const files = { ...lifecycleFiles, ...changed };
  const parsed = parseLifecycle({ document: text, fileName: 'lifecycle.yaml', files });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.issues));
  const { spec, contracts, paths } = parsed;
  return {
    lifecycle: spec.name,
    revision,
    digest: `sha256:${revision}`,
    spec,
    contracts,
    files: Object.fromEntries(
      paths.map((path) => [
        path,
        { uri: path, digest: `sha256:${files[path] ?? ''}`, bytes: 1, mediaType: 'text/plain' },
      ]),
    ),
  };
}

const first = readRevision(1);
const otherSql = readRevision(2, lifecycleText, { 'sql/assemble.sql': 'SELECT 2' });
const otherOwner = readRevision(3, replaceOnce(lifecycleText, 'ops@shop', 'ml@shop'));
const otherTrainer = readRevision(4, replaceOnce(lifecycleText, 'lightgbm', 'sklearn'));
const otherParams = readRevision(5, replaceOnce(lifecycleText, 'num_leaves: 63', 'num_leaves: 31'));

function buildOriginal(
  status: RunStatus,
  stages: Readonly<Record<string, StageStatus>>,
  request: OriginalRun['request'] = {},
): OriginalRun {
  return {
    id: 'run_a' as RunId,
    status,
    revision: first,
    request,
    stages: Object.entries(stages).map(([stage, ended]) => ({ stage, status: ended })),
  };
}

const checked = { ingest: 'succeeded', validate: 'succeeded' } as const;
const evaluated = { ...checked, train: 'succeeded', evaluate: 'succeeded' } as const;
const succeeded = buildOriginal('succeeded', { ...evaluated, promote: 'succeeded' });
const trainFailed = buildOriginal('failed', { ...checked, train: 'failed' });

const startRerun = (original: OriginalRun, asked: RerunRequest, revision = first) =>
  rerunRequest(original, asked, revision).fromStage;

describe('a rerun starts', () => {
  test.each<[string, OriginalRun, RerunRequest, string]>([
    ['at the stage that failed', trainFailed, {}, 'train'],
    [
      'at the stage that was running when the run was lost',
      buildOriginal('lost', { ...checked, train: 'running' }),
      {},
      'train',
    ],
    ['at the stage that never began', buildOriginal('cancelled', checked), {}, 'train'],
    ['at the first stage when no stage began', buildOriginal('failed', {}), {}, 'ingest'],
    [
      'at the evaluation after a refused promotion',
      buildOriginal('stopped', { ...evaluated, promote: 'stopped' }),
      {},
      'evaluate',
    ],
    ['at the first stage of a run that succeeded', succeeded, {}, 'ingest'],
    ['where a changed parameter counts', succeeded, { params: { num_leaves: 31 } }, 'train'],
    ['where a changed window counts', succeeded, { until: '2013-07-01T00:00:00Z' }, 'ingest'],
    [
      'where the run failed, before a changed parameter counts',
      buildOriginal('failed', { ingest: 'succeeded', validate: 'failed' }),
      { params: { num_leaves: 31 } },
      'validate',
    ],
    [
      'before the failed stage when a parameter counts earlier',
      buildOriginal('failed', { ...checked, train: 'succeeded', evaluate: 'failed' }),
      { params: { num_leaves: 31 } },
      'train',
    ],
    ['at the first forced stage', succeeded, { force: ['evaluate', 'train'] }, 'train'],
    [
      'at the failed stage when a later one is forced',
      trainFailed,
      { force: ['evaluate'] },
      'train',
    ],
    ['at the requested stage', succeeded, { fromStage: 'evaluate' }, 'evaluate'],
  ])('%s', (_, original, asked, stage) => {
    expect(startRerun(original, asked)).toBe(stage);
  });

  test.each<[string, LifecycleRevision, string]>([
    ['where another revision changes the inputs', otherSql, 'train'],
    ['at the first stage when another revision changes no inputs', otherOwner, 'ingest'],
  ])('%s', (_, revision, stage) => {
    expect(startRerun(succeeded, {}, revision)).toBe(stage);
  });

  test('at a stage that the original lacks, at the latest', () => {
    const unchanged = buildOriginal('succeeded', { ...checked, train: 'succeeded' });
    expect(startRerun(unchanged, { force: ['promote'] })).toBe('evaluate');
  });
});

test('the request keeps what the original was asked, except its reason and its own reuse', () => {
  const original = buildOriginal('succeeded', evaluated, {
    params: { num_leaves: 15, lambda_l2: 1 },
    until: '2013-06-01T00:00:00Z',
    reason: 'first try',
    fromStage: 'validate',
    reuseRun: 'run_0' as RunId,
    force: ['evaluate'],
    cache: false,
    priority: 'low',
  });
  expect(rerunRequest(original, { params: { num_leaves: 31 }, reason: 'more' }, first)).toEqual({
    params: { num_leaves: 31, lambda_l2: 1 },
    until: '2013-06-01T00:00:00Z',
    fromStage: 'train',
    reuseRun: 'run_a',
    reason: 'more',
    priority: 'low',
  });
  expect(rerunRequest(original, { priority: 'high' }, first)).toMatchObject({ priority: 'high' });
});

describe('a rerun of a run with an imported model', () => {
  const imported = {
    format: 'onnx',
    artifact: { uri: 's3://a', digest: 'sha256:a', bytes: 1, mediaType: 'application/onnx' },
    fileName: 'model.onnx',
  } as const;
  const text = lifecycleText.replace(
    '  evaluate:',
    `  tune:
    metric: logloss
    direction: minimize
    trials: 4
    space: { num_leaves: { kind: int, low: 7, high: 63 } }
  evaluate:`,
  );
  const tuned = readRevision(6, text);
  const original = (status: RunStatus, stages: Readonly<Record<string, StageStatus>>) => ({
    ...buildOriginal(status, stages, { imported }),
    revision: tuned,
  });
  const ended = original('succeeded', { ...evaluated, promote: 'succeeded' });
  const failed = original('failed', { ...checked, train: 'succeeded', evaluate: 'failed' });

  test('evaluates the same model again', () => {
    expect(rerunRequest(ended, {}, tuned)).toMatchObject({ imported });
  });

  test('starts after the stages that succeeded, though no stage searched parameters', () => {
    const request = rerunRequest(failed, {}, tuned);
    expect(request.fromStage).toBe('evaluate');
    expect(reuseIssues(failed, { revision: tuned, request })).toEqual([]);
    expect(rerunStages(failed, { revision: tuned, request }).map(({ stage }) => stage)).toEqual([
      ...Object.keys(evaluated),
      'promote',
    ]);
  });

  test('takes no parameters of a trainer', () => {
    const request = rerunRequest(ended, { params: { num_leaves: 31 } }, tuned);
    expect(reuseIssues(ended, { revision: tuned, request })).toEqual([
      {
        pointer: '/params',
        detail: 'run_a evaluates the imported model model.onnx and trains none',
        expected: 'no params',
      },
    ]);
  });
});

test('the end of the window is not kept where the lifecycle has no window', () => {
  const text = lifecycleText
    .replace('    time: { column: ordered_at, window: 6mo }\n', '')
    .replace('stock: { uri: "sample://stock", time: seen_at }', 'stock: { uri: "sample://stock" }')
    .replace(
      '{ by: time, tuning: 30d, confirm: 15d, holdout: 30d }',
      '{ by: random, tuning: 0.1, confirm: 0.1, holdout: 0.1 }',
    );
  const scheduled = { until: '2013-06-01T00:00:00Z', reason: 'scheduled' };
  const original = {
    ...buildOriginal('failed', checked, scheduled),
    revision: readRevision(1, text),
  };
  expect(rerunRequest(original, {}, original.revision)).not.toHaveProperty('until');
  expect(rerunRequest(buildOriginal('failed', checked, scheduled), {}, first)).toMatchObject({
    until: scheduled.until,
  });
});

describe('what differs from the original', () => {
  const changes = (asked: RerunRequest, revision = first, original = succeeded) =>
    buildRerun(original, { revision, request: rerunRequest(original, asked, revision) }).changes;

  test.each<[string, RerunRequest, object[]]>([
    ['nothing', {}, []],
    ['nothing, when a parameter gets the value that it had', { params: { num_leaves: 63 } }, []],
    [
      'parameters, by name, with old and new values',
      { params: { num_leaves: 31, lambda_l2: 2 } },
      [
        { kind: 'param', name: 'lambda_l2', before: null, after: 2 },
        { kind: 'param', name: 'num_leaves', before: 63, after: 31 },
      ],
    ],
    [
      'the window',
      { until: '2013-07-01T00:00:00Z' },
      [{ kind: 'until', before: 'latest', after: '2013-07-01T00:00:00Z' }],
    ],
    ['forced stages', { force: ['evaluate'] }, [{ kind: 'force', stage: 'evaluate' }]],
  ])('%s', (_, asked, expected) => {
    expect(changes(asked)).toEqual(expected);
  });

  test('the revision, with the parameters that it changes', () => {
    expect(changes({}, otherParams)).toEqual([
      {
        kind: 'revision',
        before: { revision: 1, digest: 'sha256:1' },
        after: { revision: 5, digest: 'sha256:5' },
      },
      { kind: 'param', name: 'num_leaves', before: 63, after: 31 },
    ]);
  });

  test('not a parameter that the original had overridden, as it is kept', () => {
    const overridden = buildOriginal('succeeded', evaluated, { params: { num_leaves: 7 } });
    expect(changes({}, otherParams, overridden)).toMatchObject([{ kind: 'revision' }]);
  });
});

describe('reuse is refused', () => {
  const issues = (asked: RerunRequest, revision = first, original = succeeded) =>
    reuseIssues(original, { revision, request: rerunRequest(original, asked, revision) }).map(
      ({ pointer, detail }) => `${pointer} ${detail}`,
    );

  test.each<[string, RerunRequest, LifecycleRevision, OriginalRun, string]>([
    [
      'when a changed parameter counts before the first stage',
      { fromStage: 'evaluate', params: { num_leaves: 31 } },
      first,
      succeeded,
      '/fromStage starting at evaluate would reuse train of run_a, whose inputs have changed (num_leaves); start at train or earlier',
    ],
    [
      'when a changed window counts before the first stage',
      { fromStage: 'train', until: '2013-07-01T00:00:00Z' },
      first,
      succeeded,
      '/fromStage starting at train would reuse ingest of run_a, whose inputs have changed (until); start at ingest or earlier',
    ],
    [
      'when another revision changes an earlier stage',
      { fromStage: 'evaluate' },
      otherSql,
      succeeded,
      '/fromStage starting at evaluate would reuse train of run_a, whose inputs have changed (sql/assemble.sql); start at train or earlier',
    ],
    [
      'of stages that did not succeed',
      { fromStage: 'evaluate' },
      first,
      trainFailed,
      '/fromStage run_a did not finish train; start at train',
    ],
    [
      'of a run that is open',
      { fromStage: 'train' },
      first,
      buildOriginal('waiting', evaluated),
      '/reuseRun run_a is still waiting',
    ],
    [
      'before a stage that the lifecycle does not have',
      { fromStage: 'canary' },
      first,
      succeeded,
      '/fromStage late-orders has no stage canary',
    ],
    [
      'with a forced stage that the lifecycle does not have',
      { force: ['evaluate', 'tune'] },
      first,
      succeeded,
      '/force/1 late-orders has no stage tune',
    ],
    [
      'with parameters for another trainer',
      { fromStage: 'train' },
      otherTrainer,
      buildOriginal('succeeded', evaluated, { params: { num_leaves: 7 } }),
      '/params run_a set num_leaves for the trainer lightgbm, but revision 4 uses sklearn; start a new run instead',
    ],
  ])('%s', (_, asked, revision, original, expected) => {
    expect(issues(asked, revision, original)).toEqual([expected]);
  });

  test('never for the start that a rerun chooses itself', () => {
    for (const revision of [first, otherSql, otherOwner, otherParams])
      for (const original of [succeeded, trainFailed, buildOriginal('failed', {})])
        for (const asked of [{}, { params: { num_leaves: 7 } }, { force: ['evaluate'] as const }])
          expect(issues(asked, revision, original)).toEqual([]);
  });
});

describe('a rerun of a lifecycle that a project writes', () => {
  const stage = {
    code: 'sha256:a' as const,
    cache: true,
    timeoutSeconds: 60,
    attempts: 3,
    hasUndo: false,
  };
  const program = {
    project: 'shop',
    build: 'sha256:b' as const,
    params: null,
    stages: { enrich: stage, score: stage },
    steps: {
      embed: {
        file: 'steps/embed.py',
        function: 'embed',
        code: 'sha256:c' as const,
        compute: requireModelSpec(first.spec).train.compute,
      },
    },
    files: {},
    environment: null,
  };
  const revision: LifecycleRevision = {
    ...first,
    spec: { ...requireModelSpec(first.spec), program },
  };
  const of = (status: RunStatus, stages: Readonly<Record<string, StageStatus>>): OriginalRun => ({
    ...buildOriginal(status, stages, { params: { region: 'EU' } }),
    revision,
  });
  const failed = of('failed', { ...checked, enrich: 'succeeded', 'enrich-2': 'failed' });
  const done = of('succeeded', { ...checked, enrich: 'succeeded', promote: 'succeeded' });

  test.each<[string, OriginalRun, RerunRequest, string | undefined]>([
    ['starts at the call that failed', failed, {}, 'enrich-2'],
    [
      'starts nowhere when it succeeded, as inputs decide',
      done,
      { params: { region: 'US' } },
      undefined,
    ],
    ['starts at the requested stage', done, { fromStage: 'enrich' }, 'enrich'],
  ])('%s', (_, original, asked, expected) => {
    const request = rerunRequest(original, asked, revision);
    expect(request.fromStage).toBe(expected);
    expect(request.reuseRun).toBe('run_a');
    expect(reuseIssues(original, { revision, request })).toEqual([]);
  });

  test('records the parameters of the lifecycle, not those of a trainer', () => {
    const request = rerunRequest(done, { params: { region: 'US', depth: 2 } }, revision);
    expect(buildRerun(done, { revision, request }).changes).toEqual([
      { kind: 'param', name: 'depth', before: null, after: 2 },
      { kind: 'param', name: 'region', before: 'EU', after: 'US' },
    ]);
  });

  test('refuses a stage that neither the project nor the original has', () => {
    const force = ['enrich-3', 'embed', 'enrihc'];
    const request = rerunRequest(done, { force }, revision);
    expect(reuseIssues(done, { revision, request })).toMatchObject([
      { pointer: '/force/2', detail: 'late-orders has no stage enrihc', didYouMean: 'enrich' },
    ]);
  });

  test('knows the built-in stages of a language application', () => {
    const next = { ...revision, spec: buildLlmPlan({ program }).spec };
    const original = {
      ...of('failed', { ingest: 'succeeded', enrich: 'succeeded', 'fine-tune': 'failed' }),
      revision: next,
    };
    const request = rerunRequest(original, { force: ['rag-index', 'train'] }, next);
    expect(request.fromStage).toBe('fine-tune');
    expect(reuseIssues(original, { revision: next, request })).toMatchObject([
      { pointer: '/force/1', detail: 'late-orders has no stage train' },
    ]);
  });

  test('plans the stages that the original ran', () => {
    const request = rerunRequest(done, { force: ['enrich'] }, revision);
    expect(
      rerunStages(done, { revision, request }).map((each) => `${each.stage} ${each.action}`),
    ).toEqual(['ingest mayRun', 'validate mayRun', 'enrich runs', 'promote runs']);
  });
});

describe('the plan of a rerun', () => {
  const plan = (asked: RerunRequest, revision = first) => {
    const next: NextRun = { revision, request: rerunRequest(succeeded, asked, revision) };
    return rerunStages(succeeded, next).map(({ stage, action }) => `${stage} ${action}`);
  };

  test.each<[string, RerunRequest, LifecycleRevision, readonly string[]]>([
    [
      'runs the first stage and every later one',
      { params: { num_leaves: 31 } },
      first,
      ['ingest reused', 'validate reused', 'train runs', 'evaluate runs', 'promote runs'],
    ],
    [
      'runs only the forced stages and those whose inputs change',
      { force: ['validate'] },
      first,
      ['ingest reused', 'validate runs', 'train mayRun', 'evaluate mayRun', 'promote runs'],
    ],
    [
      'reuses stages under another revision only with equal inputs',
      {},
      otherSql,
      ['ingest mayRun', 'validate mayRun', 'train runs', 'evaluate runs', 'promote runs'],
    ],
  ])('%s', (_, asked, revision, expected) => {
    expect(plan(asked, revision)).toEqual(expected);
  });
});
