import { newId } from '../../../../db/ids';
import type { AttemptEnd } from '../../../../domain/provider/call-ledger';
import type { RolloutId, RunId } from '../../../../domain/ids';
import type { CanarySpec } from '../../../../domain/rollout/canary';
import { computeDigest } from '../../../../data/digest';
import { observe, startEvidence } from '../../../../domain/rollout/judging/observe';
import { buildRolloutPolicy } from '../../../../domain/rollout/policy';
import {
  addObservations,
  emptyRolloutState,
  type RolloutState,
} from '../../../../domain/rollout/state';
import type { RolloutRecord } from '../../../../db/rollout/records';
import { rolloutWorkflowId } from '../../../../workflows/run/messages';
import { canary, openRollout, promoteOver } from '../../../db/rollout/fixture';
import { registerVersions, startRun, tenant, unique } from '../../../db/registry-fixture';
import { zero } from '../../../support/rollout/simulated-ab';
import type { ApiWorld } from '../support/api-world';
import { openApiWorld } from '../support/api-world';

let world: ApiWorld;
beforeAll(async () => {
  world = await openApiWorld();
});
afterAll(() => world.close());

/** A model with a champion and a challenger, and a rollout whose workflow runs. */
async function opened(state?: RolloutState, spec: CanarySpec = canary): Promise<RolloutRecord> {
  const model = unique('model');
  const runId = await registerVersions(world.registry, model, 3);
  await promoteOver(world.registry, model, 1);
  const opening = await openRollout(world.registry, {
    model,
    runId,
    spec,
    ...(state ? { state } : {}),
  });
  if (opening.kind !== 'opened') throw new Error(opening.kind);
  world.lifecycles.executions.set(rolloutWorkflowId(opening.rollout), 'running');
  return opening.rollout;
}

const end = ({ id }: { readonly id: RolloutId }) =>
  world.registry.rollouts.end({
    tenant,
    id,
    status: 'aborted',
    verdict: null,
    decisionId: null,
    actor: 'ada',
    cause: 'because',
  });
const tell = (model: string, verb: string, options: Parameters<ApiWorld['call']>[2] = {}) =>
  world.call('POST', `/models/${model}/rollout/${verb}`, { as: 'operator', body: {}, ...options });
const told = ({ model, runId }: { readonly model: string; readonly runId: RunId }) =>
  world.lifecycles.told.filter(
    ({ workflowId }) => workflowId === rolloutWorkflowId({ tenant, model, runId }),
  );

/** `better`: how much closer the challenger's scores are to the label. */
function seen(pairs: number, better: number): RolloutState {
  const policy = buildRolloutPolicy(canary, { dependsOnPrediction: false });
  const start = startEvidence(policy, {
    champion: 'm@1',
    challenger: 'm@2',
    at: '2026-01-01T00:00:00Z',
  });
  const evidence = observe(policy, start, {
    asOf: '2026-01-02T00:00:00Z',
    pairs: Array.from({ length: pairs }, (_, index) => {
      const label = index % 2;
      const champion = 0.5 + (label - 0.5) * 0.4;
      return {
        eventTimeMs: Date.parse('2026-01-01T00:00:00Z') + index * 1000,
        label,
        champion,
        challenger: champion + (label - 0.5) * 2 * better,
      };
    }),
    answers: [],
    requests: [],
  });
  return {
    evidence: { ...evidence, requestsInStep: pairs },
    history: [{ n: pairs, eventTime: evidence.asOf, estimate: -0.1, lower: -0.2, upper: 0.1 }],
  };
}

const answer: AttemptEnd = {
  kind: 'answered',
  answer: {
    text: 'right',
    finish: 'stop',
    usage: { promptTokens: 1, completionTokens: 1 },
    model: 'm',
    firstTokenMs: null,
    totalMs: 1,
  },
  cost: 0,
  spent: [],
};

/** One request of the scope with the given end. */
async function askedOnce(scope: string, end: AttemptEnd): Promise<void> {
  const { llmCalls } = world.registry;
  const call = {
    tenant,
    key: computeDigest(unique('question')),
    scope,
    provider: 'p',
    model: 'm',
    promptDigest: null,
    inputDigest: digest,
    repeat: 0,
  };
  const plan = {
    provider: 'p',
    model: 'm',
    reserve: [],
    mostUsage: { promptTokens: 1, completionTokens: 1 },
    mostCost: 0,
    leaseMs: 60_000,
  };
  const claim = await llmCalls.claim({
    call,
    owner: { execution: scope, attempt: 1 },
    attempt: plan,
  });
  if (claim.kind !== 'claimed') throw new Error(claim.kind);
  await llmCalls.end({ call, number: claim.number, end });
}

const digest = computeDigest('a judge');

/** 40 pairs with verdicts and one without. */
function judgedState(spec: CanarySpec): RolloutState {
  const policy = buildRolloutPolicy(spec, { dependsOnPrediction: false });
  const at = '2026-01-01T00:00:00Z';
  const pairs = Array.from({ length: 41 }, (_, index) => ({
    eventTimeMs: Date.parse(at),
    label: 1,
    champion: 1,
    challenger: index === 0 ? null : 1,
  }));
  const start = startEvidence(policy, { champion: 'm@1', challenger: 'm@2', at });
  return {
    evidence: observe(policy, start, { asOf: at, pairs, answers: [], requests: [] }),
    history: [],
  };
}

describe('showing a rollout', () => {
  const calibrated = {
    judge: digest,
    positives: { cases: 50, right: 45 },
    negatives: { cases: 40, right: 32 },
  };
  const judge = { dimension: 'sound', share: 1, mostPairs: 900, calibrated };
  const answers = {
    from: 'judge',
    judge,
    measure: { kind: 'f1' },
    availableAfterSeconds: 0,
  } as const;
  const spec: CanarySpec = {
    ...canary,
    quality: { ...canary.quality, metric: 'judge-loss', answers },
  };

  test('returns the judge, its pairs and its cost', async () => {
    const { model } = await opened(judgedState(spec), spec);
    const { status, body } = await world.call('GET', `/models/${model}/rollout`, { as: 'viewer' });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      quality: { metric: 'judge-loss', n: 40, comparison: 'pairs' },
      judge: {
        dimension: 'sound',
        digest,
        sensitivity: 0.9,
        specificity: 0.8,
        pairs: 41,
        withoutVerdict: 1,
        mostPairs: 900,
        costUsd: 0,
      },
    });
    expect(
      await world.call('GET', `/models/${model}/explain?version=2`, { as: 'viewer' }),
    ).toMatchObject({
      status: 200,
      body: { rollout: { judge: { dimension: 'sound', pairs: 41, silence: null, over: null } } },
    });
  });

  test('returns the missing labels of people, and stores new ones', async () => {
    const { model } = await opened(judgedState(spec), spec);
    const { body } = await world.call('GET', `/models/${model}/rollout`, { as: 'viewer' });
    expect(body['judge']).toMatchObject({
      labels: {
        needed: 100,
        pairs: 0,
        champion: { right: 0, wrong: 0 },
        challenger: { right: 0, wrong: 0 },
        whyNot: [
          expect.stringMatching(/^missing labels: champion 100 right, 100 wrong; challenger /),
        ],
      },
    });
    const path = `/models/${model}/rollout/labels`;
    expect(await world.call('GET', path, { as: 'operator' })).toMatchObject({
      status: 200,
      body: { items: [] },
    });
    expect((await world.call('GET', path, { as: 'viewer' })).status).toBe(403);
    const labels = [{ predictionId: newId('pred'), first: true, second: null }];
    expect(await world.call('POST', path, { as: 'operator', body: { labels } })).toMatchObject({
      status: 404,
      body: { code: 'NotFound' },
    });
    expect((await world.call('POST', path, { as: 'viewer', body: { labels } })).status).toBe(403);
    expect(
      (
        await world.call('POST', path, {
          as: 'operator',
          body: { labels: [{ ...labels[0], first: 'yes' }] },
        })
      ).status,
    ).toBe(422);
    const { model: without } = await opened();
    expect(
      await world.call('GET', `/models/${without}/rollout/labels`, { as: 'operator' }),
    ).toMatchObject({ status: 409 });
  });

  test('returns since when and why the judge fails, until it answers or judging ends', async () => {
    const { model, runId } = await opened(judgedState(spec), spec);
    const shown = async (of = model) =>
      (await world.call('GET', `/models/${of}/rollout`, { as: 'viewer' })).body['judge'];
    const scope = `run/${runId}/canary`;
    const ask = (end: AttemptEnd) => askedOnce(scope, end);
    await ask({ kind: 'refused', failure: 'ProviderDenied' });
    await ask(answer);
    expect(await shown()).toMatchObject({ silence: null, over: null });
    const before = new Date().toISOString();
    await ask({ kind: 'refused', failure: 'ProviderUnavailable' });
    const after = new Date().toISOString();
    await ask({ kind: 'refused', failure: 'ProviderDenied' });
    // These failures concern one question only.
    await ask({ kind: 'refused', failure: 'ContextOverflow' });
    await ask({ kind: 'broken', failure: null });
    const { silence } = (await shown()) as { silence: { since: string; failure: string } };
    expect(silence.failure).toBe('ProviderDenied');
    expect(Date.parse(silence.since)).toBeGreaterThanOrEqual(Date.parse(before));
    expect(Date.parse(silence.since)).toBeLessThanOrEqual(Date.parse(after) + 1);

    const { evidence, history } = judgedState(spec);
    if (!evidence) throw new Error('no evidence');
    const why = 'the budget of tenant is spent';
    const spent = await opened(
      { evidence: { ...evidence, noMoreLabels: { after: null, why } }, history },
      spec,
    );
    expect(await shown(spent.model)).toMatchObject({ silence: null, over: why });
  });

  test('without traffic has no measurement', async () => {
    const { id, model, runId } = await opened();
    const { status, body } = await world.call('GET', `/models/${model}/rollout`, { as: 'viewer' });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      id,
      model,
      runId,
      champion: 1,
      challenger: 2,
      status: 'running',
      steps: [0, 5, 25, 50],
      step: 0,
      weight: 0,
      verdict: null,
      decision: null,
      remaining: null,
      traffic: null,
      rollback: null,
      history: [],
      reasons: [],
      quality: {
        metric: 'logloss',
        rule: 'nonInferiority',
        margin: 0.01,
        limit: 0.01,
        comparison: 'pairs',
        outcome: 'inconclusive',
        n: 0,
      },
      guardrails: [
        {
          version: 2,
          metric: 'errors',
          max: 0.01,
          quantile: null,
          limit: 0.01,
          n: 0,
          estimate: null,
          lower: null,
          upper: null,
        },
        { version: 2, metric: 'latency_ms', max: 150, quantile: 0.97, limit: 0.03, n: 0 },
      ],
      eventNow: null,
    });
    expect(body['quality']).toMatchObject({ estimate: null, lower: null, upper: null });
    expect(body['temporalUrl']).toContain(encodeURIComponent(`rollout/default/${model}/${runId}`));
  });

  test('of A/B has the guardrails of every challenger', async () => {
    const model = unique('model');
    const runId = await registerVersions(world.registry, model, 3);
    await promoteOver(world.registry, model, 1);
    const spec = { ...canary, method: 'ab' as const, steps: [50], against: [3] };
    const arm = (version: number, fallbacks = 0) => ({
      version,
      arm: `${model}@${version}`,
      share: version === 1 ? 0.5 : 0.25,
      entities: version === 1 ? 200 : 100,
      isStopped: false,
      counts: { ...zero, requests: 100, assigned: 100, fallbacks },
    });
    const state = addObservations(
      buildRolloutPolicy(spec, { dependsOnPrediction: false }),
      emptyRolloutState,
      { champion: `${model}@1`, challenger: `${model}@2`, step: 0, extendedSeconds: 0 },
      {
        eventNow: '2026-01-01T00:00:00Z',
        ripeUntil: null,
        step: { champion: zero, challenger: zero },
        total: { champion: zero, challenger: zero },
        answers: { streamed: 0, late: 0, costly: 0, blocked: 0, malformed: 0 },
        pairs: [],
        ab: { champion: arm(1), challengers: [arm(2), arm(3, 40)] },
      },
    );
    await openRollout(world.registry, { model, runId, spec, state, paired: false });
    const { body } = await world.call<{ guardrails: readonly { metric: string }[] }>(
      'GET',
      `/models/${model}/rollout`,
      { as: 'viewer' },
    );
    expect(body.guardrails.filter(({ metric }) => metric === 'errors')).toMatchObject([
      { version: 2, n: 100, estimate: 0, outcome: 'inconclusive' },
      { version: 3, n: 100, estimate: 0.4, outcome: 'failed' },
    ]);
    expect(body.guardrails).toHaveLength(2 * spec.guardrails.length);
  });

  test('of a bandit has its moves and what they gave up', async () => {
    const model = unique('model');
    const runId = await registerVersions(world.registry, model, 2);
    await promoteOver(world.registry, model, 1);
    const spec = { ...canary, method: 'bandit' as const, steps: [5, 95] };
    const policy = buildRolloutPolicy(spec, { dependsOnPrediction: false });
    const names = { champion: `${model}@1`, challenger: `${model}@2` };
    const move = {
      at: '2026-01-03T00:00:01.000Z',
      from: 0.05,
      to: 0.62,
      probability: 0.6212,
      days: 2,
      difference: -0.002,
    };
    const evidence = {
      ...startEvidence(policy, { ...names, at: '2026-01-01T00:00:00.000Z' }),
      bandit: { day: 20_456, lowest: 0.05, highest: 0.62, moves: 1, recent: [move] },
    };
    await openRollout(world.registry, { model, runId, spec, state: { evidence, history: [] } });
    const { body } = await world.call<{ reasons: readonly { code: string; message: string }[] }>(
      'GET',
      `/models/${model}/rollout`,
      { as: 'viewer' },
    );
    expect(body).toMatchObject({
      method: 'bandit',
      steps: [5, 95],
      shares: { moves: 1, changedEntities: expect.closeTo(0.57) as number, items: [move] },
      arms: null,
    });
    expect(body.reasons.find(({ code }) => code === 'bandit.givenUp')?.message).toContain(
      '57 % of entities changed version in 1 move',
    );
  });

  test('returns the current verdict with a forecast', async () => {
    const { model } = await opened(seen(150, 0.2));
    const { body } = await world.call('GET', `/models/${model}/rollout`, { as: 'viewer' });
    const { quality, remaining, reasons, history } = body as {
      quality: { n: number; estimate: number; lower: number; upper: number };
      remaining: { observations: number; seconds: number };
      reasons: { code: string; message: string }[];
      history: object[];
    };
    expect(quality.n).toBe(150);
    expect(quality.lower).toBeLessThan(quality.estimate);
    expect(quality.estimate).toBeLessThan(0);
    expect(reasons.map(({ code }) => code)).toContain('rollout.samples');
    expect(remaining.observations).toBeGreaterThanOrEqual(50);
    // 50 more labels at 150 per day.
    expect(remaining.seconds).toBeGreaterThanOrEqual((50 / 150) * 86_400);
    expect(history).toEqual([
      { n: 150, eventTime: '2026-01-02T00:00:00Z', estimate: -0.1, lower: -0.2, upper: 0.1 },
    ]);
  });

  test('starts the counts of a new step before the evidence has it', async () => {
    const { id, model } = await opened(seen(400, 0.2));
    await world.registry.rollouts.setStep({
      tenant,
      id,
      step: 1,
      weight: 0.05,
      actor: 'a',
      cause: 'c',
    });
    const { body } = await world.call<{ reasons: { code: string; message: string }[] }>(
      'GET',
      `/models/${model}/rollout`,
    );
    // The shadow does not count once the challenger answers requests.
    expect(body).toMatchObject({
      step: 1,
      weight: 0.05,
      quality: { n: 0, estimate: null, outcome: 'inconclusive' },
      shadow: { n: 400 },
    });
    expect(body.reasons.map(({ code }) => code)).toContain('rollout.requests');
    expect(body.reasons.find(({ code }) => code === 'quality.notMeasured')?.message).toMatch(
      /: no label yet of requests that the challenger answered$/,
    );
  });

  test('keeps the reading and the verdict of an ended rollout, without a forecast', async () => {
    const rollout = await opened(seen(150, 0.2));
    await end(rollout);
    const rollback = { from: 2, to: 1, secondsToFullTraffic: 0.4, unconfirmed: [] };
    await world.registry.rollouts.confirmRollback({ tenant, id: rollout.id, rollback });
    const { body } = await world.call('GET', `/models/${rollout.model}/rollout`);
    expect(body).toMatchObject({
      status: 'aborted',
      weight: 0,
      remaining: null,
      quality: { n: 150 },
      rollback,
    });
    expect(body['endedAt']).toMatch(/^20/);
  });

  test('prefers the open rollout, finds each by id, and lists all in pages', async () => {
    const first = await opened();
    await end(first);
    const runId = await startRun(world.registry);
    const second = await openRollout(world.registry, { model: first.model, runId, challenger: 3 });
    expect((await world.call('GET', `/models/${first.model}/rollout`)).body).toMatchObject({
      id: second.kind === 'opened' && second.rollout.id,
    });
    expect(
      (await world.call('GET', `/models/${first.model}/rollouts/${first.id}`)).body,
    ).toMatchObject({
      id: first.id,
      status: 'aborted',
    });
    const page = await world.call<{ items: object[]; nextPageToken: string }>(
      'GET',
      `/models/${first.model}/rollouts?pageSize=1`,
    );
    expect(page.body.items).toMatchObject([{ runId, challenger: 3, status: 'running' }]);
    const rest = await world.call(
      'GET',
      `/models/${first.model}/rollouts?pageSize=1&pageToken=${page.body.nextPageToken}`,
    );
    expect(rest.body).toMatchObject({ items: [{ id: first.id }], nextPageToken: null });
    expect((await world.call('GET', `/runs/${runId}`)).body).toMatchObject({
      rollout: { id: second.kind === 'opened' && second.rollout.id },
    });
    expect(
      (await world.call('GET', `/models/${first.model}/explain?version=2`)).body,
    ).toMatchObject({
      rollout: { id: first.id, status: 'aborted' },
    });
  });

  test('responds with 404 and a next step if there is none', async () => {
    expect(await world.call('GET', '/models/nosuch/rollout')).toMatchObject({
      status: 404,
      body: { detail: 'there is no model nosuch' },
    });
    expect(await world.call('GET', '/models/nosuch/rollouts')).toMatchObject({ status: 404 });
    const model = unique('model');
    await registerVersions(world.registry, model, 1);
    expect(await world.call('GET', `/models/${model}/rollout`)).toMatchObject({
      status: 404,
      body: {
        detail: `${model} has had no rollouts`,
        next: expect.stringContaining(`perennial run list --lifecycle ${model}`) as string,
      },
    });
    expect(await world.call('GET', `/models/${model}/rollouts`)).toMatchObject({
      status: 200,
      body: { items: [] },
    });
    expect(await world.call('GET', `/models/${model}/rollouts/roll_1`)).toMatchObject({
      status: 404,
    });
  });
});

describe('the decision of a rollout', () => {
  test('can be evaluated with another canary on its evidence, without storing anything', async () => {
    const { runId } = await opened();
    const policy = buildRolloutPolicy(canary, { dependsOnPrediction: false });
    const { evidence } = seen(400, 0.2);
    const [policyDigest, evidenceDigest] = [computeDigest(policy), computeDigest(evidence)];
    await world.registry.evidence.put({
      tenant,
      kind: 'policy',
      digest: policyDigest,
      body: policy,
    });
    await world.registry.evidence.put({
      tenant,
      kind: 'evidence',
      digest: evidenceDigest,
      body: evidence,
    });
    const { id } = await world.registry.decisions.record({
      tenant,
      runId,
      stage: 'canary',
      policy: policyDigest,
      evidence: evidenceDigest,
      verdict: { kind: 'passed', reasons: [] },
      idempotencyKey: unique('decision'),
    });
    const ask = (body: object) =>
      world.call('POST', '/policies/what-if', { as: 'viewer', body: { decision: id, ...body } });
    const better = { metric: 'logloss', rule: 'superiority', margin: 0.5 };
    // One day of traffic cannot show quality across days, which is tested by default.
    expect(await ask({ canary: { quality: better } })).toMatchObject({
      status: 200,
      body: {
        wouldBe: { kind: 'inconclusive' },
        gates: expect.arrayContaining([
          expect.objectContaining({ gate: 'quality', code: 'quality.open' }),
          expect.objectContaining({ gate: 'days', code: 'days.tooFew' }),
        ]) as object[],
      },
    });
    expect(await ask({ canary: { quality: better, test: { minDuration: '1d' } } })).toMatchObject({
      status: 200,
      body: {
        was: { kind: 'passed' },
        wouldBe: { kind: 'failed' },
        gates: [
          { gate: 'quality', kind: 'rollout', outcome: 'failed', code: 'quality.refuted' },
          { gate: 'days', code: 'days.notAsked', outcome: 'notApplicable' },
          { gate: 'errors', code: 'guardrail.notMeasured' },
        ],
      },
    });
    expect(await ask({ canary: { quality: { ...better, metric: 'brier' } } })).toMatchObject({
      status: 422,
      body: { detail: expect.stringContaining('measured by logloss') as string },
    });
    expect(await ask({ canary: { quality: { ...better, margn: 1 } } })).toMatchObject({
      status: 422,
      body: { errors: [{ pointer: '/quality/margn', didYouMean: 'margin' }] },
    });
    expect(await ask({ gates: [{ name: 'a' }] })).toMatchObject({
      status: 422,
      body: {
        detail: expect.stringContaining('other rules for it must be given as `canary`') as string,
      },
    });
  });
});

describe('rollout commands', () => {
  test.each(['hold', 'resume', 'skip', 'abort'])(
    '%s reaches the workflow with its actor and reason',
    async (verb) => {
      const rollout = await opened();
      const answer = await tell(rollout.model, verb, {
        body: { reason: 'a look' },
        headers: { 'idempotency-key': `k-${verb}` },
      });
      expect(answer).toMatchObject({ status: 200, body: { id: rollout.id, status: 'running' } });
      expect(told(rollout)).toMatchObject([
        {
          command: verb,
          what: { id: `k-${verb}`, keyId: expect.any(String) as string, reason: 'a look' },
        },
      ]);
    },
  );

  test('extend accepts whole seconds of event time', async () => {
    const rollout = await opened();
    expect(await tell(rollout.model, 'extend', { body: { seconds: 3600 } })).toMatchObject({
      status: 200,
    });
    expect(told(rollout)).toMatchObject([
      { command: 'extend', what: { seconds: 3600, keyId: expect.any(String) as string } },
    ]);
    for (const seconds of [0, -1, 0.5, '60', 1e12, undefined]) {
      expect(await tell(rollout.model, 'extend', { body: { seconds } })).toMatchObject({
        status: 422,
      });
    }
    expect(await tell(rollout.model, 'hold', { body: { seconds: 60 } })).toMatchObject({
      status: 422,
    });
    expect(told(rollout)).toHaveLength(1);
  });

  test('repeat the same update with the same key, and reject the key for another command', async () => {
    const rollout = await opened();
    const headers = { 'idempotency-key': 'once' };
    await tell(rollout.model, 'extend', { body: { seconds: 60 }, headers });
    await tell(rollout.model, 'extend', { body: { seconds: 60 }, headers });
    expect(new Set(told(rollout).map(({ what }) => (what as { id: string }).id))).toEqual(
      new Set(['once']),
    );
    expect(await tell(rollout.model, 'extend', { body: { seconds: 61 }, headers })).toMatchObject({
      status: 422,
      body: { code: 'IdempotencyConflict' },
    });
    expect(await tell(rollout.model, 'abort', { headers })).toMatchObject({ status: 422 });
    // The key still refers to the earlier rollout.
    await end(rollout);
    world.lifecycles.executions.set(rolloutWorkflowId(rollout), 'completed');
    const runId = await startRun(world.registry);
    await openRollout(world.registry, { model: rollout.model, runId, challenger: 3 });
    expect(await tell(rollout.model, 'extend', { body: { seconds: 60 }, headers })).toMatchObject({
      status: 409,
      body: {
        detail: expect.stringContaining(
          `${rollout.id}, ${rollout.model}@2 beside @1, ended as aborted`,
        ) as string,
      },
    });
    expect(told({ model: rollout.model, runId })).toEqual([]);
  });

  test('need the scope operator', async () => {
    const rollout = await opened();
    for (const verb of ['hold', 'resume', 'skip', 'abort'])
      expect(await tell(rollout.model, verb, { as: 'viewer' })).toMatchObject({ status: 403 });
    expect(
      await tell(rollout.model, 'extend', { as: 'viewer', body: { seconds: 1 } }),
    ).toMatchObject({ status: 403 });
    expect(told(rollout)).toEqual([]);
  });

  test('without an open rollout respond with the end of the last one', async () => {
    const rollout = await opened();
    await end(rollout);
    expect(await tell(rollout.model, 'hold')).toMatchObject({
      status: 409,
      body: {
        code: 'Conflict',
        detail: expect.stringMatching(
          new RegExp(
            `^${rollout.model} has no open rollout to hold; ${rollout.id}, .* ended as aborted at 20`,
          ),
        ) as string,
        next: `perennial rollout show ${rollout.model}`,
      },
    });
    expect(await tell('nosuch', 'hold')).toMatchObject({
      status: 404,
      body: { detail: 'there is no model nosuch' },
    });
    const model = unique('model');
    await registerVersions(world.registry, model, 1);
    expect(await tell(model, 'abort')).toMatchObject({
      status: 404,
      body: { detail: `${model} has had no rollouts` },
    });
  });

  test('to a rollout without a workflow fail, except abort, which ends it', async () => {
    const rollout = await opened();
    world.lifecycles.executions.delete(rolloutWorkflowId(rollout));
    expect(await tell(rollout.model, 'hold')).toMatchObject({
      status: 409,
      body: {
        detail: expect.stringContaining('its workflow no longer exists') as string,
        next: `perennial rollout abort ${rollout.model}`,
      },
    });
    expect(
      await tell(rollout.model, 'abort', { body: { reason: 'nobody watches' } }),
    ).toMatchObject({
      status: 200,
      body: {
        status: 'aborted',
        verdict: {
          reasons: [
            { message: 'aborted by operator: nobody watches (its workflow no longer existed)' },
          ],
        },
      },
    });
    const audit = await world.registry.audit.list({
      tenant,
      subject: `model:${rollout.model}`,
      action: 'rollout.end',
      pageSize: 5,
    });
    expect(audit.items).toMatchObject([{ actor: 'operator', cause: 'nobody watches' }]);
  });

  test('respond with 503 while Temporal is unavailable, and the key stays usable', async () => {
    const rollout = await opened();
    world.lifecycles.away = true;
    const headers = { 'idempotency-key': 'later' };
    expect(await tell(rollout.model, 'abort', { headers })).toMatchObject({ status: 503 });
    world.lifecycles.away = false;
    expect(await tell(rollout.model, 'abort', { headers })).toMatchObject({ status: 200 });
    expect(told(rollout)).toHaveLength(1);
  });
});
