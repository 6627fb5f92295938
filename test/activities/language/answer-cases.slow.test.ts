import type { AnswerCasesInput } from '../../../activities/language/answer-cases';
import { effectKey, type RunId } from '../../../domain/ids';
import type { CaseResult } from '../../../domain/language/evaluation/result';
import type { DimensionSpec } from '../../../domain/language/dimension/dimension';
import { refTo, startRun, tenant, unique } from '../../db/registry-fixture';
import {
  openLanguageWorld,
  promptFile,
  type LanguageWorld,
} from '../../support/language/language-activities';
import type { Fault } from '../../support/provider/scripted-provider';

let world: LanguageWorld;
let runId: RunId;
let fault: (number: number) => Fault | null = () => null;

beforeAll(async () => {
  world = await openLanguageWorld({
    contextTokens: 400,
    latencyMs: () => 5,
    fault: (_, number) => fault(number),
    answer({ prompt }) {
      const [, answer, reference] = /Judge <(.*)> by <(.*)>/.exec(prompt) ?? [];
      if (answer !== undefined)
        return prompt.includes('in prose')
          ? 'It seems right to me.'
          : buildVerdict(answer === reference);
      const code = Number(/code of \S+ (\d+)/.exec(prompt)?.[1]);
      return code % 4 === 3 ? 'no idea' : `code ${code}`;
    },
  });
});
afterAll(() => world.close());
beforeEach(async () => {
  fault = () => null;
  runId = await startRun(world.registry);
});

const buildVerdict = (right: boolean) =>
  JSON.stringify({ reason: 'as it reads', verdict: right ? 'right' : 'wrong' });
const exact: DimensionSpec = { name: 'right', kind: 'exact' };
const caseLine = (thing: string, index: number, more: object = {}) =>
  `${JSON.stringify({ id: `${thing}${index}`, input: { question: `What is the code of ${thing} ${index}?` }, expected: { answer: `code ${index}` }, ...more })}\n`;
const buildLines = (thing: string, count: number) =>
  Array.from({ length: count }, (_, index) => caseLine(thing, index)).join('');

async function bundle(instruction = 'Answer.') {
  const path = 'a.yaml';
  const spec = {
    model: { provider: 'scripted', name: 'scripted', standby: [] },
    sampling: { temperature: 0, topP: 1, maxTokens: 32, seed: 7, stop: [] },
    prompt: { candidates: [path], input: 'question' },
    safety: null,
    index: null,
  };
  const files = { [path]: await world.file(promptFile(instruction)) };
  const [written] = await world.run('writeBundles', {
    tenant,
    runId,
    model: unique('codes'),
    spec,
    files,
    index: null,
  });
  return written?.manifest ?? refTo('');
}

async function input(
  cases: string,
  { dimensions = [exact], parallel = 4, tokens = null as number | null, ...more } = {},
) {
  const evaluate = { dimensions, gates: [], ungated: 'a test', first: null, parallel };
  const spec = {
    cases: { file: 'cases.ndjson', search: 0.4, confirm: 0.2 },
    evaluate,
    budget: { usd: null, tokens },
  };
  await world.run('openRunBudget', { tenant, runId, budget: spec.budget });
  return {
    tenant,
    runId,
    key: effectKey(runId, 'evaluate', 'answers', 0),
    stage: 'evaluate',
    bundle: await bundle(),
    files: {},
    cases: await world.file(cases),
    slice: null,
    most: null,
    spec,
    ...more,
  } as AnswerCasesInput;
}

const readResults = ({
  results,
}: {
  readonly results: Parameters<typeof world.artifacts.getJson>[0];
}) => world.artifacts.getJson<readonly CaseResult[]>(results);
/** New calls of this run. */
const paidSince = (start: number) => world.provider.bill.length - start;

describe('answerCases', () => {
  test('a retry pays nothing and gives the same bytes', async () => {
    const given = await input(buildLines('lamp', 20));
    const start = world.provider.bill.length;
    const first = await world.run('answerCases', given);
    expect(first).toMatchObject({
      left: 0,
      caseSet: given.cases.digest,
      summary: { cases: 20, unanswered: 0 },
    });
    expect(first.summary.dimensions['right']).toMatchObject({ mean: 0.75, cases: 20, failures: 0 });
    expect(await world.run('answerCases', given, { attempt: 2 })).toEqual(first);
    expect(paidSince(start)).toBe(20);
  });

  test('a retry after an interrupted attempt repeats only requests in flight', async () => {
    const given = await input(buildLines('door', 40));
    const start = world.provider.bill.length;
    const ended = new AbortController();
    fault = () => {
      if (paidSince(start) >= 15) ended.abort();
      return null;
    };
    await expect(world.run('answerCases', given, { signal: ended.signal })).rejects.toThrow(
      /cancel/i,
    );
    const answered = await world.run('answerCases', given, { attempt: 2 });
    expect(answered.summary.dimensions['right']).toMatchObject({
      mean: 0.75,
      cases: 40,
      failures: 0,
    });
    expect(paidSince(start)).toBeGreaterThanOrEqual(40);
    expect(paidSince(start)).toBeLessThanOrEqual(40 + 4);
  });

  test("a provider that refuses all of the first 20 cases ends it with the provider's error", async () => {
    const given = await input(buildLines('mast', 60));
    const start = world.provider.requests.length;
    fault = () => ({
      kind: 'error',
      status: 400,
      body: JSON.stringify({ error: { message: 'no such parameter', code: 'bad_parameter' } }),
    });
    await expect(world.run('answerCases', { ...given, endsRefused: true })).rejects.toMatchObject({
      type: 'ProviderRefused',
      message: expect.stringMatching(
        /the first 20 of 60 cases were all refused.*status 400 bad_parameter, no such parameter/,
      ) as string,
    });
    expect(world.provider.requests.length - start).toBeLessThanOrEqual(20 + 5);
    // One of several candidates does not end the work of the others.
    expect(await world.run('answerCases', given, { attempt: 2 })).toMatchObject({
      summary: { cases: 60, unanswered: 60 },
    });
    fault = () => null;
    expect(await world.run('answerCases', given, { attempt: 3 })).toMatchObject({
      summary: { cases: 60, unanswered: 0 },
    });
  });

  test('appends progress events to the run', async () => {
    const given = await input(buildLines('tower', 400), { parallel: 1 });
    await world.run('answerCases', given);
    const events = await world.registry.events.list({ tenant, runId, afterSeq: 0, limit: 1_000 });
    const told = events.filter(({ kind }) => kind === 'evaluation.progress');
    expect(told.length).toBeGreaterThan(0);
    expect(told.length).toBeLessThan(100);
    for (const { stage, data } of told) {
      expect({ stage, bundle: data['bundle'], of: data['of'] }).toEqual({
        stage: 'evaluate',
        bundle: given.bundle.digest,
        of: 400,
      });
      expect(Number(data['asked'])).toBeGreaterThan(0);
    }
  });

  test('a retry asks nothing when all answers are on the call ledger', async () => {
    const given = await input(buildLines('gate', 12));
    const start = world.provider.bill.length;
    const artifacts = { ...world.artifacts, putJson: () => Promise.reject(new Error('killed')) };
    await expect(world.run('answerCases', given, { artifacts })).rejects.toThrow('killed');
    expect((await world.run('answerCases', given, { attempt: 2 })).summary.cases).toBe(12);
    expect(paidSince(start)).toBe(12);
  });

  test('a spent budget ends it with BudgetSpent, and a raised one pays only missing answers', async () => {
    const given = await input(buildLines('shelf', 30), { parallel: 1, tokens: 150 });
    const start = world.provider.bill.length;
    await expect(world.run('answerCases', given)).rejects.toMatchObject({
      type: 'BudgetSpent',
      message: expect.stringContaining(`run/${runId}`) as string,
    });
    const before = paidSince(start);
    expect(before).toBeGreaterThan(0);
    expect(before).toBeLessThan(30);
    await world.run('openRunBudget', { tenant, runId, budget: { usd: null, tokens: 1_000_000 } });
    expect((await world.run('answerCases', given, { attempt: 2 })).summary).toMatchObject({
      cases: 30,
      unanswered: 0,
    });
    expect(paidSince(start)).toBe(30);
  });

  test("counts unanswered cases by their reason, and leaves none out of the mean's bounds", async () => {
    const long = caseLine('long', 1, {
      input: { question: `${'very '.repeat(500)}What is the code of long 1?` },
    });
    const bare = caseLine('bare', 1, { input: { topic: 'codes' } });
    const given = await input(buildLines('cup', 10) + long + bare);
    const answered = await world.run('answerCases', given);
    expect(answered.summary).toMatchObject({ cases: 12, unanswered: 2 });
    expect(answered.summary.dimensions['right']).toMatchObject({
      cases: 12,
      failures: 2,
      mean: 0.8,
    });
    const why = (await readResults(answered)).flatMap(({ id, unanswered }) =>
      unanswered === null ? [] : [`${id} ${unanswered}`],
    );
    expect(why.sort()).toEqual(['bare1 InvalidInput', 'long1 ContextOverflow']);
  });

  test('takes the first cases of a slice in an order that does not depend on answers', async () => {
    const given = await input(buildLines('tile', 60));
    const readIds = async (change: Partial<AnswerCasesInput>) => {
      const answered = await world.run('answerCases', { ...given, ...change });
      return { left: answered.left, ids: (await readResults(answered)).map(({ id }) => id) };
    };
    const slices = await Promise.all(
      (['search', 'confirm', 'judge'] as const).map((slice) => readIds({ slice })),
    );
    const all = slices.flatMap(({ ids }) => ids);
    expect([...new Set(all)]).toHaveLength(60);
    expect(all).toHaveLength(60);
    const judged = slices[2]?.ids ?? [];
    const few = await readIds({ slice: 'judge', most: 5 });
    expect(few).toEqual({ left: judged.length - 5, ids: judged.slice(0, 5) });
  });

  test('rejects cases with an empty slice, and names the file and the next step', async () => {
    const given = { ...(await input(caseLine('one', 1))), slice: 'confirm' } as const;
    const other = { ...given, slice: 'search' } as const;
    const refused = (
      await Promise.allSettled([world.run('answerCases', given), world.run('answerCases', other)])
    ).filter(({ status }) => status === 'rejected');
    // The only case is in at most one of the slices.
    expect(refused.length).toBeGreaterThan(0);
    expect(refused[0]).toMatchObject({
      reason: {
        type: 'InvalidInput',
        message: expect.stringMatching(
          /^cases\.ndjson has no case for (confirm|search), of 1 cases$/,
        ) as string,
        next: expect.stringContaining('spec.cases.confirm') as string,
      },
    });
  });

  test('an unknown model ends it at once, with the closest known name', async () => {
    const given = await input(buildLines('vase', 5));
    const wrong = await world.run('rebaseBundle', {
      tenant,
      runId,
      bundle: given.bundle,
      model: 'scriptod',
    });
    const start = world.provider.bill.length;
    await expect(world.run('answerCases', { ...given, bundle: wrong })).rejects.toMatchObject({
      type: 'ModelNotFound',
      message: expect.stringMatching(/has no such model/) as string,
      next: 'did you mean scripted?',
    });
    expect(paidSince(start)).toBe(0);
  });
});

describe('judges', () => {
  const buildJudge = (said = ''): DimensionSpec => ({
    name: 'judged',
    kind: 'judge',
    prompt: 'judge.yaml',
    provider: 'scripted',
    model: 'scripted',
    labels: said === 'unlabelled' ? null : 'labels.ndjson',
  });
  const judgeFile = (how: string) => `apiVersion: perennial.dev/v1
kind: Prompt
metadata: { name: judge }
spec:
  variables:
    answer: { type: string, description: what was answered }
    reference: { type: string, description: the right answer }
  messages: [{ role: user, template: "${how} Judge <{{answer}}> by <{{reference}}>." }]
`;
  const labels = (count: number) =>
    Array.from({ length: count }, (_, index) => {
      const of = JSON.parse(caseLine('label', index)) as object;
      return `${JSON.stringify({ case: of, answer: index % 2 === 0 ? `code ${index}` : 'other', right: index % 2 === 0 })}\n`;
    }).join('');
  async function judged(cases: string, how: string, labelled: string, kind = '') {
    const given = await input(cases, { dimensions: [exact, buildJudge(kind)] });
    return {
      ...given,
      files: {
        'judge.yaml': await world.file(judgeFile(how)),
        'labels.ndjson': await world.file(labelled),
      },
    };
  }

  test('are calibrated once, and a retry pays nothing', async () => {
    const given = await judged(buildLines('sun', 4), 'As JSON.', labels(12));
    const start = world.provider.bill.length;
    const known = await world.run('calibrateJudges', given);
    expect(known['judged']?.calibration).toMatchObject({
      judge: known['judged']?.digest,
      positives: { cases: 6, right: 6 },
      negatives: { cases: 6, right: 6 },
    });
    expect(await world.run('calibrateJudges', given, { attempt: 2 })).toEqual(known);
    expect(paidSince(start)).toBe(12);
  });

  test('have only a digest without labels', async () => {
    const given = await judged(buildLines('sun', 4), 'As JSON.', '', 'unlabelled');
    const known = await world.run('calibrateJudges', given);
    expect(known['judged']).toEqual({
      digest: expect.stringMatching(/^sha256:/) as string,
      calibration: null,
    });
  });

  test('that answer in prose give no verdict, and each case counts as failed', async () => {
    const given = await judged(buildLines('star', 6), 'Answer in prose.', labels(8));
    const answered = await world.run('answerCases', given);
    expect(answered.summary.dimensions['judged']).toMatchObject({
      mean: null,
      cases: 6,
      failures: 6,
    });
    expect(answered.summary.dimensions['right']).toMatchObject({ failures: 0 });
    const [first] = await readResults(answered);
    expect(first?.scores['judged']).toEqual({
      kind: 'failed',
      reason: 'the judge gave no verdict',
    });
    const known = await world.run('calibrateJudges', given);
    expect(known['judged']?.calibration).toMatchObject({
      failures: 8,
      positives: { cases: 0 },
      negatives: { cases: 0 },
    });
  });

  test.each([
    [
      'a label that is not a label',
      `${JSON.stringify({ answer: 'x', right: 'maybe' })}\n`,
      /labels\.ndjson/,
    ],
    ['a label that is not JSON', 'right\n', /labels\.ndjson/],
  ])('reject %s with file and line', async (_, text, message) => {
    const given = await judged(buildLines('sea', 2), 'As JSON.', labels(2) + text);
    await expect(world.run('calibrateJudges', given)).rejects.toMatchObject({
      type: 'InvalidInput',
      message,
    });
  });
});

describe('compareAnswers', () => {
  test('pairs the cases that both answered, and counts missing scores at their worst in the lower bound', async () => {
    const put = (scores: readonly (number | null)[]) =>
      world.artifacts.putJson({
        tenant,
        value: scores.map((value, index) => ({
          id: `c${index}`,
          group: null,
          pair: null,
          answer: null,
          retrieved: [],
          latencyMs: null,
          cost: null,
          unanswered: value === null ? 'ContextOverflow' : null,
          scores: value === null ? {} : { right: { kind: 'scored', value } },
        })),
      });
    const compared = await world.run('compareAnswers', {
      dimension: 'right',
      answers: await put([1, 1, 0.5, null]),
      others: await put([0, 1, 0, 1]),
    });
    expect(compared.difference).toMatchObject({ mean: 0.5, cases: 4, failures: 1 });
    const { lower, upper } = compared.difference;
    expect([lower, upper]).toEqual([expect.any(Number), expect.any(Number)]);
    expect(lower).toBeLessThan((1 + 0 + 0.5 - 1) / 4);
  });
});
