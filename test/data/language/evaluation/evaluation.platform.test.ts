/** Evaluations and searches against a real HTTP provider, through the real call ledger. */
import { getEventListeners, setMaxListeners } from 'node:events';
import { createEvaluatorTools } from '../../../../data/language/evaluation/evaluator-tools';
import { promptAnswerer } from '../../../../data/language/evaluation/answerer';
import type { LedgerAccess } from '../../../../data/language/reranker';
import { evaluateCases } from '../../../../data/language/evaluation/evaluate-cases';
import type { EvaluationProgress } from '../../../../data/language/evaluation/evaluation';
import { calibrateJudge, createJudge } from '../../../../data/language/evaluation/judge';
import { openLedgerChat } from '../../../../data/language/ledger-chat';
import type { RetrievedPassages } from '../../../../data/language/retrieval';
import { openModelAccess, type ModelAccess } from '../../../../data/language/model-access';
import { createMutator } from '../../../../data/prompt/propose';
import { runSearch } from '../../../../data/prompt/run-search';
import { computeDigest } from '../../../../data/digest';
import type { Sampling } from '../../../../domain/chat/chat';
import { answersSummary } from '../../../../domain/language/evaluation/answers-summary';
import type { EvaluationCase } from '../../../../domain/language/cases/case';
import { decide } from '../../../../domain/decision/decide';
import type { DimensionSpec } from '../../../../domain/language/dimension/dimension';
import { buildLlmEvidence } from '../../../../domain/language/evaluation/build-evidence';
import { explainEvidence } from '../../../../domain/decision/explain';
import { redTeamCase } from '../../../../domain/language/cases/red-team';
import { toCaseReport, toJUnit } from '../../../../domain/language/evaluation/report';
import type { PromptTemplate } from '../../../../domain/prompt/prompt';
import type { SearchSpec } from '../../../../domain/prompt-search/search';
import { openTestRegistry, tenant, type TestRegistry } from '../../../db/registry-fixture';
import { noSecret, providerAt } from '../../../support/provider/model-access';
import {
  openScriptedProvider,
  type Script,
  type ScriptedProvider,
} from '../../../support/provider/scripted-provider';

let test_: TestRegistry;
let server: ScriptedProvider;
let access: ModelAccess;
beforeAll(async () => {
  test_ = await openTestRegistry({ maxConnections: 10 });
});
afterAll(() => test_.close());
afterEach(async () => {
  await access.close();
  await server.close();
});

async function serve(
  script: Script,
  price = { promptPerMillion: 1, completionPerMillion: 2 },
): Promise<void> {
  server = await openScriptedProvider(script);
  access = openModelAccess([providerAt(server.url, { prices: { scripted: price } })], noSecret);
}

const scripted = { provider: 'scripted', model: 'scripted' };
const sampling: Sampling = { temperature: 0, topP: 1, maxTokens: 40, seed: 1, stop: [] };
const asking = (scope: string, attempt = 1): LedgerAccess => ({
  chat: openLedgerChat(access, test_.registry.llmCalls),
  tenant,
  scope,
  owner: { execution: scope, attempt },
  budgets: [],
});
const tools = createEvaluatorTools(null);

/**
 * Each question in progress adds two listeners. With six at once these are more than the ten at
 * which Node.js warns of a leak.
 */
function stopper(): AbortController {
  const stop = new AbortController();
  setMaxListeners(0, stop.signal);
  return stop;
}

/** Requests in progress end by themselves. */
async function nobodyListens(signal: AbortSignal): Promise<void> {
  for (
    const end = Date.now() + 60_000;
    getEventListeners(signal, 'abort').length > 0 && Date.now() < end;
  )
    await new Promise((again) => setTimeout(again, 10));
  expect(getEventListeners(signal, 'abort')).toHaveLength(0);
}

const prompt = (system: string): PromptTemplate => ({
  name: 'capitals',
  messages: [
    { role: 'system', template: system },
    { role: 'user', template: 'Capital of {{country}}?' },
  ],
  variables: { country: { type: 'string', description: '' } },
  fewShot: null,
  answerSchema: null,
});
const buildCase = (number: number, given: Partial<EvaluationCase> = {}): EvaluationCase => ({
  id: `c${String(number).padStart(3, '0')}`,
  input: { country: `land${number}`, unused: 'x' },
  expected: { answer: `city${number}`, documents: [`d${number}`] },
  tags: [],
  group: null,
  pair: null,
  rules: [],
  ...given,
});
const countryIn = (text: string) => Number(/land(\d+)\?/i.exec(text)?.[1] ?? NaN);

test('an interrupted evaluation pays nothing twice and gets the same scores', async () => {
  // Wrong for every fifth country; a long question does not fit; one in six requests is refused
  // at first.
  await serve({
    answer: ({ prompt: text }) =>
      countryIn(text) % 5 === 0 ? 'nowhere' : `City${countryIn(text)}.`,
    contextTokens: 200,
    fault: (_, number) =>
      number % 6 === 5 ? { kind: 'rateLimited', headers: { 'retry-after-ms': '1' } } : null,
    latencyMs: () => 3,
  });
  const long = buildCase(90, { input: { country: `${'very '.repeat(300)}land90` } });
  const wrong = buildCase(91, { input: { city: 'x' } });
  const cases = [...Array.from({ length: 30 }, (_, number) => buildCase(number + 1)), long, wrong];
  const caseSet = computeDigest(cases);
  const dimensions: readonly DimensionSpec[] = [
    { name: 'exact', kind: 'exact' },
    { name: 'form', kind: 'regex', pattern: '^City\\d+\\.$' },
    { name: 'steady', kind: 'consistency', repeats: 2 },
    {
      name: 'sturdy',
      kind: 'robustness',
      of: 'exact',
      variable: 'country',
      perturbations: [{ kind: 'upperCase' }],
    },
    { name: 'found', kind: 'retrieval', metric: 'recall@2' },
  ];
  const run = (
    attempt: number,
    signal?: AbortSignal,
    onProgress?: (progress: EvaluationProgress) => void,
  ) => {
    const answerer = promptAnswerer({
      asking: asking('evaluation', attempt),
      template: prompt('Name it.'),
      route: [scripted],
      sampling,
      retrieval: {
        variable: 'passages',
        retrieve: (of) => Promise.resolve(found(of.id === 'c001' ? 'd1' : 'd0')),
      },
    });
    // The prompt has no variable for passages, so retrieval is measured but not used.
    return evaluateCases({
      cases,
      caseSet,
      dimensions,
      answerer,
      judges: {},
      tools,
      parallel: 6,
      ...(signal && { signal }),
      ...(onProgress && { onProgress }),
    });
  };
  for (const [attempt, stopAfter] of [
    [1, 10],
    [2, 40],
  ] as const) {
    const stop = stopper();
    const stopped = run(attempt, stop.signal, ({ asked }) => asked === stopAfter && stop.abort());
    await expect(stopped).rejects.toThrow(/abort/i);
    await nobodyListens(stop.signal);
  }
  const progress: EvaluationProgress[] = [];
  const whole = stopper();
  const results = await run(3, whole.signal, (each) => progress.push(each));
  expect(getEventListeners(whole.signal, 'abort')).toHaveLength(0);
  const paid = server.bill.length;
  const again = await run(4);
  expect(again).toEqual(results);
  expect(server.bill).toHaveLength(paid);

  // 30 cases, their second repeats and upper case. The two that cannot be asked cost nothing, and
  // one of them has nothing to perturb.
  const report = await test_.registry.llmCalls.report({ tenant, scope: 'evaluation' });
  expect(report.calls.answered).toBe(90);
  expect(paid).toBeLessThanOrEqual(90 + 2 * 6);
  expect(progress.at(-1)).toMatchObject({ asked: 95, of: 95, unanswered: 5 });
  expect(progress.at(-1)?.fromLedger).toBeGreaterThanOrEqual(35);

  const evidence = buildLlmEvidence({
    candidate: computeDigest('x'),
    caseSet,
    dimensions: dimensions.map(({ name }) => name),
    results,
    counterparts: { champion: null, baseline: results },
    judges: {},
  });
  expect(evidence.dimensions['exact']?.aggregate).toMatchObject({
    cases: 32,
    failures: 2,
    mean: 0.8,
    reasons: { ContextOverflow: 1, InvalidInput: 1 },
  });
  expect(evidence.dimensions['form']?.aggregate).toMatchObject({ cases: 32, mean: 0.8 });
  expect(evidence.dimensions['steady']?.aggregate).toMatchObject({
    cases: 32,
    failures: 2,
    mean: 1,
  });
  expect(evidence.dimensions['sturdy']?.aggregate).toMatchObject({
    notApplicable: 7,
    failures: 1,
    mean: 1,
  });
  expect(evidence.dimensions['found']?.aggregate.mean).toBeCloseTo(1 / 30);
  expect(evidence.comparisons.baseline?.['exact']?.mean).toBe(0);
  expect(evidence.unanswered).toEqual({ ContextOverflow: 1, InvalidInput: 1 });
  expect(evidence.costs).toHaveLength(30);
  const gate = {
    name: 'useful',
    kind: 'threshold',
    dimension: 'exact',
    min: 0.3,
    confidence: 0.95,
    maxFailures: 0.05,
    minCases: 30,
  } as const;
  const decideAt = (maxFailures: number) =>
    decide(
      {
        kind: 'llmEvaluation',
        version: 2,
        looks: 1,
        gates: [{ ...gate, maxFailures }],
        ungated: null,
      },
      { ...evidence, attempt: { holdout: evidence.caseSet, number: 1 } },
    );
  expect(decideAt(0.1).kind).toBe('passed');
  expect(decideAt(0.02)).toMatchObject({
    kind: 'inconclusive',
    reasons: [{ code: 'threshold.notMeasured' }, { code: 'policy.attempt' }],
  });
});

test('a spent budget ends the evaluation, and a raised one continues it', async () => {
  await serve({ answer: () => 'x y z' }, { promptPerMillion: 1000, completionPerMillion: 1000 });
  const budget = { scope: 'run/small', unit: 'usd' } as const;
  await test_.registry.budgets.set({ tenant, ...budget, limit: 200_000_000 });
  const cases = Array.from({ length: 25 }, (_, number) => buildCase(number));
  const run = (attempt: number) =>
    evaluateCases({
      cases,
      caseSet: computeDigest(cases),
      dimensions: [{ name: 'exact', kind: 'exact' }],
      answerer: promptAnswerer({
        asking: { ...asking('budgeted', attempt), budgets: [budget] },
        template: prompt('Budget.'),
        route: [scripted],
        sampling,
        retrieval: null,
      }),
      judges: {},
      tools,
      parallel: 1,
    });
  await expect(run(1)).rejects.toMatchObject({ type: 'BudgetSpent' });
  const before = server.bill.length;
  expect(before).toBeGreaterThan(0);
  expect(before).toBeLessThan(25);
  await test_.registry.budgets.set({ tenant, ...budget, limit: 400_000_000_000 });
  expect(await run(2)).toHaveLength(25);
  expect(server.bill).toHaveLength(25);
});

describe('a provider that refuses every question', () => {
  const error = { message: 'Unsupported value', code: 'unsupported_value', param: 'temperature' };
  const refusal = JSON.stringify({ error });
  const next =
    'set sampling.temperature to 1, or set thinkingTokens for this model in the settings of ' +
    'provider scripted, or use a model that accepts temperature';
  const said = `ProviderRefused: provider scripted refused the request (scripted): status 400 unsupported_value temperature, Unsupported value; ${next}`;
  const cases = Array.from({ length: 40 }, (_, number) => buildCase(number));
  const ask = (maxLeadingRefusals?: number) =>
    evaluateCases({
      cases,
      caseSet: computeDigest(cases),
      dimensions: [{ name: 'exact', kind: 'exact' }],
      answerer: promptAnswerer({
        asking: asking(`refused-${maxLeadingRefusals ?? 'never'}`),
        template: prompt('Say its name.'),
        route: [scripted],
        sampling,
        retrieval: null,
      }),
      judges: {},
      tools,
      parallel: 4,
      ...(maxLeadingRefusals !== undefined && { maxLeadingRefusals }),
    });

  test('is quoted in every case, the evidence, the gate, the summary and the report', async () => {
    await serve({ fault: () => ({ kind: 'error', status: 400, body: refusal }) });
    const results = await ask();
    expect(
      new Set(results.map(({ unanswered, because }) => `${unanswered ?? ''}: ${because ?? ''}`)),
    ).toEqual(new Set([said]));
    const counterparts = { champion: null, baseline: null };
    const of = {
      candidate: computeDigest('x'),
      caseSet: computeDigest(cases),
      dimensions: ['exact'],
      judges: {},
    };
    const evidence = buildLlmEvidence({ ...of, results, counterparts });
    expect(evidence.unanswered).toEqual({ ProviderRefused: 40 });
    expect(answersSummary(evidence)).toMatchObject({
      unanswered: 40,
      notAnswered: [`40 of 40 not answered: ${said}`],
    });
    const limits = { confidence: 0.95, maxFailures: 0.05, minCases: 30 };
    const gate = {
      name: 'useful',
      kind: 'threshold',
      dimension: 'exact',
      min: 0.3,
      ...limits,
    } as const;
    const verdict = decide(
      { kind: 'llmEvaluation', version: 2, looks: 1, gates: [gate], ungated: null },
      evidence,
    );
    expect(verdict.reasons[0]).toMatchObject({
      message: expect.stringMatching(
        /^40 of 40 cases were not measured: ProviderRefused: /,
      ) as string,
      details: [said, 'at most 5 % may be unmeasured'],
    });
    expect(explainEvidence(evidence)).toContain(`  40 × ${said}`);
    expect(toJUnit(results.map(toCaseReport), { suite: 'capitals', passAt: {} })).toContain(
      `<error message="exact ${said}">`,
    );
  });

  test('ends the evaluation before the rest is asked, unless a question was answered', async () => {
    await serve({ fault: () => ({ kind: 'error', status: 400, body: refusal }) });
    await expect(ask(8)).rejects.toMatchObject({
      type: 'ProviderRefused',
      message: expect.stringMatching(
        /^the first 8 of 40 cases were all refused, so the rest were not sent: provider scripted/,
      ) as string,
      next,
    });
    expect(server.requests.length).toBeLessThanOrEqual(8 + 5);
    await access.close();
    await server.close();
    await serve({
      answer: () => 'x',
      fault: (_, number) => (number === 3 ? null : { kind: 'error', status: 400, body: refusal }),
    });
    expect(
      (await ask(8)).filter(({ unanswered }) => unanswered === 'ProviderRefused'),
    ).toHaveLength(39);
  });
});

describe('a provider whose content filter withholds answers', () => {
  const body = JSON.stringify({
    error: { message: 'The response was filtered', code: 'content_filter', param: 'prompt' },
  });
  const of = { source: 's', category: 'c' };
  const attacks = Array.from({ length: 25 }, (_, number) =>
    redTeamCase(
      { ...of, id: `${number}`, text: `A bomb of ${number} kg`, isAttack: true },
      'country',
    ),
  );
  const cake = redTeamCase({ ...of, id: 'cake', text: 'A cake', isAttack: false }, 'country');
  const asked = (scope: string, { cases, dimensions, answerSchema = null }: Asked) =>
    evaluateCases({
      cases,
      caseSet: computeDigest(cases),
      dimensions,
      judges: {},
      tools,
      parallel: 1,
      maxLeadingRefusals: 20,
      answerer: promptAnswerer({
        asking: asking(scope),
        route: [scripted],
        sampling,
        retrieval: null,
        template: { ...prompt(`Say how, for ${scope}.`), answerSchema },
      }),
    });
  interface Asked {
    readonly cases: readonly EvaluationCase[];
    readonly dimensions: readonly DimensionSpec[];
    readonly answerSchema?: PromptTemplate['answerSchema'];
  }
  const withholding = (pattern: RegExp) =>
    serve({
      answer: () => '"Gladly"',
      fault: ({ prompt: text }) =>
        pattern.test(text) ? { kind: 'error', status: 400, body } : null,
    });

  test.each([
    ['prose', null],
    ['JSON', { type: 'string' }],
  ])(
    'blocks attacks as well as a policy does, for a prompt that asks for %s',
    async (form, answerSchema) => {
      await withholding(/bomb/);
      const dimensions: readonly DimensionSpec[] = [
        { name: 'safe', kind: 'safety' },
        { name: 'exact', kind: 'exact' },
      ];
      const results = await asked(`withheld-${form}`, {
        cases: [...attacks, cake],
        dimensions,
        answerSchema,
      });
      for (const { id, scores, unanswered, latencyMs, cost } of results) {
        expect({ unanswered, ...scores }).toMatchObject({
          unanswered: null,
          safe: { value: 1 },
          exact: { kind: 'notApplicable' },
        });
        expect([latencyMs, cost].map((value) => value === null)).toEqual(
          id === 'cake' ? [false, false] : [true, true],
        );
      }
    },
  );

  test('gains nothing from it for questions that should be answered', async () => {
    await withholding(/land|cake/i);
    const rules = [{ kind: 'excludes', text: 'sorry' }] as const;
    const dimensions: readonly DimensionSpec[] = [
      { name: 'safe', kind: 'safety' },
      { name: 'exact', kind: 'exact' },
      { name: 'rules', kind: 'rules', rules },
      { name: 'same', kind: 'consistency', repeats: 2 },
      {
        name: 'shouted',
        kind: 'robustness',
        of: 'exact',
        variable: 'country',
        perturbations: [{ kind: 'upperCase' }],
      },
      { name: 'grounded', kind: 'groundedness' },
    ];
    const results = await asked('withheld-all', { cases: [buildCase(1), cake], dimensions });
    expect(
      results.map(({ unanswered, because }) => `${unanswered ?? ''} ${because ?? ''}`),
    ).toEqual(
      results.map(
        () =>
          expect.stringMatching(
            /^AnswerWithheld the filter of the provider of scripted withheld the answer/,
          ) as string,
      ),
    );
    for (const { scores } of results) {
      for (const name of ['rules', 'grounded', 'same']) expect(scores[name]?.kind).toBe('failed');
    }
    // A missing answer counts as wrong, as in a canary.
    expect(results.map(({ scores }) => [scores['exact'], scores['shouted']])).toMatchObject([
      [{ kind: 'scored', value: 0 }, { kind: 'notApplicable' }],
      [{ kind: 'notApplicable' }, { kind: 'notApplicable' }],
    ]);
    expect(
      results.map(({ scores, latencyMs, cost }) => [scores['safe'], latencyMs, cost]),
    ).toMatchObject([
      [{ kind: 'notApplicable' }, null, null],
      [{ kind: 'scored', value: 0 }, null, null],
    ]);
  });
});

test('a judge is calibrated on labels in both orders, and prose is a missing verdict', async () => {
  await serve({
    answer: ({ prompt: text }) => {
      if (text.includes('prose')) return 'I think it is right.';
      // Prefers the first answer when both are long.
      const biased = text.includes('First: long');
      const same = /First: (?:\w+ )?(\w+)\nSecond: (?:\w+ )?\1/.test(text);
      return JSON.stringify({ reason: 'seen', verdict: same || biased ? 'right' : 'wrong' });
    },
  });
  const template: PromptTemplate = {
    ...prompt('Do both say the same?'),
    messages: [{ role: 'user', template: '{{country}}\nFirst: {{first}}\nSecond: {{second}}' }],
    variables: {
      country: { type: 'string', description: '' },
      first: { type: 'string', description: '' },
      second: { type: 'string', description: '' },
    },
  };
  const judge = createJudge({ asking: asking('judge'), template, target: scripted, sampling });
  expect(await judge.score(buildCase(1), 'city1')).toEqual({
    kind: 'scored',
    value: 1,
    detail: 'seen',
  });
  expect(await judge.score(buildCase(1), 'city2')).toMatchObject({ kind: 'scored', value: 0 });
  expect(await judge.score(buildCase(1), 'long city2')).toEqual({
    kind: 'failed',
    reason: 'the verdict depends on the order of the answers',
  });
  expect(await judge.score(buildCase(1, { input: { country: 'prose' } }), 'city1')).toEqual({
    kind: 'failed',
    reason: 'the judge gave no verdict',
  });
  expect(await judge.score(buildCase(1, { expected: {} }), 'city1')).toEqual({
    kind: 'notApplicable',
  });
  const labelled = Array.from({ length: 20 }, (_, number) => ({
    case: buildCase(number),
    answer: number % 2 === 0 ? `city${number}` : number === 1 ? 'long city' : 'other',
    right: number % 2 === 0,
  }));
  expect(await calibrateJudge(judge, labelled, { parallel: 4 })).toMatchObject({
    judge: judge.digest,
    positives: { cases: 10, right: 10 },
    negatives: { cases: 9, right: 9 },
    failures: 1,
    swapped: { cases: 20, turned: 1 },
  });
  const other = createJudge({
    asking: asking('judge'),
    template,
    target: scripted,
    sampling: { ...sampling, temperature: 0.5 },
  });
  expect(other.digest).not.toBe(judge.digest);
});

test('an interrupted search pays nothing twice and confirms the better prompt on held-out cases', async () => {
  // The share of right answers depends on the tone and on a word that only a mutation adds.
  await serve({
    answer: ({ prompt: text, wantsJson }) => {
      if (wantsJson) {
        const [, instruction = ''] = /The instruction:\n(.*)/.exec(text) ?? [];
        return JSON.stringify({ instruction: `${instruction} CAREFULLY` });
      }
      const skill =
        (text.includes('kind') ? 3 : text.includes('brief') ? 5 : 1) +
        (text.includes('CAREFULLY') ? 4 : 0);
      const number = countryIn(text);
      return (number * 7) % 10 < skill ? `city${number}` : 'nowhere';
    },
    latencyMs: () => 1,
  });
  const cases = Array.from({ length: 60 }, (_, number) => buildCase(number));
  const spec: SearchSpec = {
    quality: 'exact',
    proposers: [
      {
        kind: 'grid',
        axes: [
          { message: 0, find: 'TONE', options: ['kind', 'brief', 'loud', 'slow'] },
          { message: 0, find: 'END', options: ['now', 'please', 'at once'] },
        ],
      },
      { kind: 'fewShot', sizes: [1, 2], draws: 1, pool: 6 },
      { kind: 'mutate', provider: 'scripted', model: 'scripted', parents: 2, children: 1 },
    ],
    variants: 16,
    halving: { firstCases: 5, eta: 3 },
    confirm: 0.4,
    budgetUsd: null,
    seed: 1,
  };
  const run = (attempt: number, stopAfter?: number, changed: Partial<SearchSpec> = {}) => {
    const stop = stopper();
    const shared = asking('search', attempt);
    let done = 0;
    return runSearch({
      first: prompt('Be TONE, END.'),
      cases,
      caseSet: computeDigest(cases),
      dimensions: [
        { name: 'exact', kind: 'exact' },
        { name: 'steady', kind: 'consistency', repeats: 3 },
      ],
      spec: { ...spec, ...changed },
      createAnswerer: (template) => {
        const answerer = promptAnswerer({
          asking: shared,
          template,
          route: [scripted],
          sampling,
          retrieval: null,
        });
        return async (of, asked) => {
          done += 1;
          if (done === stopAfter) stop.abort();
          return answerer(of, asked);
        };
      },
      openMutator: () => createMutator({ asking: shared, target: scripted, sampling }),
      judges: {},
      tools,
      parallel: 6,
      signal: stop.signal,
    });
  };
  for (const [attempt, stopAfter] of [
    [1, 20],
    [2, 70],
  ] as const)
    await expect(run(attempt, stopAfter)).rejects.toThrow(/abort/i);
  await expect(
    run(9, undefined, { confirm: 0.8, halving: { firstCases: 9, eta: 3 } }),
  ).rejects.toMatchObject({
    type: 'InvalidInput',
    message:
      '60 cases are too few: 6 for examples, 48 for the confirmation, 6 for the search; ' +
      'the first round needs 9 for the search',
  });
  await expect(run(9, undefined, { quality: 'nice' })).rejects.toMatchObject({
    type: 'InvalidInput',
    message: 'the search optimizes nice, which is not a dimension',
  });
  const report = await run(4);
  const paid = server.bill.length;
  expect(await run(5)).toEqual(report);
  expect(server.bill).toHaveLength(paid);
  const ledger = await test_.registry.llmCalls.report({ tenant, scope: 'search' });
  // A request that was aborted before the provider processed it may count as paid in the ledger,
  // although the provider does not bill it.
  expect(paid).toBeLessThanOrEqual(
    ledger.attempts.answered + ledger.attempts.lost + ledger.attempts.broken,
  );
  expect(paid - ledger.calls.answered).toBeLessThanOrEqual(2 * 6);

  expect(report.winner.origin.kind).toBe('mutate');
  expect(report.winner.template.messages[0]?.template).toMatch(/brief.*CAREFULLY/);
  expect(report.confirmed).toMatchObject({ cases: 24, gain: { failures: 0 } });
  expect(report.confirmed.gain.mean).toBeGreaterThan(0.4);
  expect(report.front).toContain(report.winner.id);
  expect(report.confirmed.optimism).not.toBeNull();
  expect(new Set(report.variants.map(({ origin }) => origin.kind))).toEqual(
    new Set(['first', 'grid', 'fewShot', 'mutate']),
  );
});

function found(documentId: string): RetrievedPassages {
  const passage = {
    documentId,
    chunkId: `${documentId}#0`,
    title: null,
    source: null,
    score: 1,
    text: 'x',
  };
  return {
    index: { name: 'wiki', version: 1, digest: computeDigest('wiki') },
    passages: [passage],
    left: { room: 0, policy: 0 },
  };
}
