import type { DecideBundleInput } from '../../../activities/language/evaluate-bundle';
import { computeDigest } from '../../../data/digest';
import { effectKey, type RunId } from '../../../domain/ids';
import type { CaseAnswers } from '../../../domain/language/evaluation/answers-summary';
import { decide } from '../../../domain/decision/decide';
import type { LlmEvaluationPolicy } from '../../../domain/decision/policy';
import type { LlmEvidence } from '../../../domain/language/evaluation/evidence';
import type { LlmGate } from '../../../domain/language/evaluation/gate';
import type { CaseResult } from '../../../domain/language/evaluation/result';
import { startRun, tenant, unique } from '../../db/registry-fixture';
import { openLanguageWorld, type LanguageWorld } from '../../support/language/language-activities';

let world: LanguageWorld;
let runId: RunId;

beforeAll(async () => {
  world = await openLanguageWorld();
});
afterAll(() => world.close());
beforeEach(async () => {
  runId = await startRun(world.registry);
});

const common = { confidence: 0.95, maxFailures: 0.1, minCases: 20 };
const useful: LlmGate = {
  name: 'useful',
  kind: 'threshold',
  dimension: 'right',
  min: 0.4,
  ...common,
};
const noWorse: LlmGate = {
  name: 'no-worse',
  kind: 'nonInferiority',
  dimension: 'right',
  against: 'champion',
  whenAbsent: 'baseline',
  margin: 0.3,
  ...common,
};

/** Results with these scores; null is a case without an answer. */
async function answered(scores: readonly (number | null)[]): Promise<CaseAnswers> {
  const results = scores.map((value, index): CaseResult => {
    const score = value === null ? {} : { right: { kind: 'scored', value } as const };
    const unanswered = value === null ? 'ContextOverflow' : null;
    const of = { group: null, pair: null, answer: 'x', retrieved: [], latencyMs: 5, cost: 1 };
    return { id: `c${index}`, ...of, unanswered, scores: score };
  });
  const summary = { cases: scores.length, unanswered: 0, dimensions: {}, cost: 0, medianMs: null };
  return {
    results: await world.artifacts.putJson({ tenant, value: results }),
    caseSet: computeDigest('cases'),
    left: 40,
    summary,
  };
}

const scores = (count: number, rightOfTen: number) =>
  Array.from({ length: count }, (_, index) => (index % 10 < rightOfTen ? 1 : 0));

async function given(
  candidate: readonly (number | null)[],
  change: Partial<DecideBundleInput> = {},
): Promise<DecideBundleInput> {
  const dimensions = [{ name: 'right', kind: 'exact' }] as const;
  return {
    tenant,
    runId,
    key: effectKey(runId, 'evaluate', 'decide', 1),
    candidate: computeDigest('candidate'),
    answers: await answered(candidate),
    counterparts: { champion: null, baseline: null },
    missing: { champion: null, baseline: null },
    evaluate: { dimensions, gates: [useful], ungated: null, first: null, parallel: 4 },
    looks: 1,
    judges: {},
    mayAskMore: false,
    attempt: { tenant, runId, lifecycle: unique('assistant'), bundle: computeDigest('candidate') },
    ...change,
  };
}

const decisions = () => world.registry.decisions.list({ tenant, runId });

/** At the first call of this method. */
function thatDies(dying: {
  readonly [part in keyof typeof world.registry]?: string;
}): typeof world.registry {
  const died = () => Promise.reject(new Error('the worker died'));
  const dead = Object.entries(dying).map(([part, method]) => [
    part,
    { ...world.registry[part as 'effects'], [method]: died },
  ]);
  return { ...world.registry, ...(Object.fromEntries(dead) as Partial<typeof world.registry>) };
}

const toldOfStandbys = async () =>
  (await world.registry.events.list({ tenant, runId, afterSeq: 0, limit: 100 })).filter(
    ({ kind }) => kind === 'standby.judged',
  );

async function decided(input: DecideBundleInput, over: Parameters<typeof world.run>[2] = {}) {
  const looked = await world.run('decideBundle', input, over);
  if (looked.kind !== 'decided') throw new Error(`still open: ${looked.moreCases} more`);
  return looked;
}

describe('decideBundle', () => {
  test('stores policy and evidence, from which the decision can be repeated, and the answers', async () => {
    const input = await given(scores(200, 9), {
      counterparts: { champion: await answered(scores(200, 8)), baseline: null },
      evaluate: { ...(await given([])).evaluate, gates: [useful, noWorse] },
    });
    const { decision, evidence } = await decided(input);
    expect(decision.verdict).toMatchObject({
      kind: 'passed',
      reasons: [{ gate: 'useful' }, { gate: 'no-worse' }, { gate: 'cases' }],
    });
    const policy = (await world.registry.evidence.get({
      tenant,
      kind: 'policy',
      digest: decision.policy,
    })) as LlmEvaluationPolicy;
    const found = (await world.registry.evidence.get({
      tenant,
      kind: 'evidence',
      digest: evidence,
    })) as LlmEvidence;
    expect([computeDigest(policy), computeDigest(found)]).toEqual([decision.policy, evidence]);
    expect(decide(policy, found)).toEqual(decision.verdict);
    const held = await world.database.sql<{ digest: string }[]>`
      select digest from artifact_references where held_by = ${`evidence:${evidence}`}`;
    const results = [input.answers, input.counterparts.champion].flatMap(
      (each) => each?.results.digest ?? [],
    );
    expect(held.map(({ digest }) => digest).sort()).toEqual([...new Set(results)].sort());
  });

  test('makes no second decision on a retry', async () => {
    const input = await given(scores(200, 9));
    const first = await decided(input);
    expect(await decided(input, { attempt: 2 })).toEqual(first);
    expect((await decisions()).map(({ id }) => id)).toEqual([first.decision.id]);
  });

  test.each([
    ['before its grounds were kept', { evidence: 'put' }, 0],
    ['with its grounds kept, before it decided', { decisions: 'record' }, 0],
    ['with its decision made, before it said so', { effects: 'complete' }, 1],
  ] as const)(
    'an attempt that died %s: the next one makes the decision, once',
    async (_, dying, made) => {
      const input = await given(scores(200, 9));
      await expect(world.run('decideBundle', input, { registry: thatDies(dying) })).rejects.toThrow(
        'the worker died',
      );
      expect(await decisions()).toHaveLength(made);
      const { decision } = await decided(input, { attempt: 2 });
      expect((await decisions()).map(({ id }) => id)).toEqual([decision.id]);
    },
  );

  test('decides nothing after a newer attempt has taken over', async () => {
    const input = await given(scores(200, 9));
    let other: Awaited<ReturnType<typeof decided>> | null = null;
    const effects = {
      ...world.registry.effects,
      // It was frozen while another attempt replaced it.
      async assertOwned(claim: Parameters<typeof world.registry.effects.assertOwned>[0]) {
        other = await decided(input, { attempt: 2 });
        await world.registry.effects.assertOwned(claim);
      },
    };
    const late = world.run('decideBundle', input, { registry: { ...world.registry, effects } });
    await expect(late).rejects.toMatchObject({ type: 'FencedOff' });
    expect((await decisions()).map(({ id }) => id)).toEqual([
      (other as unknown as Awaited<ReturnType<typeof decided>>).decision.id,
    ]);
  });

  test('returns how many more cases would decide while more may be asked', async () => {
    const input = await given(scores(20, 5), { mayAskMore: true, looks: 20 });
    const looked = await world.run('decideBundle', input);
    expect(looked).toEqual({ kind: 'open', moreCases: expect.any(Number) as number });
    expect(await decisions()).toEqual([]);
    const key = effectKey(runId, 'evaluate', 'decide', 2);
    const { decision, moreCases } = await decided({ ...input, key, mayAskMore: false });
    expect(decision.verdict.kind).toBe('inconclusive');
    expect(moreCases).toBe(looked.kind === 'open' ? looked.moreCases : 0);
  });

  test.each<[string, readonly (number | null)[], object, string]>([
    [
      'cases without an answer beyond what the gate allows',
      [...scores(150, 10), ...Array<null>(50).fill(null)],
      {},
      'notMeasured',
    ],
    ['fewer cases than the gate needs', scores(19, 10), {}, 'tooFew'],
    ['no case at all', [], {}, ''],
  ])('%s leave the gate inconclusive, and never passed', async (_, candidate, change, code) => {
    const { decision } = await decided(await given(candidate, change));
    expect(decision.verdict.kind).toBe('inconclusive');
    expect(decision.verdict.reasons[0]).toMatchObject({
      gate: 'useful',
      code: expect.stringContaining(code) as string,
    });
  });

  test('a champion that could not be asked is recorded with its reason, and its gate is inconclusive', async () => {
    const reason = 'scripted has no such model';
    const { evaluate } = await given([]);
    const input = await given(scores(200, 9), {
      missing: { champion: { kind: 'notMeasured', reason }, baseline: null },
      evaluate: { ...evaluate, gates: [useful, noWorse] },
    });
    const { decision } = await decided(input);
    expect(decision.verdict.kind).toBe('inconclusive');
    expect(decision.verdict.reasons.find(({ gate }) => gate === 'no-worse')?.message).toContain(
      reason,
    );
  });

  test("bundles on one case set share a gate's alpha, and the same bundle in another run is no new attempt", async () => {
    const first = await given(scores(200, 9));
    const of = async (bundle: string, key: number) => ({
      ...(await given(scores(200, 9))),
      candidate: computeDigest(bundle),
      key: effectKey(runId, 'evaluate', 'decide', key),
      attempt: { ...first.attempt, bundle: computeDigest(bundle) },
    });
    const reasons = [];
    for (const [key, bundle] of ['one', 'two', 'one'].entries()) {
      const { decision } = await decided(await of(bundle, 20 + key));
      reasons.push(decision.verdict.reasons.map(({ message }) => message).join('; '));
    }
    expect(reasons[0]).toMatch(/96 % bounds.*attempt 1 on this case set/);
    expect(reasons[1]).toMatch(/99\.5 % bounds.*attempt 2 on this case set/);
    expect(reasons[2]).toBe(reasons[0]);
  });

  test("measuring the same bundle's latency again is another attempt only at a latency gate", async () => {
    const quick: LlmGate = { name: 'quick', kind: 'latency', quantile: 0.9, maxMs: 200, ...common };
    const input = await given(scores(200, 9), {
      evaluate: { ...(await given([])).evaluate, gates: [useful, quick] },
    });
    const numbers = [];
    for (const run of [runId, runId, await startRun(world.registry)]) {
      const key = effectKey(run, 'evaluate', 'decide', 30 + numbers.length);
      const { evidence } = await decided({
        ...input,
        runId: run,
        key,
        attempt: { ...input.attempt, runId: run },
      });
      const found = (await world.registry.evidence.get({
        tenant,
        kind: 'evidence',
        digest: evidence,
      })) as LlmEvidence;
      numbers.push([found.attempt?.number, found.latencyAttempt?.number]);
    }
    expect(numbers).toEqual([
      [1, 1],
      [1, 1],
      [1, 2],
    ]);
  });

  test('a judge without a calibration cannot decide a gate', async () => {
    const judges = { right: { digest: computeDigest('judge'), calibration: null } };
    const { decision } = await decided(await given(scores(200, 10), { judges }));
    expect(decision.verdict).toMatchObject({
      kind: 'inconclusive',
      reasons: [{ gate: 'useful' }, { gate: 'cases' }],
    });
    expect(decision.verdict.reasons[0]?.message).toContain('has no calibration');
  });
});

describe('weighBundle', () => {
  test('returns the verdict without storing anything', async () => {
    const input = await given(scores(123, 9));
    expect(await world.run('weighBundle', input)).toEqual({ kind: 'weighed', verdict: 'passed' });
    expect(await world.run('weighBundle', await given(scores(200, 1)))).toEqual({
      kind: 'weighed',
      verdict: 'failed',
    });
    const open = await world.run(
      'weighBundle',
      await given(scores(20, 5), { mayAskMore: true, looks: 20 }),
    );
    expect(open).toEqual({ kind: 'open', moreCases: expect.any(Number) as number });
    expect(await decisions()).toEqual([]);
    const held = await world.database
      .sql`select 1 from artifact_references where digest = ${input.answers.results.digest}`;
    expect(held).toEqual([]);
  });
});

describe('qualifyStandby', () => {
  const standby = { provider: 'spare', model: 'small' };
  const qualifying = async (
    of: readonly (number | null)[],
    change: Partial<DecideBundleInput> = {},
  ) => ({
    ...(await given(of, change)),
    key: effectKey(runId, 'evaluate', 'standby', 1),
    candidate: computeDigest('over the standby'),
    standby,
  });
  const gated = async (gates: readonly LlmGate[]) => ({
    evaluate: { ...(await given([])).evaluate, gates },
  });

  test('stores the evidence and answers of a standby that passes, idempotently', async () => {
    const input = await qualifying(scores(200, 9));
    const outcome = await world.run('qualifyStandby', input);
    expect(outcome).toEqual({
      ...standby,
      kind: 'qualified',
      cases: 200,
      evidence: expect.any(String) as string,
    });
    expect(await world.run('qualifyStandby', input, { attempt: 2 })).toEqual(outcome);
    if (outcome.kind !== 'qualified') throw new Error('it did not qualify');
    const found = (await world.registry.evidence.get({
      tenant,
      kind: 'evidence',
      digest: outcome.evidence,
    })) as LlmEvidence;
    expect(found).toMatchObject({ candidate: input.candidate, cases: 200 });
    const held = await world.database.sql<{ digest: string }[]>`
      select digest from artifact_references where held_by = ${`evidence:${outcome.evidence}`}`;
    expect(held.map(({ digest }) => digest)).toEqual([input.answers.results.digest]);
    expect(await decisions()).toEqual([]);
  });

  test.each<[string, readonly (number | null)[], LlmGate, 'failed' | 'inconclusive', string]>([
    ['that is wrong too often', scores(200, 1), useful, 'failed', 'useful: right 0.1'],
    [
      'with too few measured cases',
      scores(25, 5),
      useful,
      'inconclusive',
      'about 43 more cases needed',
    ],
    ['that did not answer', Array<null>(100).fill(null), useful, 'inconclusive', 'ContextOverflow'],
    [
      'that is too slow',
      scores(200, 9),
      { name: 'quick', kind: 'latency', quantile: 0.9, maxMs: 2, ...common },
      'failed',
      'quick: p90 latency 5 ms',
    ],
    [
      'that is too expensive',
      scores(200, 9),
      { name: 'cheap', kind: 'cost', quantile: 0.9, maxUsd: 1e-10, ...common },
      'failed',
      'cheap: p90 cost',
    ],
  ])('a standby %s does not qualify at the gate', async (_, of, gate, verdict, reason) => {
    const outcome = await world.run('qualifyStandby', await qualifying(of, await gated([gate])));
    expect(outcome).toMatchObject({
      ...standby,
      kind: 'refused',
      verdict,
      reason: expect.stringContaining(reason) as string,
    });
  });

  test('a standby that is worse than the champion does not qualify', async () => {
    const champion = await answered(scores(200, 10));
    const input = await qualifying(scores(200, 5), {
      counterparts: { champion, baseline: null },
      ...(await gated([useful, noWorse])),
    });
    expect(await world.run('qualifyStandby', input)).toMatchObject({
      kind: 'refused',
      verdict: 'failed',
      reason: expect.stringMatching(/no-worse: right vs champion −0\.5/) as string,
    });
  });

  test('no standby qualifies without gates', async () => {
    const { evaluate } = await given([]);
    const input = await qualifying(scores(200, 10), {
      evaluate: { ...evaluate, gates: [], ungated: 'a trial' },
    });
    expect(await world.run('qualifyStandby', input)).toMatchObject({
      kind: 'refused',
      verdict: 'inconclusive',
    });
  });

  test("the outcomes of standbys are in the evidence and in the run's events", async () => {
    const outcome = await world.run('qualifyStandby', await qualifying(scores(200, 9)));
    const away = {
      provider: 'away',
      model: 'large',
      kind: 'notMeasured',
      reason: 'away does not accept the key',
    } as const;
    const input = await given(scores(200, 9), { standbys: [outcome, away] });
    const { decision, evidence } = await decided(input);
    const found = (await world.registry.evidence.get({
      tenant,
      kind: 'evidence',
      digest: evidence,
    })) as LlmEvidence;
    expect(found.standbys).toEqual([outcome, away]);
    // The outcome of a standby is not a reason about the bundle.
    expect(decision.verdict).toMatchObject({
      kind: 'passed',
      reasons: [{ gate: 'useful' }, { gate: 'cases' }],
    });
    await decided(input, { attempt: 2 });
    expect(await toldOfStandbys()).toMatchObject([
      { stage: 'evaluate', data: { ...standby, kind: 'qualified' } },
      { stage: 'evaluate', data: away },
    ]);
  });

  test.each([
    ['before anything was told of them', { decisions: 'record' }, 0],
    ['when they were told', { effects: 'complete' }, 2],
  ] as const)(
    'an attempt that died %s: at the end each event is recorded once',
    async (_, dying, before) => {
      const refused = (model: string) =>
        ({ provider: 'spare', model, kind: 'notMeasured', reason: 'away' }) as const;
      const input = await given(scores(200, 9), { standbys: [refused('small'), refused('large')] });
      await expect(world.run('decideBundle', input, { registry: thatDies(dying) })).rejects.toThrow(
        'the worker died',
      );
      expect(await toldOfStandbys()).toHaveLength(before);
      await decided(input, { attempt: 2 });
      expect((await toldOfStandbys()).map(({ data }) => data['model'])).toEqual(['small', 'large']);
    },
  );
});
