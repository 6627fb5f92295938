/** The activities of a language lifecycle in memory. Each prompt has the score that a test sets. */
import type { CaseAnswers } from '../../../domain/language/evaluation/answers-summary';
import type { LlmLifecycleSpec } from '../../../domain/lifecycle/llm/llm-lifecycle';
import type { RunId, Tenant } from '../../../domain/ids';
import type { Verdict } from '../../../domain/verdict';
import type { LlmRun } from '../../../workflows/lifecycle/stage';
import { artifact, digest, passed, type Overrides } from '../fake-activities';

const lifecycle = 'wiki-assistant';

export function buildLlmPlan(
  change: Partial<LlmLifecycleSpec> = {},
  request: LlmRun['plan']['request'] = {},
): LlmRun['plan'] {
  const spec = { ...plain, ...change };
  return {
    runId: 'run_1' as RunId,
    tenant: 'default' as Tenant,
    lifecycle,
    revision: digest('revision'),
    spec,
    files: Object.fromEntries(
      [...spec.prompt.candidates, spec.cases.file].map((path) => [path, artifact(path)]),
    ),
    contracts: {},
    request,
    traceId: '0af7651916cd43dd8448eb211c80319c',
  };
}

const plain: LlmLifecycleSpec = {
  kind: 'LlmLifecycle',
  name: lifecycle,
  owner: 'ops@wiki.example',
  labels: {},
  model: { provider: 'embedded', name: 'smollm2-135m-instruct', standby: [] },
  sampling: { temperature: 0, topP: 1, maxTokens: 64, seed: 17, stop: [] },
  prompt: { candidates: ['plain.yaml', 'precise.yaml'], input: 'question' },
  cases: { file: 'cases.ndjson', search: 0.4, confirm: 0.2 },
  data: null,
  index: null,
  fineTune: null,
  promptEval: { quality: 'right' },
  evaluate: {
    dimensions: [{ name: 'right', kind: 'exact' }],
    gates: [
      {
        name: 'no-worse',
        kind: 'nonInferiority',
        dimension: 'right',
        against: 'champion',
        whenAbsent: 'baseline',
        margin: 0.1,
        confidence: 0.95,
        maxFailures: 0.02,
        minCases: 30,
      },
    ],
    ungated: null,
    first: null,
    parallel: 4,
  },
  safety: null,
  canary: null,
  budget: { usd: null, tokens: 1_000 },
  promote: {
    approval: { required: 0, role: 'approver', timeoutSeconds: 3600, allowStarter: false },
  },
  schedule: null,
  notify: [],
};

/** Documents and an index of them. */
export const withIndex = {
  data: {
    sources: [{ name: 'pages', uri: 'sample://wiki-summaries', format: 'parquet', time: null }],
    maxBytes: 1 << 30,
    timeoutSeconds: 600,
  },
  index: {
    name: 'wiki',
    documents: 'pages',
    variable: 'passages',
    mode: 'vector',
    k: 5,
    parity: null,
    chunking: { kind: 'sentences', size: 256, overlap: 0 },
    embedder: { kind: 'minilm' },
    vectors: 'auto',
    maxDocument: 8 << 20,
    maxRejectedShare: 0.1,
  },
} as const satisfies Partial<LlmLifecycleSpec>;

export const withFineTune = {
  data: withIndex.data,
  fineTune: {
    by: 'job',
    examples: 'pages',
    input: 'input',
    output: 'output',
    most: 1_000,
    holdout: 0.1,
    trainer: 'lora',
    params: {},
    seed: 17,
    compute: { backend: 'local', cpus: 1, memoryBytes: 1 << 30, timeoutSeconds: 600, retries: 3 },
  },
} as const satisfies Partial<LlmLifecycleSpec>;

export const withSearch = {
  promptEval: {
    quality: 'right',
    search: {
      proposers: [
        { kind: 'grid', axes: [{ message: 0, find: 'Answer.', options: ['Be brief.'] }] },
      ],
      variants: 4,
      halving: { firstCases: 8, eta: 3 },
      budgetUsd: 1,
      seed: 1,
    },
  },
} as const satisfies Partial<LlmLifecycleSpec>;

/** The name of the bundle that these are standbys for. */
export function withStandbys(standbys: readonly { readonly model: string }[]): string {
  return `with ${standbys.map(({ model }) => model).join(', ') || 'nobody'}`;
}

/** `scores`: the share of right answers by prompt path; 0.5 by default. */
export function fakeLlm(
  scores: Readonly<Record<string, number>> = {},
  verdict: Verdict = passed,
): Overrides {
  const written = (path: string, retrieves: boolean) => ({
    path,
    prompt: { name: path, digest: digest(`prompt ${path}`) },
    manifest: artifact(`bundle ${path}`),
    retrieves,
  });
  const readMean = (bundle: string): number =>
    scores[Object.keys(scores).find((path) => digest(`bundle ${path}`) === bundle) ?? ''] ?? 0.5;
  return {
    openRunBudget: () => Promise.resolve(),
    writeBundles: ({ spec, index }) =>
      Promise.resolve(spec.prompt.candidates.map((path) => written(path, index !== null))),
    answerCases: ({ bundle, cases, slice, most }) =>
      Promise.resolve(
        answered(readMean(bundle.digest), {
          caseSet: cases.digest,
          slice: slice ?? 'all',
          cases: most ?? 60,
        }),
      ),
    compareAnswers: () =>
      Promise.resolve({
        difference: { mean: 0.2, lower: 0.05, upper: 0.35, cases: 60, failures: 0 },
      }),
    adaptBundle: ({ bundle }) => Promise.resolve(artifact(`adapted ${bundle.digest.slice(7, 27)}`)),
    registerBundle: ({ manifest }) => Promise.resolve({ model: lifecycle, version: 2, manifest }),
    decideBundle: () =>
      Promise.resolve({
        kind: 'decided',
        decision: {
          id: 'decision_1',
          policy: digest('policy'),
          evidence: digest('evidence'),
          verdict,
        },
        evidence: digest('evidence'),
        moreCases: null,
      }),
    prepareExamples: () =>
      Promise.resolve({
        train: artifact('train'),
        holdout: artifact('holdout'),
        base: artifact('base'),
        passages: null,
        rows: { train: 900, holdout: 100, leftOut: 0, inCases: 0, tooLong: 0 },
      }),
    submitFineTuning: () => Promise.resolve({ job: 'ftjob-1' }),
    awaitFineTuning: () =>
      Promise.resolve({ kind: 'succeeded', model: 'ft:scripted:1', trainedTokens: 900 }),
    cancelFineTuning: () => Promise.resolve(),
    rebaseBundle: ({ model }) => Promise.resolve(artifact(`over ${model}`)),
    weighBundle: () => Promise.resolve({ kind: 'weighed', verdict: verdict.kind }),
    qualifyStandby: ({ standby, answers: { summary } }) =>
      Promise.resolve({
        ...standby,
        kind: 'qualified',
        cases: summary.cases,
        evidence: digest(`evidence ${standby.model}`),
      }),
    nameStandbys: ({ standbys }) => Promise.resolve(artifact(withStandbys(standbys))),
    fineTuneModel: () =>
      Promise.resolve({
        adapter: artifact('adapter'),
        result: { metrics: { accuracy: 0.9, base_accuracy: 0.1 }, facts: {} },
        logs: artifact('logs'),
        trainer: { name: 'lora', codeDigest: digest('code') },
      }),
    ...fakeIndex,
  };
}

function answered(
  mean: number,
  {
    caseSet,
    slice,
    cases,
  }: { readonly caseSet: CaseAnswers['caseSet']; readonly slice: string; readonly cases: number },
): CaseAnswers {
  const right = { mean, lower: mean - 0.1, upper: mean + 0.1, cases, failures: 0 };
  return {
    results: artifact(`answers ${slice} ${mean}`),
    caseSet,
    left: 60 - cases,
    summary: { cases, unanswered: 0, dimensions: { right }, cost: 0, medianMs: 12 },
  };
}

const fakeIndex: Overrides = {
  openIndexVersion: () => Promise.resolve({ version: 3, base: null }),
  planIndexBuild: () =>
    Promise.resolve({ plan: artifact('plan'), shards: 1, documents: 10, rejected: {} }),
  buildIndexShard: () => Promise.resolve({ chunks: 12, embedded: 12 }),
  finishIndexTable: () =>
    Promise.resolve({
      kind: 'complete',
      tableVersion: 7,
      chunks: 12,
      documents: 10,
      vectors: 'flat',
    }),
  applyIndexChanges: () => Promise.resolve({ applied: 0, more: false }),
  sealIndexVersion: () => Promise.resolve({ kind: 'ready' }),
  readIndexChampion: () => Promise.resolve(null),
  promoteIndexVersion: () => Promise.resolve({ kind: 'promoted', previous: null, fencing: 1 }),
  endIndexVersion: () => Promise.resolve(),
};
