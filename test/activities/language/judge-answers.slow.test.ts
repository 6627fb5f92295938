import { computeDigest } from '../../../data/digest';
import type { PairLabel } from '../../../db/rollout/answer-label-repository';
import type { JudgeAnswersInput, JudgingTurn } from '../../../activities/language/judge-answers';
import type { LostPairs } from '../../../domain/rollout/progress';
import { newId } from '../../../db/ids';
import type { PredictionRow } from '../../../db/serving/prediction-records';
import type { DuePair, RolloutRecord } from '../../../db/rollout/records';
import { openCalendar } from '../../../domain/calendar';
import { effectKey, type PredictionId, type RunId } from '../../../domain/ids';
import { llmCanarySchema } from '../../../domain/lifecycle/llm/canary/canary.schema';
import type { DimensionSpec } from '../../../domain/language/dimension/dimension';
import type { LoggedAnswer } from '../../../domain/bundle/logged-answer';
import type { AnswerJudge } from '../../../domain/rollout/judging/answer-quality';
import { buildRolloutPolicy } from '../../../domain/rollout/policy';
import { addObservations, emptyRolloutState } from '../../../domain/rollout/state';
import { registerVersions, tenant, unique } from '../../db/registry-fixture';
import { openRollout, promoteOver } from '../../db/rollout/fixture';
import { writeJudgePrompt } from '../../support/language/judge-prompt';
import {
  openLanguageWorld,
  workerStops,
  type LanguageWorld,
} from '../../support/language/language-activities';
import type { Script } from '../../support/provider/scripted-provider';
import { until } from '../../support/time/until';

let world: LanguageWorld;
let model: string;
let runId: RunId;
let rollout: RolloutRecord;
let judge: AnswerJudge;
let files: JudgeAnswersInput['files'];

const judgePrompt = writeJudgePrompt('Judge <{{answer}}> to <{{question}}>');
const dimension: DimensionSpec = {
  name: 'sound',
  kind: 'judge',
  prompt: 'judge.yaml',
  provider: 'scripted',
  model: 'scripted',
  labels: 'labels.ndjson',
};
/** Seconds. */
const day = 86_400;
const labels = Array.from({ length: 80 }, (_, index) => {
  const of = { id: `l${index}`, input: { question: `code of label ${index}?` }, expected: {} };
  return `${JSON.stringify({ case: of, answer: index < 40 ? `code ${index}` : 'no idea', right: index < 40 })}\n`;
}).join('');

let fault: NonNullable<Script['fault']> = () => null;
let latencyMs = 0;
afterEach(() => {
  fault = () => null;
  latencyMs = 0;
});

beforeAll(async () => {
  world = await openLanguageWorld({
    fault: (request, number) => fault(request, number),
    latencyMs: () => latencyMs,
    answer({ prompt }) {
      const [, answer, number] = /Judge <(.*)> to <code of \S+ (\d+)\?>/.exec(prompt) ?? [];
      if (answer?.includes('ramble')) return 'Well, it depends.';
      return JSON.stringify({
        reason: 'as it reads',
        verdict: answer === `code ${number ?? ''}` ? 'right' : 'wrong',
      });
    },
  });
  files = {
    'judge.yaml': await world.file(judgePrompt),
    'labels.ndjson': await world.file(labels),
  };
});
afterAll(() => world.close());

/** A shadow rollout whose quality a calibrated judge measures. */
beforeEach(async () => {
  const { registry } = world;
  model = unique('codes');
  runId = await registerVersions(registry, model, 2);
  await promoteOver(registry, model, 1);
  await budget(null);
  const known = await world.run('calibrateJudges', {
    tenant,
    runId,
    stage: 'canary',
    files,
    spec: {
      ...spec,
      evaluate: { dimensions: [dimension], gates: [], ungated: 'a test', first: null, parallel: 4 },
    },
  });
  const { calibration } = known['sound'] ?? {};
  if (!calibration) throw new Error('no calibration');
  const { judge: version, positives, negatives } = calibration;
  judge = {
    dimension: 'sound',
    share: 1,
    mostPairs: 100,
    calibrated: { judge: version, positives, negatives },
  };
  const canary = llmCanarySchema.parse({
    steps: [0],
    quality: { from: 'judge', judge: 'sound', margin: 0.1 },
  });
  const { answers } = canary.quality;
  if (!answers) throw new Error('no answers');
  const quality = { ...canary.quality, answers: { ...answers, judge } };
  const opening = await openRollout(registry, {
    model,
    runId,
    spec: { ...canary, quality },
    availableAfterSeconds: 0,
  });
  if (opening.kind !== 'opened') throw new Error(opening.kind);
  ({ rollout } = opening);
});

const spec = {
  cases: { file: 'cases.ndjson', search: 0, confirm: 0 },
  budget: { usd: null, tokens: 1_000_000 },
};
const budget = (tokens: number | null) =>
  world.run('openRunBudget', {
    tenant,
    runId,
    budget: { usd: null, tokens: tokens ?? spec.budget.tokens },
  });

const loggedAnswer = (text: string | null, over: Partial<LoggedAnswer> = {}): LoggedAnswer => ({
  text,
  finish: 'stop',
  usage: { promptTokens: 9, completionTokens: 2 },
  firstTokenMs: null,
  blocked: null,
  malformed: false,
  error: null,
  safety: null,
  retrieved: null,
  ...over,
});
let asked = 0;
/** A logged prediction with the answers of both versions. */
const prediction = (
  champion: LoggedAnswer,
  challenger: LoggedAnswer | null,
  over: Partial<PredictionRow> = {},
): PredictionRow => ({
  tenant,
  id: newId('pred') as PredictionId,
  receivedAt: new Date().toISOString(),
  model,
  version: 1,
  arm: 'champion',
  entity: null,
  eventTime: null,
  latencyMs: 10,
  rollout: { id: rollout.id, step: 0 },
  input: { messages: [{ role: 'user', content: `code of ${model} ${(asked += 1)}?` }] },
  output: champion,
  other: {
    version: 2,
    role: 'shadow',
    score: null,
    output: challenger,
    error: challenger === null ? 'ProviderTimeout' : null,
    latencyMs: 10,
  },
  ...over,
});
const right = () => loggedAnswer(`code ${asked + 1}`);
const wrong = () => loggedAnswer('no idea');
const store = async (...rows: PredictionRow[]) => {
  await world.registry.predictions.insert(rows);
  return rows.map(({ id }) => id);
};
/** Runs the activity until `mostPairs` pairs are judged. */
const judged = (
  mostPairs: number,
  given: Parameters<typeof world.run>[2] = {},
  over: Partial<JudgeAnswersInput> = {},
): Promise<JudgingTurn> =>
  world.run(
    'judgeAnswers',
    {
      tenant,
      runId,
      key: effectKey(runId, 'canary', 'judge', 1),
      traceId: 'a'.repeat(32),
      rollout: rollout.id,
      judge: { ...judge, mostPairs },
      dimension,
      input: 'question',
      files,
      budget: spec.budget,
      parallel: 1,
      minDurationSeconds: 0,
      ...over,
    },
    given,
  );
type Beats = Pick<NonNullable<Parameters<typeof world.run>[2]>, 'heartbeatDetails' | 'onHeartbeat'>;
const readLabel = async (id: PredictionId | undefined) =>
  (await world.registry.predictions.get({ tenant, id: id as PredictionId }))?.label;
const sendFeedback = (
  id: PredictionId | undefined,
  label: unknown,
  labelledAt = '2026-01-01T00:00:00Z',
) =>
  world.registry.feedback.record({ tenant, predictionId: id as PredictionId, label, labelledAt });
/**
 * Twenty successful requests keep the circuit breaker of the provider closed. It would open if half
 * of the last twenty answers were lost, and the next attempt would then come at a random time.
 */
const keepCircuitClosed = async (): Promise<void> => {
  const lines = Array.from({ length: 20 }, (_, index) => {
    const of = {
      id: `w${index}`,
      input: { question: `code of ${unique('well')} ${index}?` },
      expected: {},
    };
    return `${JSON.stringify({ case: of, answer: `code ${index}`, right: true })}\n`;
  });
  await world.run('calibrateJudges', {
    tenant,
    runId,
    stage: 'canary',
    files: { ...files, 'labels.ndjson': await world.file(lines.join('')) },
    spec: {
      ...spec,
      evaluate: { dimensions: [dimension], gates: [], ungated: 'a test', first: null, parallel: 4 },
    },
  });
};
const count = () => world.registry.judgedAnswers.count({ tenant, rollout: rollout.id });
const verdicts = (served: 0 | 1 | null, beside: 0 | 1 | null) => ({
  judge: judge.calibrated?.judge,
  served,
  beside,
});
const { findDay, findStart } = openCalendar('UTC');
/** `hours` after the midnight at which today began. */
const fromMidnight = (hours: number) =>
  new Date(findStart(findDay(Date.now())) + hours * 3_600_000).toISOString();
const consumeObservations = () => {
  const policy = buildRolloutPolicy(rollout.spec, { dependsOnPrediction: false });
  return world.registry.rollouts.consume({
    tenant,
    id: rollout.id,
    limit: 100,
    settleMs: 0,
    fold: (state, seen, at) =>
      addObservations(
        policy,
        state,
        { ...at, champion: `${model}@1`, challenger: `${model}@2` },
        seen,
      ),
  });
};
const consumed = async () => {
  let pairs: readonly DuePair[] = [];
  const fold = (_: unknown, batch: { readonly pairs: readonly DuePair[] }) => {
    ({ pairs } = batch);
    return emptyRolloutState;
  };
  await world.registry.rollouts.consume({ tenant, id: rollout.id, limit: 100, settleMs: 0, fold });
  return pairs.map(({ champion, challenger }) => [champion, challenger]);
};

describe('labels by people', () => {
  const of = () => ({
    tenant,
    rollout: rollout.id,
    judge: judge.calibrated?.judge ?? computeDigest('none'),
  });
  const answerLabels = () => world.registry.answerLabels;
  const toLabel = (limit = 100) => answerLabels().toLabel({ ...of(), limit });
  const label = (labels: readonly PairLabel[]) =>
    answerLabels().label({ ...of(), labels, actor: 'ada' });
  const judgedLabels = async () => {
    const quality = (await consumeObservations()).rollout.state.evidence?.quality;
    return quality?.kind === 'pairs' ? quality.judge : undefined;
  };

  test('are requested for pairs that the judge has judged, without the versions', async () => {
    const blockedAnswer = () => loggedAnswer('', { blocked: 'output' });
    const [both, half, none] = await store(
      prediction(loggedAnswer('one'), loggedAnswer('two')),
      prediction(loggedAnswer('three'), blockedAnswer()),
      prediction(blockedAnswer(), blockedAnswer()),
    );
    expect(await toLabel()).toEqual([]);
    await judged(3);
    const pairs = await toLabel();
    expect(pairs.map(({ predictionId }) => predictionId).sort()).toEqual([both, half].sort());
    expect(pairs.map(({ predictionId }) => predictionId)).not.toContain(none);
    const listAnswers = (id: PredictionId | undefined) => {
      const pair = pairs.find(({ predictionId }) => predictionId === id);
      return new Set([pair?.first, pair?.second]);
    };
    expect([listAnswers(both), listAnswers(half)]).toEqual([
      new Set(['one', 'two']),
      new Set(['three', null]),
    ]);
    expect(Object.keys(pairs[0] ?? {}).sort()).toEqual([
      'first',
      'predictionId',
      'question',
      'second',
    ]);
    expect(await toLabel(1)).toEqual([pairs[0]]);
  });

  test('count once for the version that answered, and correct the judge from the next read on', async () => {
    const ids = await store(...Array.from({ length: 12 }, () => prediction(right(), wrong())));
    await judged(12);
    await consumeObservations();
    expect(await judgedLabels()).toBeUndefined();
    const pairs = await toLabel();
    const isRight = (answer: string | null) => answer?.startsWith('code') ?? false;
    const labels = pairs.map(({ predictionId, first, second }) => ({
      predictionId,
      first: isRight(first),
      second: isRight(second),
    }));
    expect(new Set(labels.map(({ first }) => first))).toEqual(new Set([true, false]));
    expect(await label(labels.slice(0, 6))).toEqual({ stored: 6, labelledBefore: 0 });
    expect(await label(labels.slice(0, 8))).toEqual({ stored: 2, labelledBefore: 6 });
    expect(await toLabel()).toHaveLength(4);
    expect(await judgedLabels()).toMatchObject({
      pairs: 8,
      unsure: 0,
      errors: { n: 8 },
      champion: { right: { cases: 8 }, wrong: { cases: 0 } },
      challenger: { right: { cases: 0 }, wrong: { cases: 8 } },
    });
    await label(labels.map((each) => ({ ...each, first: null })));
    expect(await judgedLabels()).toMatchObject({ pairs: 12, unsure: 4, errors: { n: 8 } });
    expect(ids).toHaveLength(12);
    const audit = await world.registry.audit.list({
      tenant,
      subject: `rollout:${rollout.id}`,
      action: 'rollout.label',
      pageSize: 10,
    });
    expect(audit.items.map(({ actor, after }) => ({ actor, after }))).toEqual([
      { actor: 'ada', after: { pairs: 4 } },
      { actor: 'ada', after: { pairs: 2 } },
      { actor: 'ada', after: { pairs: 6 } },
    ]);
  });

  test('are rejected for pairs that the judge has not judged, and none of the request is stored', async () => {
    const [one] = await store(prediction(right(), wrong()));
    await judged(1);
    const [other] = await store(prediction(right(), wrong()));
    const labels = [one, other].map((predictionId) => ({
      predictionId: predictionId as PredictionId,
      first: true,
      second: true,
    }));
    await expect(label(labels)).rejects.toMatchObject({
      type: 'NotFound',
      message: expect.stringContaining(other ?? '') as string,
    });
    expect(await toLabel()).toHaveLength(1);
    const another = { ...of(), judge: computeDigest('another judge'), limit: 10 };
    expect(await answerLabels().toLabel(another)).toEqual([]);
  });

  test('are rejected after the rollout has ended', async () => {
    const [one] = await store(prediction(right(), wrong()));
    await judged(1);
    await world.registry.rollouts.end({
      tenant,
      id: rollout.id,
      status: 'aborted',
      verdict: null,
      decisionId: null,
      actor: 'ada',
      cause: 'a test',
    });
    await expect(
      label([{ predictionId: one as PredictionId, first: true, second: false }]),
    ).rejects.toMatchObject({ type: 'Conflict' });
  });
});

describe('judgeAnswers', () => {
  test('judges both logged answers, and counts the verdicts in pairs', async () => {
    const start = world.provider.bill.length;
    const ids = await store(
      prediction(right(), wrong()),
      prediction(right(), right()),
      prediction(wrong(), loggedAnswer('ramble')),
    );
    expect(await judged(3)).toMatchObject({
      kind: 'over',
      noMoreLabels: { why: expect.stringContaining('was judged: 3') as string },
    });
    expect(await Promise.all(ids.map(readLabel))).toEqual([
      { judged: verdicts(1, 0) },
      { judged: verdicts(1, 1) },
      { judged: verdicts(0, null) },
    ]);
    // The same answer to the same question is judged once.
    expect(world.provider.bill.length - start).toBe(5);
    expect(await consumed()).toEqual([
      [1, 0],
      [1, 1],
      [0, null],
    ]);
  });

  test('skips withheld and missing answers, and later messages of a conversation', async () => {
    const start = world.provider.bill.length;
    const later = {
      messages: [
        ...['user', 'assistant', 'user'].map((role) => ({ role, content: `code of ${model} 1?` })),
      ],
    };
    const ids = await store(
      prediction(loggedAnswer('', { blocked: 'output' }), wrong()),
      prediction(right(), null),
      prediction(right(), loggedAnswer(null)),
      prediction(loggedAnswer('', { blocked: 'input' }), wrong(), { input: { messages: [] } }),
      prediction(right(), right(), { input: later }),
      prediction(right(), right(), { other: null }),
    );
    await judged(4);
    expect(await Promise.all(ids.map(readLabel))).toEqual([
      { judged: verdicts(0, 0) },
      { judged: verdicts(null, null) },
      { judged: verdicts(null, null) },
      { judged: verdicts(0, null) },
      null,
      null,
    ]);
    expect(world.provider.bill.length - start).toBe(1);
  });

  test('a retry reads unrecorded verdicts from the call ledger, and skips recorded pairs', async () => {
    const start = world.provider.bill.length;
    const ids = await store(
      prediction(right(), wrong()),
      prediction(wrong(), right()),
      prediction(right(), wrong()),
    );
    const { registry } = world;
    const dying = {
      ...registry,
      judgedAnswers: {
        ...registry.judgedAnswers,
        record: () => Promise.reject(new Error('killed')),
      },
    };
    await expect(judged(3, { registry: dying })).rejects.toThrow('killed');
    await judged(3, { attempt: 2 });
    await judged(3, { attempt: 3 });
    expect(world.provider.bill.length - start).toBe(6);
    await registry.judgedAnswers.record({
      tenant,
      predictionId: ids[0] as PredictionId,
      judged: { judge: judge.calibrated?.judge ?? 'sha256:', served: 0, beside: 1 },
    });
    expect(await readLabel(ids[0])).toEqual({ judged: verdicts(1, 0) });
    expect(await consumed()).toHaveLength(3);
    expect(await consumed()).toEqual([]);
  });

  test('two parallel attempts pay for each question once, and count each pair once', async () => {
    const start = world.provider.bill.length;
    await store(
      prediction(right(), wrong()),
      prediction(wrong(), right()),
      prediction(right(), wrong()),
    );
    await Promise.all([judged(3), judged(3, { activityId: 'the-next' })]);
    expect(world.provider.bill.length - start).toBe(6);
    expect(await consumed()).toHaveLength(3);
  });

  test('a cancelled attempt finishes its requests in flight, which are not paid for again', async () => {
    const start = world.provider.requests.length;
    const [first, ...others] = await store(
      prediction(right(), wrong()),
      prediction(wrong(), right()),
      prediction(right(), wrong()),
    );
    const cancelled = new AbortController();
    latencyMs = 1_500;
    const turn = judged(3, { signal: cancelled.signal });
    await until(() => world.provider.requests.length - start === 2);
    cancelled.abort();
    await expect(turn).rejects.toThrow();
    expect(await readLabel(first)).toEqual({ judged: verdicts(1, 0) });
    // No further pair was begun.
    expect(await Promise.all(others.map(readLabel))).toEqual([null, null]);
    latencyMs = 0;
    await judged(3, { activityId: 'the-next' });
    expect(world.provider.requests.length - start).toBe(6);
    expect(await consumed()).toHaveLength(3);
  });

  test('a spent budget ends it with a reason, and recorded verdicts stay', async () => {
    await store(...Array.from({ length: 12 }, () => prediction(right(), wrong())));
    const before = await world.registry.budgets.get({
      tenant,
      scope: `run/${runId}`,
      unit: 'tokens',
    });
    await budget((before?.spent ?? 0) + 700);
    const why = expect.stringMatching(
      new RegExp(`run/${runId} is spent.*raise spec\\.budget, apply and start again`),
    ) as string;
    expect(await judged(12)).toMatchObject({ kind: 'over', noMoreLabels: { why } });
    const judgedCount = await count();
    expect(judgedCount).toBeGreaterThan(0);
    expect(judgedCount).toBeLessThan(12);
    expect(await consumed()).toHaveLength(judgedCount);
  });

  test('a lost verdict is requested again; if it is lost twice while others arrive, the pair has none', async () => {
    let lost = 0;
    fault = ({ prompt }) => {
      if (prompt.includes('<never>')) return { kind: 'cut', afterTokens: 0 };
      return prompt.includes('<once>') && (lost += 1) <= inner
        ? { kind: 'cut', afterTokens: 0 }
        : null;
    };
    const inner = 3;
    const ids = await store(
      prediction(right(), wrong()),
      prediction(loggedAnswer('never'), wrong()),
      prediction(loggedAnswer('once'), wrong()),
    );
    const over = judged(4, {}, { parallel: 4 });
    await until(async () => (await count()) === 1);
    const [later] = await store(prediction(right(), right()));
    await over;
    expect(await Promise.all([...ids, later].map(readLabel))).toEqual([
      { judged: verdicts(1, 0) },
      { judged: verdicts(null, null) },
      { judged: verdicts(0, 0) },
      { judged: verdicts(1, 1) },
    ]);
  });

  test('requests continue after the provider of the judge denied some', async () => {
    let denied = 0;
    fault = () => ((denied += 1) <= 2 ? { kind: 'error', status: 401 } : null);
    const [id] = await store(prediction(right(), wrong()));
    expect(await judged(1)).toMatchObject({
      noMoreLabels: { why: expect.stringContaining('was judged: 1') as string },
    });
    expect(denied).toBeGreaterThan(2);
    expect(await readLabel(id)).toEqual({ judged: verdicts(1, 0) });
  });

  test('spreads the pairs over the days over which quality must hold', async () => {
    await store(...Array.from({ length: 4 }, () => prediction(right(), right())));
    const ended = new AbortController();
    let looks = 0;
    const { registry } = world;
    const judgedAnswers: typeof registry.judgedAnswers = {
      ...registry.judgedAnswers,
      count: (input) => {
        looks += 1;
        return registry.judgedAnswers.count(input);
      },
    };
    const given = { registry: { ...registry, judgedAnswers }, signal: ended.signal };
    const turn = judged(6, given, { minDurationSeconds: 5 * day });
    await until(async () => (await count()) > 0);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(await count()).toBe(1);
    // No pair may be judged for hours, and the activity pauses between its queries for new pairs.
    expect(looks).toBeLessThan(10);
    ended.abort();
    await expect(turn).rejects.toThrow();
  });

  test('judges no pairs of a closed day, because they would count as late', async () => {
    // The day after the first requests is the first whole one: yesterday.
    await store(
      ...Array.from({ length: 3 }, () =>
        prediction(right(), null, { other: null, eventTime: fromMidnight(-25) }),
      ),
    );
    await consumeObservations();
    const blockedAnswer = () => loggedAnswer('', { blocked: 'output' });
    const [before, after] = await store(
      ...[-0.001, 0].map((hours) =>
        prediction(blockedAnswer(), blockedAnswer(), { receivedAt: fromMidnight(hours) }),
      ),
    );
    await store(...Array.from({ length: 3 }, () => prediction(right(), null, { other: null })));
    const { rollout: grown } = await consumeObservations();
    const today = findDay(Date.now());
    expect(grown.state.evidence?.quality.days).toMatchObject({
      weekFrom: today - 1,
      closedBefore: today,
    });
    const ended = new AbortController();
    const turn = judged(
      40,
      { signal: ended.signal },
      { minDurationSeconds: 8 * day, since: fromMidnight(-1) },
    );
    await until(async () => (await count()) > 0);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    ended.abort();
    await expect(turn).rejects.toThrow();
    expect(await Promise.all([before, after].map(readLabel))).toEqual([
      null,
      { judged: verdicts(0, 0) },
    ]);
  });

  test('counts a pair lost in an earlier attempt or turn as no verdict, also after its day is closed', async () => {
    fault = ({ prompt }) => (/<never \d>/.test(prompt) ? { kind: 'cut', afterTokens: 0 } : null);
    // The day after the first requests is the first whole one: yesterday.
    await store(
      ...Array.from({ length: 3 }, () =>
        prediction(right(), null, { other: null, eventTime: fromMidnight(-25) }),
      ),
    );
    await consumeObservations();
    const [one, two] = [
      prediction(loggedAnswer('never 1'), wrong(), { receivedAt: fromMidnight(-0.001) }),
      prediction(loggedAnswer('never 2'), wrong(), { receivedAt: fromMidnight(-0.001) }),
    ];
    await store(one, two);

    const killed = new AbortController();
    let heartbeat: unknown;
    const given = {
      signal: killed.signal,
      onHeartbeat: (details: unknown) => (heartbeat = details),
    };
    const across = { minDurationSeconds: 8 * day, since: fromMidnight(-1), parallel: 4 };
    await keepCircuitClosed();
    const dying = judged(40, given, across);
    const lost = () => (heartbeat as { readonly lost?: LostPairs } | undefined)?.lost ?? [];
    await until(() => lost().length === 2);
    killed.abort(workerStops);
    await expect(dying).rejects.toThrow();

    await store(
      ...Array.from({ length: 3 }, () => prediction(right(), null, { other: null })),
      prediction(right(), wrong()),
    );
    const { rollout: grown } = await consumeObservations();
    const today = findDay(Date.now());
    expect(grown.state.evidence?.quality.days).toMatchObject({
      weekFrom: today - 1,
      closedBefore: today,
    });
    const left = { since: fromMidnight(-1), lost: lost().filter(([id]) => id === one.id) };
    const ended = new AbortController();
    await keepCircuitClosed();
    const next = judged(40, { signal: ended.signal, heartbeatDetails: left }, across);
    await until(async () => (await readLabel(one.id)) !== null);
    ended.abort(workerStops);
    await expect(next).rejects.toThrow();
    expect(await Promise.all([one.id, two.id].map(readLabel))).toEqual([
      { judged: verdicts(null, null) },
      null,
    ]);

    const turn = new AbortController();
    await store(prediction(right(), wrong()));
    await keepCircuitClosed();
    const after = judged(
      40,
      { signal: turn.signal },
      { ...across, lost: lost().filter(([id]) => id === two.id) },
    );
    await until(async () => (await readLabel(two.id)) !== null);
    turn.abort(workerStops);
    await expect(after).rejects.toThrow();
    expect(await readLabel(two.id)).toEqual({ judged: verdicts(null, null) });
  });

  test('does not read recorded pairs again, within a turn and in the next one', async () => {
    const minute = 60_000;
    const from = Date.parse(rollout.startedAt);
    const blockedAnswer = () => loggedAnswer('', { blocked: 'output' });
    await store(
      ...Array.from({ length: 60 }, (_, index) =>
        prediction(blockedAnswer(), blockedAnswer(), {
          receivedAt: new Date(from + index * minute).toISOString(),
        }),
      ),
    );
    const read: number[] = [];
    const { registry } = world;
    const judgedAnswers: typeof registry.judgedAnswers = {
      ...registry.judgedAnswers,
      pending: (input) => {
        read.push(Math.round((Date.parse(input.since) - from) / minute));
        return registry.judgedAnswers.pending(input);
      },
    };
    await judged(60, { registry: { ...registry, judgedAnswers } });
    await judged(
      61,
      { registry: { ...registry, judgedAnswers }, signal: AbortSignal.timeout(500) },
      { since: new Date(from + 45 * minute).toISOString() },
    ).catch(() => undefined);
    expect(read.slice(0, 3)).toEqual([0, 39, 45]);
  });

  test('continues from the last heartbeat, also through an attempt that sent none', async () => {
    const start = world.provider.bill.length;
    const from = Date.parse(rollout.startedAt);
    const receivedAt = (minute: number) => new Date(from + minute * 60_000).toISOString();
    await store(
      ...Array.from({ length: 60 }, (_, minute) =>
        prediction(right(), wrong(), { receivedAt: receivedAt(minute) }),
      ),
    );
    const { registry } = world;
    const readFrom: string[] = [];
    const attempt = (
      number: number,
      over: Partial<typeof registry.judgedAnswers>,
      beats: Beats,
    ) => {
      const pending: typeof registry.judgedAnswers.pending = (input) => {
        readFrom.push(input.since);
        return registry.judgedAnswers.pending(input);
      };
      const judgedAnswers = { ...registry.judgedAnswers, pending, ...over };
      return judged(60, { attempt: number, registry: { ...registry, judgedAnswers }, ...beats });
    };
    const killed = () => Promise.reject(new Error('killed'));

    let first: unknown;
    let kept = 0;
    const dying: Partial<typeof registry.judgedAnswers> = {
      async record(input) {
        if (kept === 54) {
          // This pair was judged but not recorded, and the heartbeat has the start of its batch.
          await until(() => (first as { since?: string } | undefined)?.since === receivedAt(39));
          return killed();
        }
        kept += 1;
        return registry.judgedAnswers.record(input);
      },
    };
    await expect(
      attempt(1, dying, { onHeartbeat: (details) => (first = details) }),
    ).rejects.toThrow('killed');
    expect(await count()).toBe(54);

    let second: unknown;
    const beats: Beats = { heartbeatDetails: first, onHeartbeat: (details) => (second = details) };
    await expect(attempt(2, { count: killed }, beats)).rejects.toThrow('killed');

    expect(await attempt(3, {}, { heartbeatDetails: second })).toMatchObject({ kind: 'over' });
    expect(readFrom).toEqual([0, 39, 39].map(receivedAt));
    expect(await count()).toBe(60);
    expect(world.provider.bill.length - start).toBe(2 * 60);
  });

  test('keeps feedback by people on the same answer, before and after it is judged', async () => {
    const [scored, plain, later, plainLater] = await store(
      ...Array.from({ length: 4 }, () => prediction(right(), wrong())),
    );
    await sendFeedback(scored, { score: 0.5 }, '2026-01-02T00:00:00Z');
    await sendFeedback(plain, 7);
    expect(await consumed()).toEqual([]);
    await judged(4);
    await sendFeedback(later, { correction: 'code 3' });
    await sendFeedback(plainLater, true);
    // Feedback with an earlier time arrives late. The newer feedback stays, also after judging.
    await sendFeedback(scored, { score: 0 }, '2026-01-01T00:00:00Z');
    expect(await readLabel(scored)).toEqual({ score: 0.5, judged: verdicts(1, 0) });
    expect(await readLabel(plain)).toEqual({ label: 7, judged: verdicts(1, 0) });
    expect(await readLabel(later)).toEqual({ correction: 'code 3', judged: verdicts(1, 0) });
    expect(await readLabel(plainLater)).toEqual({ label: true, judged: verdicts(1, 0) });
    expect(await consumed()).toHaveLength(4);
  });

  test('does not ask a judge that has changed since its calibration', async () => {
    const start = world.provider.bill.length;
    await store(prediction(right(), wrong()));
    const changed = {
      ...files,
      'judge.yaml': await world.file(judgePrompt.replace('Judge', 'Strictly judge')),
    };
    expect(await judged(1, {}, { files: changed })).toMatchObject({
      kind: 'over',
      noMoreLabels: {
        why: expect.stringMatching(/judge sound has changed.*; perennial run rerun/) as string,
      },
    });
    expect(world.provider.bill.length - start).toBe(0);
    expect(await count()).toBe(0);
  });

  test('samples questions by their ids, the same in each attempt', async () => {
    const rows = Array.from({ length: 200 }, () => prediction(right(), right()));
    await store(...rows);
    const pending = (share: number) =>
      world.registry.judgedAnswers.pending({
        tenant,
        rollout: rollout.id,
        share,
        since: rollout.startedAt,
        from: null,
        besides: [],
        limit: 500,
      });
    const [half, again, all] = await Promise.all([pending(0.5), pending(0.5), pending(1)]);
    expect(again).toEqual(half);
    expect(all).toHaveLength(200);
    expect(half.length).toBeGreaterThan(70);
    expect(half.length).toBeLessThan(130);
    expect(
      half.some(({ predictionId }) => rows.slice(0, 100).some(({ id }) => id === predictionId)),
    ).toBe(true);
  });
});
