import type { PredictionId, RunId } from '../../../domain/ids';
import type { CanarySpec, GuardrailSpec } from '../../../domain/rollout/canary';
import {
  llmCanarySchema,
  type LlmCanaryDocument,
} from '../../../domain/lifecycle/llm/canary/canary.schema';
import type { LoggedAnswer } from '../../../domain/bundle/logged-answer';
import { emptyRolloutState } from '../../../domain/rollout/state';
import { newId } from '../../../db/ids';
import type { OtherScore, PredictionRow } from '../../../db/serving/prediction-records';
import type { DuePair, RolloutRecord } from '../../../db/rollout/records';
import {
  openTestRegistry,
  registerVersions,
  tenant,
  unique,
  type TestRegistry,
} from '../registry-fixture';
import { openRollout, promoteOver } from '../rollout/fixture';

describe('feedback on answers', () => {
  let test_: TestRegistry;
  let model: string;
  let runId: RunId;
  let rollout: RolloutRecord;
  beforeAll(async () => {
    test_ = await openTestRegistry({ maxConnections: 4 });
  });
  afterAll(() => test_.close());

  const begin = async (
    quality: Partial<LlmCanaryDocument['quality']> = {},
    guardrails: readonly GuardrailSpec[] = [],
  ) => {
    model = unique('model');
    runId = await registerVersions(test_.registry, model, 2);
    await promoteOver(test_.registry, model, 1);
    const spec: CanarySpec = {
      ...llmCanarySchema.parse({
        steps: [0, 50],
        quality: { measure: 'f1', margin: 0.1, ...quality },
      }),
      ...(guardrails.length > 0 && { guardrails }),
    };
    const paired = spec.quality.answers?.from === 'references';
    const opening = await openRollout(test_.registry, {
      model,
      runId,
      spec,
      paired,
      availableAfterSeconds: 0,
    });
    if (opening.kind !== 'opened') throw new Error(opening.kind);
    rollout = opening.rollout;
  };

  const said = (text: string | null, over: Partial<LoggedAnswer> = {}): LoggedAnswer => ({
    text,
    finish: 'stop',
    usage: { promptTokens: 90, completionTokens: 10 },
    firstTokenMs: null,
    blocked: null,
    malformed: false,
    error: null,
    safety: null,
    retrieved: null,
    ...over,
  });
  const beside = (
    output: LoggedAnswer | null,
    error: string | null = null,
    version = 2,
  ): OtherScore => ({
    version,
    role: 'shadow',
    score: null,
    output,
    error,
    latencyMs: 900,
  });
  const request = (over: Partial<PredictionRow> = {}): PredictionRow => ({
    tenant,
    id: newId('pred') as PredictionId,
    receivedAt: new Date().toISOString(),
    model,
    version: 1,
    arm: 'champion',
    entity: null,
    eventTime: null,
    input: { messages: [] },
    output: said('Paris'),
    latencyMs: 1000,
    rollout: { id: rollout.id, step: 0 },
    other: beside(said('It is Paris')),
    ...over,
  });
  const store = async (...rows: PredictionRow[]): Promise<readonly PredictionId[]> => {
    await test_.registry.predictions.insert(rows);
    return rows.map(({ id }) => id);
  };
  const tell = (
    predictionId: PredictionId | undefined,
    label: unknown,
    labelledAt = '2026-01-01T00:00:00Z',
  ) =>
    test_.registry.feedback.record({
      tenant,
      predictionId: predictionId as PredictionId,
      label,
      labelledAt,
    });
  const readLabel = async (id: PredictionId | undefined) =>
    (await test_.registry.predictions.get({ tenant, id: id as PredictionId }))?.label;
  const pairsNow = async (): Promise<readonly DuePair[]> => {
    let pairs: readonly DuePair[] = [];
    const fold = (_state: unknown, batch: { readonly pairs: readonly DuePair[] }) => {
      ({ pairs } = batch);
      return emptyRolloutState;
    };
    await test_.registry.rollouts.consume({
      tenant,
      id: rollout.id,
      limit: 100,
      settleMs: 0,
      fold,
    });
    return pairs;
  };
  const worth = (pairs: readonly DuePair[]) =>
    pairs.map(({ champion, challenger, label }) => ({ champion, challenger, label }));
  const counts = async () =>
    (await test_.registry.rollouts.traffic({ tenant, id: rollout.id })).answers;

  test('a right answer scores both versions, each request once', async () => {
    await begin();
    const ids = await store(
      request(),
      request({ other: beside(null, 'ProviderTimeout') }),
      request({ other: beside(said(null)) }),
      // The other version was not asked, for lack of room.
      request({ other: null }),
      request(),
    );
    for (const id of ids.slice(0, 4)) await tell(id, { references: ['Paris'] });
    expect(worth(await pairsNow())).toEqual([
      { champion: 1, challenger: 0.5, label: 1 },
      { champion: 1, challenger: null, label: 1 },
      { champion: 1, challenger: null, label: 1 },
    ]);
    expect(await pairsNow()).toEqual([]);
    const { total } = await test_.registry.rollouts.traffic({ tenant, id: rollout.id });
    expect(total).toMatchObject({
      champion: { assigned: 5 },
      challenger: { assigned: 0, requests: 4, errors: 1 },
    });
  });

  test('parts that arrive separately are joined, each with its latest value, in any order', async () => {
    await begin();
    const [id] = await store(request());
    await tell(id, { score: 0.5 }, '2026-01-02T00:00:00Z');
    await tell(id, { references: ['Rome'] }, '2026-01-01T00:00:00Z');
    expect(await readLabel(id)).toEqual({ score: 0.5, references: ['Rome'] });
    await tell(id, { references: ['Paris'], correction: 'Paris' }, '2026-01-03T00:00:00Z');
    await tell(id, { score: 1 }, '2026-01-01T00:00:00Z');
    expect(await readLabel(id)).toEqual({ score: 0.5, references: ['Paris'], correction: 'Paris' });
    await tell(id, { references: ['Paris'], correction: 'Paris' }, '2026-01-03T00:00:00Z');
    expect(await readLabel(id)).toEqual({ score: 0.5, references: ['Paris'], correction: 'Paris' });
  });

  test('a right answer that arrives after a score counts once', async () => {
    await begin();
    const [id] = await store(request(), request(), request());
    await tell(id, { score: 0 });
    expect(await pairsNow()).toEqual([]);
    await tell(id, { references: ['Paris'] }, '2026-01-02T00:00:00Z');
    expect(worth(await pairsNow())).toEqual([{ champion: 1, challenger: 0.5, label: 1 }]);
    await tell(id, { score: 1 }, '2026-01-03T00:00:00Z');
    expect(await pairsNow()).toEqual([]);
  });

  test('callers score only the answer that they received', async () => {
    await begin({ from: 'callers' });
    const [shadowed, own, failed] = await store(
      request(),
      request({
        version: 2,
        arm: 'challenger',
        output: said('It is Paris'),
        other: null,
        rollout: { id: rollout.id, step: 1 },
      }),
      request({
        other: {
          version: 2,
          role: 'fallback',
          score: null,
          output: null,
          error: 'ProviderTimeout',
          latencyMs: 9,
        },
        rollout: { id: rollout.id, step: 1 },
      }),
    );
    await tell(shadowed, { score: 0.25 });
    await tell(own, { correction: 'Paris' });
    await tell(failed, { score: 1 });
    expect(await pairsNow()).toMatchObject([
      { assigned: 'champion', champion: 0.25, challenger: null },
      { assigned: 'challenger', champion: null, challenger: 0.5 },
      { assigned: 'challenger', champion: 1, challenger: null },
    ]);
  });

  test('guardrails count stored answers: all answers in shadow, later only assigned ones', async () => {
    await begin({}, [
      { name: 'first_token_ms', quantile: 0.97, max: 500 },
      { name: 'tokens', quantile: 0.97, max: 150 },
    ]);
    const costly = { usage: { promptTokens: 140, completionTokens: 11 } };
    const rows = [
      request({ other: beside(said('', { blocked: 'output', ...costly })) }),
      request({ other: beside(said('no JSON', { malformed: true })) }),
      // Blocked by the filter of the provider: quick, cheap and without an answer.
      request({ other: beside(said('', { finish: 'filtered' })) }),
      request({
        output: said('', { blocked: 'input', firstTokenMs: 900, ...costly }),
        other: beside(said('fine')),
      }),
    ];
    await store(...rows);
    await store(...rows);
    expect(await counts()).toEqual({ streamed: 0, late: 0, costly: 1, blocked: 2, malformed: 1 });

    const live = { rollout: { id: rollout.id, step: 1 } };
    const own = { version: 2, arm: 'challenger' as const, ...live };
    await test_.registry.rollouts.setStep({
      tenant,
      id: rollout.id,
      step: 1,
      weight: 0.5,
      actor: 'key:a',
      cause: 'because',
    });
    await store(
      request({
        ...own,
        output: said('Paris', { firstTokenMs: 100 }),
        other: beside(said('', { blocked: 'input' }), null, 1),
      }),
      request({ ...own, output: said('Paris', { firstTokenMs: 501 }), other: null }),
      request({ ...own, output: said('', { blocked: 'output', ...costly }), other: null }),
      request({
        ...own,
        output: said(null, { firstTokenMs: 100, error: 'AnswerLost' }),
        other: null,
      }),
      request({
        ...live,
        output: said('Paris', { firstTokenMs: 200 }),
        other: { ...beside(null, 'ProviderTimeout'), role: 'fallback' },
      }),
      // After the shadow, an answer beside the champion's does not count.
      request({ ...live, other: beside(said('', { blocked: 'output', ...costly })) }),
    );
    expect(await counts()).toEqual({ streamed: 4, late: 2, costly: 1, blocked: 1, malformed: 0 });
    const { step } = await test_.registry.rollouts.traffic({ tenant, id: rollout.id });
    expect(step.challenger).toMatchObject({ assigned: 5, fallbacks: 2, errors: 2, slow: 2 });
    expect(step.champion).toMatchObject({ assigned: 1, errors: 0 });
  });
});
