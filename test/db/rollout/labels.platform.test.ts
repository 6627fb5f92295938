import fc from 'fast-check';
import type { IdempotencyKey, PredictionId, RunId } from '../../../domain/ids';
import { emptyRolloutState, type RolloutState } from '../../../domain/rollout/state';
import { newId } from '../../../db/ids';
import type { OtherScore, PredictionRow } from '../../../db/serving/prediction-records';
import type { DueBatch, DuePair, RolloutRecord } from '../../../db/rollout/records';
import {
  openTestRegistry,
  registerVersions,
  tenant,
  unique,
  type TestRegistry,
} from '../registry-fixture';
import { canary, openRollout, promoteOver } from './fixture';
import { measureFastest, timed } from '../../support/time/fastest-of';

const hour = 3_600_000;
const start = Date.parse('2013-08-01T00:00:00.000Z');
const at = (hours: number) => new Date(start + hours * hour).toISOString();

/** A simple rollout state: every prediction that was added, in order. */
type Folded = readonly string[];
const foldedIn = (state: RolloutState) =>
  (state as unknown as { readonly folded?: Folded }).folded ?? [];

describe('the labels of a rollout', () => {
  let test_: TestRegistry;
  let model: string;
  let runId: RunId;
  let rollout: RolloutRecord;
  beforeAll(async () => {
    test_ = await openTestRegistry({ maxConnections: 20 });
  });
  afterAll(() => test_.close());
  const begin = async (over: Partial<Parameters<typeof openRollout>[1]> = {}) => {
    model = unique('model');
    runId = await registerVersions(test_.registry, model, 3);
    await promoteOver(test_.registry, model, 1);
    const opening = await openRollout(test_.registry, { model, runId, ...over });
    if (opening.kind !== 'opened') throw new Error(opening.kind);
    rollout = opening.rollout;
  };
  beforeEach(() => begin());

  const by = { actor: 'key:a', cause: 'because' };
  const shadow = (score: number | null = 0.3, error: string | null = null): OtherScore => ({
    version: 2,
    role: 'shadow',
    score,
    error,
    latencyMs: 2,
  });
  const request = (eventHours: number, over: Partial<PredictionRow> = {}): PredictionRow => ({
    tenant,
    id: newId('pred') as PredictionId,
    receivedAt: new Date().toISOString(),
    model,
    version: 1,
    arm: 'champion',
    entity: 'N1',
    eventTime: at(eventHours),
    input: {},
    output: { score: 0.25 },
    latencyMs: 5,
    rollout: { id: rollout.id, step: 0 },
    other: shadow(),
    ...over,
  });
  const store = async (...rows: PredictionRow[]) => {
    await test_.registry.predictions.insert(rows);
    return rows;
  };
  const label = (
    predictionId: PredictionId,
    value: unknown = 1,
    labelledAt = '2013-08-02T00:00:00Z',
  ) => test_.registry.feedback.record({ tenant, predictionId, label: value, labelledAt });
  /** Moves event time to this hour. */
  const clockAt = (hours: number) => store(request(hours), request(hours), request(hours));
  const consume = (limit = 1000, look: (batch: DueBatch) => void = () => undefined, settleMs = 0) =>
    test_.registry.rollouts.consume({
      tenant,
      id: rollout.id,
      limit,
      settleMs,
      fold: (state, batch) => {
        look(batch);
        return {
          ...emptyRolloutState,
          folded: [...foldedIn(state), ...batch.pairs.map(({ predictionId }) => predictionId)],
        } as RolloutState;
      },
    });
  const pairsNow = async (limit?: number): Promise<readonly DuePair[]> => {
    let pairs: readonly DuePair[] = [];
    await consume(limit, (batch) => (pairs = batch.pairs));
    return pairs;
  };
  const folded = async () =>
    foldedIn(
      (await test_.registry.rollouts.get({ tenant, id: rollout.id }))?.state ?? emptyRolloutState,
    );

  test('are delivered once when due, in the order of event time, with both scores', async () => {
    const [late, early, unripe, unlabelled] = await store(
      request(3),
      request(1),
      request(9),
      request(2),
    );
    if (!late || !early || !unripe || !unlabelled) throw new Error('stored');
    for (const each of [late, early, unripe]) await label(each.id, each === early);
    await clockAt(14);
    expect(await pairsNow()).toEqual([
      {
        predictionId: early.id,
        eventTime: at(1),
        label: 1,
        champion: 0.25,
        challenger: 0.3,
        servedBy: 'champion',
        assigned: 'champion',
        step: 0,
        bucket: expect.any(Number) as number,
      },
      {
        predictionId: late.id,
        eventTime: at(3),
        label: 0,
        champion: 0.25,
        challenger: 0.3,
        servedBy: 'champion',
        assigned: 'champion',
        step: 0,
        bucket: expect.any(Number) as number,
      },
    ]);
    expect(await pairsNow()).toEqual([]);
    await clockAt(15);
    expect((await pairsNow()).map(({ predictionId }) => predictionId)).toEqual([unripe.id]);
    expect(await folded()).toEqual([early.id, late.id, unripe.id]);
  });

  test('of a multiclass model have the probability of the true class by version, and the possible range', async () => {
    const champion = { class: 'late', probabilities: { late: 0.6, early: 0.4 } };
    const challenger = { class: 'lost', probabilities: { late: 0.3, early: 0.2, lost: 0.5 } };
    const beside: OtherScore = { ...shadow(null), output: challenger };
    const [early, lost, banana] = await store(
      ...[1, 2, 3].map((hours) => request(hours, { output: champion, other: beside })),
    );
    if (!early || !lost || !banana) throw new Error('stored');
    await label(early.id, { references: ['early'] });
    await label(lost.id, { references: ['lost'] });
    await label(banana.id, { references: ['banana'] });
    await clockAt(12);
    const pairs = await pairsNow();
    // Neither version knows the class `banana`.
    expect(pairs.map(({ predictionId }) => predictionId)).toEqual([early.id, lost.id]);
    const ratio = (of: number, against: number) => Math.log(of / against);
    expect(pairs[0]).toMatchObject({ label: 1, champion: 0.4, challenger: 0.2 });
    expect(pairs[1]).toMatchObject({ label: 1, champion: 0, challenger: 0.5 });
    const { differences } = pairs[0]?.possible ?? {};
    // The champion gives an unknown class the minimum probability, 0.001.
    expect(differences?.min).toBeCloseTo(ratio(0.001, 0.5), 12);
    expect(differences?.max).toBeCloseTo(ratio(0.6, 0.3), 12);
  });

  test('distinguish the assigned version, the answering version, and a missing score', async () => {
    const rows = await store(
      request(1, {
        version: 2,
        arm: 'challenger',
        other: { version: 1, role: 'shadow', score: 0.4, error: null, latencyMs: 1 },
      }),
      request(2, {
        other: { version: 2, role: 'fallback', score: null, error: 'Timeout', latencyMs: 300 },
      }),
      request(3, { other: shadow(null, 'SqlInvalid') }),
      request(4, { other: null }),
      request(5, { rollout: { id: rollout.id, step: 1 } }),
    );
    for (const { id } of rows) await label(id);
    await clockAt(12);
    expect(await pairsNow()).toMatchObject([
      { servedBy: 'challenger', assigned: 'challenger', champion: 0.4, challenger: 0.25 },
      { servedBy: 'champion', assigned: 'challenger', champion: 0.25, challenger: null },
      { servedBy: 'champion', assigned: 'champion', champion: 0.25, challenger: null },
      { champion: 0.25, challenger: null },
      { champion: 0.25, challenger: 0.3, step: 1 },
    ]);
  });

  test('that arrived before their prediction, late, twice, or changed, count once', async () => {
    const [first] = [request(1)];
    await label(first.id);
    await store(first);
    await store(first);
    await clockAt(10);
    expect((await pairsNow()).map(({ predictionId }) => predictionId)).toEqual([first.id]);
    await label(first.id);
    await label(first.id, 0, '2013-09-01T00:00:00Z');
    await store(first);
    expect(await pairsNow()).toEqual([]);
    // Far behind the consumed time, after a spill to disk or with a late label.
    await clockAt(240);
    await consume();
    const [spilled] = await store(
      request(2, { receivedAt: new Date(Date.now() - 5 * hour).toISOString() }),
    );
    if (!spilled) throw new Error('stored');
    await label(spilled.id);
    expect((await pairsNow()).map(({ predictionId }) => predictionId)).toEqual([spilled.id]);
    const { total } = await test_.registry.rollouts.traffic({ tenant, id: rollout.id });
    expect(total.champion).toMatchObject({ assigned: 8, labelled: 2 });
  });

  test('that come after they were due are missing until then, and still count', async () => {
    const [inTime, late] = await store(request(1), request(2));
    if (!inTime || !late) throw new Error('stored');
    await label(inTime.id);
    // Labels are due 6 hours after their request.
    await clockAt(30);
    expect((await pairsNow()).map(({ predictionId }) => predictionId)).toEqual([inTime.id]);
    const counts = async () =>
      (await test_.registry.rollouts.traffic({ tenant, id: rollout.id })).total.champion;
    expect(await counts()).toMatchObject({ ripe: 2, labelled: 1 });
    await label(late.id);
    // The look before has counted labels up to hour 24.
    expect(await pairsNow()).toMatchObject([
      { predictionId: late.id, label: 1, lateSeconds: 22 * 3600 },
    ]);
    expect(await counts()).toMatchObject({ ripe: 2, labelled: 2 });
    expect(await pairsNow()).toEqual([]);
  });

  test('that were written at the same moment as their prediction are delivered once joined', async () => {
    const [row] = await store(request(1));
    if (!row) throw new Error('stored');
    await label(row.id);
    // The state after the race.
    await test_.database.sql`
      update feedback set day = null, model = null, version = null, rollout_id = null, event_time = null where prediction_id = ${row.id}`;
    await clockAt(10);
    expect(await pairsNow()).toEqual([]);
    await test_.registry.feedback.joinWaiting({ limit: 10 });
    expect((await pairsNow()).map(({ predictionId }) => predictionId)).toEqual([row.id]);
  });

  test('that are not numbers are ignored, and not delivered again', async () => {
    const rows = await store(request(1), request(1), request(1), request(1));
    for (const [index, { id }] of rows.entries())
      await label(id, ['late', { a: 1 }, 2.5, 1][index]);
    await clockAt(10);
    expect(await pairsNow()).toMatchObject([{ label: 1 }]);
    expect((await consume()).consumed).toBe(0);
    expect(
      (await test_.registry.rollouts.traffic({ tenant, id: rollout.id })).total.champion,
    ).toMatchObject({ ripe: 4, labelled: 1 });
  });

  test('of a regression may be any number', async () => {
    await begin({
      spec: {
        ...canary,
        quality: { metric: 'mae', rule: 'nonInferiority', margin: 2, bound: 100, largeHarm: 8 },
      },
    });
    const [row] = await store(request(1));
    if (!row) throw new Error('stored');
    await label(row.id, -2.5);
    await clockAt(10);
    expect(await pairsNow()).toMatchObject([{ label: -2.5 }]);
  });

  test('have some wall-clock time to arrive, however fast event time advances', async () => {
    const rows = await store(request(1), request(2), request(3));
    await clockAt(14);
    const settling = (milliseconds: number) => consume(1000, undefined, milliseconds);
    // A minute that no step here takes, then a millisecond that has passed, so a slow machine does
    // not matter.
    expect(await settling(60_000)).toMatchObject({
      consumed: 0,
      traffic: { eventNow: at(14), ripeUntil: null },
    });
    for (const { id } of rows) await label(id);
    expect(await settling(60_000)).toMatchObject({ consumed: 0 });
    await clockAt(40);
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(await settling(1)).toMatchObject({
      consumed: 3,
      traffic: { eventNow: at(40), ripeUntil: at(8) },
    });
    expect(await test_.registry.rollouts.traffic({ tenant, id: rollout.id })).toMatchObject({
      eventNow: at(40),
      ripeUntil: at(8),
    });
  });

  test('are added according to the row, not to what the caller knows', async () => {
    const { rollouts } = test_.registry;
    const heard: unknown[] = [];
    await rollouts.setStep({ tenant, id: rollout.id, step: 2, weight: 0.25, ...by });
    await rollouts.extend({
      tenant,
      id: rollout.id,
      seconds: 60,
      key: unique('extend') as IdempotencyKey,
      ...by,
    });
    await clockAt(10);
    const fold: Parameters<typeof rollouts.consume>[0]['fold'] = (
      state,
      _seen,
      { step, extendedSeconds },
    ) => {
      heard.push({ step, extendedSeconds });
      return state;
    };
    await rollouts.consume({ tenant, id: rollout.id, limit: 10, settleMs: 0, fold });
    expect(heard).toEqual([{ step: 2, extendedSeconds: 60 }]);
  });

  test('are counted once by eight concurrent consumers, while labels and predictions arrive', async () => {
    const rows = Array.from({ length: 240 }, (_, index) => request((index * 7) % 40));
    await clockAt(100);
    const arrive = async () => {
      for (let from = 0; from < rows.length; from += 20) {
        const some = rows.slice(from, from + 20);
        await Promise.all([store(...some), ...some.map(({ id }) => label(id))]);
      }
    };
    const consumers = Array.from({ length: 8 }, async () => {
      for (let round = 0; round < 12; round += 1) await consume(7);
    });
    await Promise.all([arrive(), ...consumers]);
    await test_.registry.feedback.joinWaiting({ limit: 1000 });
    while (!(await consume()).isDrained);
    const seen = await folded();
    expect(seen.length).toBe(rows.length);
    expect(new Set(seen)).toEqual(new Set(rows.map(({ id }) => id)));
    const { total } = await test_.registry.rollouts.traffic({ tenant, id: rollout.id });
    expect(total.champion).toMatchObject({
      assigned: rows.length + 3,
      requests: rows.length + 3,
      ripe: rows.length,
      labelled: rows.length,
    });
  });

  test('whose consumer dies are all delivered to the next', async () => {
    const rows = await store(request(1), request(2));
    for (const { id } of rows) await label(id);
    await clockAt(10);
    const dying = consume(1000, () => {
      throw new Error('killed');
    });
    await expect(dying).rejects.toThrow('killed');
    expect(await folded()).toEqual([]);
    expect(await pairsNow()).toHaveLength(2);
  });

  test('are delivered in batches of the limit, with the time up to which all were delivered', async () => {
    const rows = await store(request(1), request(2), request(3));
    for (const { id } of rows) await label(id);
    await clockAt(10);
    const batches: (string | null)[] = [];
    const first = await consume(2, ({ ripeUntil }) => batches.push(ripeUntil));
    expect(first).toMatchObject({ consumed: 2, isDrained: false });
    const second = await consume(2, ({ ripeUntil }) => batches.push(ripeUntil));
    expect(second).toMatchObject({ consumed: 1, isDrained: true });
    expect(batches).toEqual([at(2), at(4)]);
    expect(await consume(0)).toMatchObject({ consumed: 0, isDrained: false });
  });

  test('are in the counts of the batch that delivers them, so that none of them counts as missing', async () => {
    const rows = await store(request(1), request(2), request(3));
    for (const { id } of rows) await label(id);
    await clockAt(20);
    const seen: { readonly ripe: number; readonly labelled: number }[] = [];
    const look = ({ total: { champion } }: DueBatch) =>
      seen.push({ ripe: champion.ripe, labelled: champion.labelled });
    // The second of the batch lies in an hour that has not been delivered completely.
    await consume(2, look);
    await consume(2, look);
    expect(seen).toEqual([
      { ripe: 1, labelled: 1 },
      { ripe: 3, labelled: 3 },
    ]);
  });

  test('of an ended rollout, or for a run that is being undone, are not added', async () => {
    const [row] = await store(request(1));
    if (!row) throw new Error('stored');
    await label(row.id);
    await clockAt(10);
    await test_.registry.rollouts.end({
      tenant,
      id: rollout.id,
      status: 'aborted',
      verdict: null,
      decisionId: null,
      ...by,
    });
    const ended = await consume(1000, () => {
      throw new Error('folded');
    });
    expect(ended).toMatchObject({ consumed: 0, rollout: { status: 'aborted' } });
    await begin();
    await test_.registry.runs.update({ tenant, id: runId, status: 'failed' });
    await expect(consume()).rejects.toMatchObject({ type: 'FencedOff' });
  });

  test('of other rollouts, named versions and requests without a rollout do not count', async () => {
    const rows = await store(
      request(1, { rollout: null, other: null }),
      request(1, { version: 3, arm: 'direct', rollout: null, other: null }),
    );
    for (const { id } of rows) await label(id);
    await clockAt(10);
    expect(await pairsNow()).toEqual([]);
    expect(
      (await test_.registry.rollouts.traffic({ tenant, id: rollout.id })).total.champion.assigned,
    ).toBe(3);
  });

  test('a rollout of minutes counts labels by the minute, not by whole hours', async () => {
    const spec = { ...canary, maxDurationSeconds: 1800 };
    await begin({ spec, availableAfterSeconds: 60 });
    const minute = (minutes: number) =>
      request(0, { eventTime: new Date(start + minutes * 60_000).toISOString() });
    const [first, second] = await store(
      minute(1),
      minute(3),
      minute(3.5),
      minute(8),
      minute(8),
      minute(8),
    );
    if (!first || !second) throw new Error('stored');
    await label(first.id);
    await label(second.id);
    await consume();
    const { total } = await test_.registry.rollouts.traffic({ tenant, id: rollout.id });
    expect(total.champion).toMatchObject({ assigned: 6, ripe: 3, labelled: 2 });
  });

  test('traffic counts are deleted with age, once the rollout has ended', async () => {
    const { sql } = test_.database;
    await clockAt(8);
    const old = rollout;
    const left = async () => {
      await test_.registry.retention.apply();
      const rows = await sql<
        { id: string }[]
      >`select distinct rollout_id as id from rollout_traffic where rollout_id in (${old.id}, ${rollout.id})`;
      return rows.map(({ id }) => id);
    };
    await sql`update rollouts set started_at = now() - interval '400 days' where id = ${old.id}`;
    expect(await left()).toEqual([old.id]);
    await test_.registry.rollouts.end({
      tenant,
      id: old.id,
      status: 'aborted',
      verdict: null,
      decisionId: null,
      ...by,
    });
    expect(await left()).toEqual([old.id]);
    await sql`update rollouts set ended_at = now() - interval '181 days' where id = ${old.id}`;
    await begin();
    await clockAt(8);
    expect(await left()).toEqual([rollout.id]);
  });

  describe('event time', () => {
    const eventNow = async () => (await consume()).traffic.eventNow;
    /** The wall clock at the time of the query, within 5 s. */
    const expectWallClock = async () => {
      const before = Date.now();
      const now = Date.parse((await eventNow()) ?? '');
      expect(now).toBeGreaterThan(before - 5000);
      expect(now).toBeLessThan(Date.now() + 5000);
    };

    test('is unknown before three requests reach it, and one wrong clock does not move it', async () => {
      await store(request(5), request(6));
      expect(await eventNow()).toBeNull();
      await store(request(3));
      expect(await eventNow()).toBe(at(3));
      await store(request(24 * 365));
      expect(await eventNow()).toBe(at(5));
      await store(request(24 * 400));
      expect(await eventNow()).toBe(at(6));
      await clockAt(8);
      expect(await eventNow()).toBe(at(8));
      expect((await consume()).rollout).toMatchObject({ eventStartedAt: at(3), eventNow: at(8) });
    });

    test('never goes back', async () => {
      await clockAt(8);
      expect(await eventNow()).toBe(at(8));
      await test_.database.sql`delete from rollout_traffic where rollout_id = ${rollout.id}`;
      await clockAt(4);
      expect(await eventNow()).toBe(at(8));
    });

    test.each([-1800, 0, 6 * 3600])(
      'is wall-clock time when requests have event times %d s from now',
      async (seconds) => {
        const eventTime = new Date(Date.now() + seconds * 1000).toISOString();
        await store(...Array.from({ length: 3 }, () => request(0, { eventTime })));
        await expectWallClock();
      },
    );

    test('follows the wall clock when live traffic stops', async () => {
      const { sql } = test_.database;
      await store(
        ...Array.from({ length: 3 }, () => request(0, { eventTime: new Date().toISOString() })),
      );
      await eventNow();
      await sql`update rollout_traffic set newest = now() - interval '5 hours' where rollout_id = ${rollout.id}`;
      await sql`update rollouts set event_now = now() - interval '30 minutes' where id = ${rollout.id}`;
      await expectWallClock();
      await sql`update rollouts set event_now = now() - interval '2 hours' where id = ${rollout.id}`;
      expect(Math.abs(Date.parse((await eventNow()) ?? '') - Date.now())).toBeGreaterThan(hour);
    });

    test('of a request without one is its time of receipt', async () => {
      const receivedAt = new Date(Date.now() - 3 * hour).toISOString();
      const rows = await store(
        ...Array.from({ length: 3 }, () => request(0, { eventTime: null, receivedAt })),
      );
      expect(await eventNow()).toBe(receivedAt);
      await label(rows[0]?.id as PredictionId);
      await store(
        ...Array.from({ length: 3 }, () =>
          request(0, { eventTime: new Date(Date.now() + 9 * hour).toISOString() }),
        ),
      );
      await test_.database
        .sql`update rollouts set available_after_seconds = 3600 where id = ${rollout.id}`;
      expect(await pairsNow()).toMatchObject([{ eventTime: receivedAt }]);
    });
  });

  test('traffic is counted by arm and step when predictions are stored', async () => {
    const challengers = { version: 2, arm: 'challenger' } as const;
    const champion = (error: string | null = null): OtherScore => ({
      version: 1,
      role: 'shadow',
      score: error === null ? 0.4 : null,
      error,
      latencyMs: 1,
    });
    const inStep = (step: number, over: Partial<PredictionRow>) =>
      request(1, { rollout: { id: rollout.id, step }, ...over });
    const rows = [
      inStep(0, {}),
      inStep(0, { other: shadow(null, 'Timeout') }),
      inStep(0, { other: null, latencyMs: 151 }),
      inStep(1, { ...challengers, other: champion() }),
      inStep(1, { ...challengers, other: champion('Timeout'), latencyMs: 200 }),
      inStep(1, { ...challengers, other: null }),
      inStep(1, {
        other: { version: 2, role: 'fallback', score: null, error: 'ScoreNotFinite', latencyMs: 3 },
      }),
      inStep(1, { latencyMs: 150 }),
    ];
    await store(...rows);
    await store(...rows);
    await label(rows[3]?.id as PredictionId);
    await label(rows[6]?.id as PredictionId);
    await label(rows[7]?.id as PredictionId);
    await clockAt(8);
    await consume();
    await test_.registry.rollouts.setStep({ tenant, id: rollout.id, step: 1, weight: 0.05, ...by });
    const { step, total } = await test_.registry.rollouts.traffic({ tenant, id: rollout.id });
    expect(step).toEqual({
      champion: {
        assigned: 1,
        fallbacks: 0,
        slow: 0,
        requests: 3,
        errors: 1,
        ripe: 1,
        labelled: 1,
        entities: 0,
      },
      challenger: {
        assigned: 4,
        fallbacks: 1,
        slow: 2,
        requests: 5,
        errors: 1,
        ripe: 4,
        labelled: 2,
        entities: 0,
      },
    });
    expect(total).toEqual({
      champion: {
        assigned: 7,
        fallbacks: 0,
        slow: 1,
        requests: 9,
        errors: 1,
        ripe: 4,
        labelled: 1,
        entities: 0,
      },
      challenger: {
        assigned: 4,
        fallbacks: 1,
        slow: 2,
        requests: 10,
        errors: 2,
        ripe: 4,
        labelled: 2,
        entities: 0,
      },
    });
  });

  test('in any order of arrival, each due label is added once', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({
            eventHours: fc.integer({ min: 0, max: 30 }),
            labelled: fc.constantFrom('before', 'after', 'never', 'twice'),
            consumeAfter: fc.boolean(),
            limit: fc.integer({ min: 1, max: 4 }),
          }),
          { minLength: 1, maxLength: 15 },
        ),
        async (requests) => {
          await begin();
          const expected: { readonly id: string; readonly hours: number }[] = [];
          for (const { eventHours, labelled, consumeAfter, limit } of requests) {
            const row = request(eventHours);
            if (labelled === 'before' || labelled === 'twice') await label(row.id);
            await store(row);
            if (labelled === 'after' || labelled === 'twice') await label(row.id);
            if (labelled !== 'never') expected.push({ id: row.id, hours: eventHours });
            if (consumeAfter) await consume(limit);
          }
          await clockAt(31);
          while (!(await consume(3)).isDrained);
          const due = expected.filter(({ hours }) => hours + 6 <= 31).map(({ id }) => id);
          const seen = await folded();
          expect([...seen].sort()).toEqual([...due].sort());
        },
      ),
      { numRuns: 40 },
    );
  });

  describe('cost', () => {
    let shared: TestRegistry;
    beforeAll(async () => {
      shared = test_;
      // With one connection, its reads are in the statistics in order once they are flushed.
      test_ = await openTestRegistry({ maxConnections: 1 });
    });
    afterAll(async () => {
      await test_.close();
      test_ = shared;
    });

    test('depends on new rows, not on all 200,000 requests, half of them labelled', async () => {
      const { sql } = test_.database;
      const rows = 200_000;
      await sql`
      insert into predictions (tenant_id, day, id, received_at, model, version, arm, event_time, input, output, latency_ms, rollout_id, rollout_step, other)
      select ${tenant}, current_date, 'pred_' || lpad(n::text, 26, '0'), now(), ${model}, 1, 'champion', ${at(0)}::timestamptz + n * interval '5 seconds', '{}',
        '{"score":0.25}', 5, ${rollout.id}, 0, '{"version":2,"role":"shadow","score":0.3,"error":null,"latencyMs":2}'
      from generate_series(1, ${rows}::int) n`;
      await sql`
      insert into rollout_traffic (tenant_id, rollout_id, step, span_start, newest, champion_assigned, challenger_assigned, champion_slow, challenger_slow,
        champion_asked, challenger_asked, champion_errors, challenger_errors)
      select ${tenant}, ${rollout.id}, 0, date_trunc('hour', event_time), max(event_time), count(*), 0, 0, 0, count(*), count(*), 0, 0
      from predictions where rollout_id = ${rollout.id} group by 4`;
      await sql`
      insert into feedback (tenant_id, prediction_id, label, labelled_at, day, model, version, rollout_id, event_time, counted_at)
      select ${tenant}, id, '1', now(), day, model, version, rollout_id, event_time, case when event_time < ${at(240)} then now() end
      from predictions where rollout_id = ${rollout.id} and right(id, 1) in ('1', '3', '5', '7', '9')`;
      await test_.owner.sql`analyze predictions`;
      await test_.owner.sql`analyze feedback`;
      const readWhole = async () => {
        await sql`select pg_stat_force_next_flush()`;
        const [scans] = await sql<{ scans: unknown }[]>`
        select sum(seq_scan) as scans from pg_stat_user_tables where relname ~ '^(predictions_2|predictions_default|feedback)' and n_live_tup > 1000`;
        return Number(scans?.scans ?? 0);
      };
      const before = await readWhole();
      const times: number[] = [];
      for (let round = 0; round < 5; round += 1) {
        const startedAt = performance.now();
        expect(await consume(1000)).toMatchObject({ consumed: 1000 });
        times.push(performance.now() - startedAt);
      }
      while (!(await consume(5000)).isDrained);
      const { value, milliseconds: idle } = await measureFastest(3, 500, () =>
        timed(() => consume(1000)),
      );
      expect(value).toMatchObject({ consumed: 0 });
      expect(await readWhole()).toBe(before);
      // Measured about 40 ms for a thousand, 4 ms for none.
      expect(Math.min(...times)).toBeLessThan(2000);
      expect(idle).toBeLessThan(500);
    });
  });
});
