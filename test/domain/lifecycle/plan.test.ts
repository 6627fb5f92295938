import type { Digest } from '../../../domain/artifact';
import type { LifecycleRevision } from '../../../domain/lifecycle/revision';
import { parseLifecycle } from '../../../domain/lifecycle/document';
import type { LifecyclePlan, NextRevision } from '../../../domain/lifecycle/plan';
import { planLifecycle } from '../../../domain/lifecycle/plan';
import { llmLifecycleTemplate } from '../../../domain/lifecycle/llm/template';
import {
  contractText,
  replaceOnce,
  lifecycleFiles,
  lifecycleText,
} from '../../support/lifecycle-text';

/** Texts replace digests, which are equal for equal content. */
function readRevision(
  text: string,
  changed: Readonly<Record<string, string>> = {},
  all = lifecycleFiles,
): NextRevision {
  const files = { ...all, ...changed };
  const parsed = parseLifecycle({ document: text, fileName: 'lifecycle.yaml', files });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.issues));
  const findDigest = (path: string): Digest => `sha256:${files[path] ?? ''}`;
  const digests = Object.fromEntries(
    parsed.paths.map((path) => [path, { digest: findDigest(path) }]),
  );
  return {
    digest: `sha256:${JSON.stringify([parsed.spec, digests])}`,
    spec: parsed.spec,
    contracts: parsed.contracts,
    files: digests,
  };
}

const applied = (revision: NextRevision): LifecycleRevision => ({
  ...revision,
  lifecycle: revision.spec.name,
  revision: 3,
  files: Object.fromEntries(
    Object.entries(revision.files).map(([path, { digest }]) => [
      path,
      { uri: `s3://bucket/${path}`, digest, bytes: 1, mediaType: 'text/plain' },
    ]),
  ),
});
const before = readRevision(lifecycleText);
const current = applied(before);

const plan = (next: NextRevision): LifecyclePlan => planLifecycle(current, next);
const actions = ({ stages }: LifecyclePlan): string =>
  stages.map(({ stage, action }) => `${stage} ${action}`).join(', ');

test('the same lifecycle has no changes', () => {
  const same = plan(readRevision(`# only a comment\n${lifecycleText}`));
  expect(same).toMatchObject({
    changed: false,
    changes: [],
    lines: ['late-orders: no changes to revision 3'],
  });
});

test('a new lifecycle runs every stage', () => {
  const first = planLifecycle(null, before);
  expect(first).toMatchObject({ changed: true, current: null, changes: [] });
  expect(actions(first)).toBe(
    'ingest runs, validate runs, train runs, evaluate runs, promote runs',
  );
  expect(first.lines[0]).toBe('late-orders is new');
});

test('a changed parameter runs train again, and later stages if the model differs', () => {
  const changed = plan(
    readRevision(replaceOnce(lifecycleText, 'num_leaves: 63', 'num_leaves: 31, max_depth: 4')),
  );
  expect(changed.changes).toEqual([
    { what: 'spec.train.params.num_leaves', before: 63, after: 31 },
    { what: 'spec.train.params.max_depth', after: 4 },
  ]);
  expect(changed.lines).toEqual([
    'late-orders: 2 changes to revision 3',
    '  ~ spec.train.params.num_leaves 63 → 31',
    '  + spec.train.params.max_depth 4',
    'stages of the next run on unchanged data:',
    '  ingest    runs: sources are always read; unchanged content makes no new version',
    '  validate  is reused',
    '  train     runs: spec.train.params.num_leaves, spec.train.params.max_depth',
    '  evaluate  runs again if: train makes another model',
    '  promote   runs: acts on the verdict, so it is never reused',
  ]);
});

test.each<[string, NextRevision, readonly string[], string]>([
  [
    'the window',
    readRevision(replaceOnce(lifecycleText, 'window: 6mo', 'window: 12mo')),
    ['spec.data.time.window'],
    'validate mayRun, train mayRun, evaluate mayRun',
  ],
  [
    'a source',
    readRevision(replaceOnce(lifecycleText, 'orders.csv', 'orders.ndjson')),
    ['spec.data.sources.orders.uri', 'spec.data.sources.orders.format'],
    'validate mayRun, train mayRun, evaluate mayRun',
  ],
  [
    'the assembly',
    readRevision(lifecycleText, { 'sql/assemble.sql': 'SELECT 2' }),
    ['sql/assemble.sql'],
    'validate reused, train runs, evaluate mayRun',
  ],
  [
    'a file under another name',
    readRevision(replaceOnce(lifecycleText, 'sql/features.sql', 'sql/row.sql'), {
      'sql/row.sql': lifecycleFiles['sql/features.sql'] ?? '',
    }),
    ['spec.data.features', 'sql/features.sql', 'sql/row.sql'],
    'validate reused, train reused, evaluate reused',
  ],
  [
    'the contract',
    readRevision(lifecycleText, {
      'contracts/orders.yaml': replaceOnce(contractText, 'max: 10000', 'max: 500'),
    }),
    ['contracts/orders.yaml'],
    'validate runs, train mayRun, evaluate mayRun',
  ],
  [
    'a contract for another source',
    readRevision(
      replaceOnce(lifecycleText, 'time: seen_at', 'time: seen_at, contract: stock.yaml'),
      {
        'stock.yaml': contractText,
      },
    ),
    ['spec.data.sources.stock.contract', 'stock.yaml'],
    'validate runs, train mayRun, evaluate mayRun',
  ],
  [
    'a contract under another name',
    readRevision(replaceOnce(lifecycleText, 'contracts/orders.yaml', 'orders.yaml'), {
      'orders.yaml': contractText,
    }),
    ['spec.data.sources.orders.contract', 'contracts/orders.yaml', 'orders.yaml'],
    'validate reused, train reused, evaluate reused',
  ],
  [
    'a comment in the contract',
    readRevision(lifecycleText, { 'contracts/orders.yaml': `# why\n${contractText}` }),
    ['contracts/orders.yaml'],
    'validate reused, train reused, evaluate reused',
  ],
  [
    'a gate',
    readRevision(replaceOnce(lifecycleText, 'margin: 0.004', 'margin: 0.01')),
    ['spec.evaluate.gates.no-worse.margin'],
    'validate reused, train reused, evaluate runs',
  ],
  [
    'memory',
    readRevision(replaceOnce(lifecycleText, 'backend: local', 'memory: 4GiB')),
    ['spec.train.compute.memory'],
    'validate reused, train reused, evaluate reused',
  ],
  [
    'the owner',
    readRevision(replaceOnce(lifecycleText, 'ops@shop.example', 'ml@shop.example')),
    ['metadata.owner'],
    'validate reused, train reused, evaluate reused',
  ],
  [
    'the approval',
    readRevision(`${lifecycleText}  promote: { approval: { required: 1 } }\n`),
    ['spec.promote.approval.required'],
    'validate reused, train reused, evaluate reused',
  ],
])('a change of %s', (_name, next, changes, expected) => {
  const planned = plan(next);
  expect(planned.changed).toBe(true);
  expect(planned.changes.map(({ what }) => what)).toEqual(changes);
  expect(actions(planned)).toBe(`ingest runs, ${expected}, promote runs`);
});

describe('with tuning and canary', () => {
  const tune =
    '  tune: { metric: auc, direction: maximize, trials: 4, space: { num_leaves: { kind: int, low: 7, high: 63 } } }\n';
  const canary =
    '  canary: { steps: [0], quality: { metric: logloss, rule: nonInferiority, margin: 0.01 } }\n';
  const released = {
    ...current,
    ...readRevision(`${lifecycleText}${tune}${canary}`),
    files: current.files,
  };
  const stages = (from: LifecycleRevision, text: string): string =>
    actions(planLifecycle(from, readRevision(text)));

  test('their stages are part of the plan', () => {
    expect(actions(planLifecycle(null, readRevision(`${lifecycleText}${tune}${canary}`)))).toBe(
      'ingest runs, validate runs, train runs, tune runs, evaluate runs, canary runs, promote runs',
    );
  });

  test.each([
    [
      'tuning that is new',
      current,
      `${lifecycleText}${tune}`,
      'train reused, tune runs, evaluate mayRun, promote runs',
    ],
    [
      'removed tuning',
      released,
      `${lifecycleText}${canary}`,
      'train reused, evaluate mayRun, canary runs, promote runs',
    ],
    [
      'more trials',
      released,
      `${lifecycleText}${tune.replace('trials: 4', 'trials: 9')}${canary}`,
      'train reused, tune runs, evaluate mayRun, canary runs, promote runs',
    ],
    [
      'a parameter',
      released,
      `${replaceOnce(lifecycleText, 'num_leaves: 63', 'num_leaves: 31')}${tune}${canary}`,
      'train runs, tune mayRun, evaluate mayRun, canary runs, promote runs',
    ],
    [
      'the canary',
      released,
      `${lifecycleText}${tune}${canary.replace('0.01', '0.02')}`,
      'train reused, tune reused, evaluate reused, canary runs, promote runs',
    ],
  ])('a change of %s', (_name, from, text, expected) => {
    expect(stages(from, text)).toBe(`ingest runs, validate reused, ${expected}`);
  });

  test('each stage has its reason', () => {
    expect(planLifecycle(current, readRevision(`${lifecycleText}${tune}`)).lines).toEqual(
      expect.arrayContaining([
        '  tune      runs: spec.tune',
        '  evaluate  runs again if: tune makes another model',
      ]),
    );
  });
});

test('shows a removed gate and an added one', () => {
  const gone = replaceOnce(
    lifecycleText,
    '      - { name: parity, kind: parity }\n',
    '      - { name: better, kind: superiority, metric: auc }\n',
  );
  expect(plan(readRevision(gone)).lines.slice(0, 3)).toEqual([
    'late-orders: 2 changes to revision 3',
    '  - spec.evaluate.gates.parity {"kind":"parity","rows":1000,"tolerance":0.005,"minShare":0.999}',
    '  + spec.evaluate.gates.better {"kind":"superiority","metric":"auc","against":"champion","whenAbsent":"baselin…',
  ]);
});

test('another standby runs evaluate again but not prompt-eval', () => {
  const { 'lifecycle.yaml': text = '', ...files } = llmLifecycleTemplate({ name: 'capitals' });
  const named = (model: string) =>
    replaceOnce(
      text,
      'name: smollm2-135m-instruct }',
      `name: smollm2-135m-instruct, standby: [{ provider: acme, model: ${model} }] }`,
    );
  const was = applied(readRevision(named('small'), {}, files));
  const changed = planLifecycle(was, readRevision(named('smaller'), {}, files));
  expect(actions(changed)).toBe('prompt-eval reused, evaluate runs, promote runs');
  const first = planLifecycle(
    applied(readRevision(text, {}, files)),
    readRevision(named('small'), {}, files),
  );
  expect(actions(first)).toBe('prompt-eval reused, evaluate runs, promote runs');
  const other = replaceOnce(text, 'name: smollm2-135m-instruct }', 'name: another }');
  expect(actions(planLifecycle(was, readRevision(other, {}, files)))).toBe(
    'prompt-eval runs, evaluate runs, promote runs',
  );
});
