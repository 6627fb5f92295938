import type { RolloutId, RunId } from '../../../domain/ids';
import type { RolloutRecord } from '../../../db/rollout/records';
import { newId } from '../../../db/ids';
import { readAttempt, canaryAtAttempt } from '../../../domain/rollout/judging/attempts';
import type { Verdict } from '../../../domain/verdict';
import { canary, openRollout, promoteOver } from './fixture';
import {
  openTestRegistry,
  refTo,
  registerVersions,
  signature,
  startRun,
  tenant,
  unique,
  type TestRegistry,
} from '../registry-fixture';

describe('rollouts', () => {
  let test_: TestRegistry;
  let model: string;
  let runId: RunId;
  beforeAll(async () => {
    test_ = await openTestRegistry({ maxConnections: 20 });
  });
  afterAll(() => test_.close());
  beforeEach(async () => {
    model = unique('model');
    runId = await registerVersions(test_.registry, model, 3);
    await promoteOver(test_.registry, model, 1);
  });

  const by = { actor: 'key:a', cause: 'because' };
  const open = (over: Parameters<typeof openRollout>[1] = {}) =>
    openRollout(test_.registry, { model, runId, ...over });
  const opened = async (over: Parameters<typeof openRollout>[1] = {}): Promise<RolloutRecord> => {
    const opening = await open(over);
    if (opening.kind !== 'opened') throw new Error(opening.kind);
    return opening.rollout;
  };
  const routed = async () =>
    (await test_.registry.routing.table()).models.find((each) => each.model === model);
  const epochNow = async () => (await test_.registry.routing.table()).epoch;
  const listEvents = async (run: RunId) => {
    const events = await test_.registry.events.list({
      tenant,
      runId: run,
      afterSeq: 0,
      limit: 100,
    });
    return events.filter(({ kind }) => kind.startsWith('rollout.'));
  };
  const rollback = () =>
    test_.registry.aliases.rollback({
      tenant,
      model,
      actor: 'a',
      cause: 'c',
      idempotencyKey: unique('key'),
    });

  test('opening adds the challenger in shadow, with a new epoch, an audit row and an event', async () => {
    const before = await epochNow();
    const rollout = await opened();
    expect(rollout).toMatchObject({
      champion: 1,
      challenger: 2,
      status: 'running',
      step: 0,
      weight: 0,
      epoch: before + 1,
    });
    expect(rollout.spec).toEqual(canaryAtAttempt(canary, 1));
    expect(await epochNow()).toBe(before + 1);
    expect(await routed()).toEqual({
      tenant,
      model,
      isLanguage: false,
      arms: [
        { version: 2, alias: 'challenger', weight: 0, manifest: refTo(`${model} 2`) },
        { version: 1, alias: 'champion', weight: 1, manifest: refTo(`${model} 1`) },
      ],
      previous: null,
      rollout: { id: rollout.id, step: 0, besides: true },
    });
    expect(await listEvents(runId)).toMatchObject([
      { kind: 'rollout.started', data: { rollout: rollout.id, champion: 1, challenger: 2 } },
    ]);
    const audit = await test_.registry.audit.list({
      tenant,
      subject: `model:${model}`,
      action: 'rollout.open',
      pageSize: 5,
    });
    expect(audit.items).toMatchObject([
      { actor: 'key:a', after: { rollout: rollout.id, status: 'running' } },
    ]);
    expect(await test_.registry.rollouts.get({ tenant, id: rollout.id })).toEqual(rollout);
    expect(await test_.registry.rollouts.current({ tenant, model })).toEqual(rollout);
    expect(await test_.registry.rollouts.ofRun({ tenant, runId })).toEqual(rollout);
  });

  test('a run that opens again finds its own rollout, also after its end', async () => {
    const first = await opened();
    expect(await opened()).toEqual(first);
    await test_.registry.rollouts.end({
      tenant,
      id: first.id,
      status: 'aborted',
      verdict: null,
      decisionId: null,
      ...by,
    });
    expect(await opened()).toMatchObject({ id: first.id, status: 'aborted' });
  });

  test('concurrent openings for one run get one rollout', async () => {
    const answers = await Promise.all(Array.from({ length: 10 }, () => opened()));
    expect(new Set(answers.map(({ id }) => id)).size).toBe(1);
    expect(await listEvents(runId)).toHaveLength(1);
  });

  test('a second rollout of the model is refused with the open one', async () => {
    const first = await opened();
    const other = await startRun(test_.registry);
    expect(await open({ runId: other, challenger: 3 })).toMatchObject({
      kind: 'busy',
      rollout: { id: first.id, runId },
    });
    expect((await test_.registry.rollouts.list({ tenant, model, pageSize: 5 })).items).toHaveLength(
      1,
    );
  });

  test.each([{ champion: { version: 3, fencing: 1 } }, { champion: { version: 1, fencing: 9 } }])(
    'with another champion than expected, opening is a conflict: %j',
    async (over) => {
      expect(await open(over)).toEqual({ kind: 'conflict', champion: 1 });
      expect(await listEvents(runId)).toEqual([]);
    },
  );

  describe('repeated rollouts of the same bytes', () => {
    const harmful: Verdict = {
      kind: 'failed',
      reasons: [{ gate: 'quality', code: 'quality.refuted', message: 'worse', outcome: 'failed' }],
    };
    const slow: Verdict = {
      kind: 'failed',
      reasons: [
        { gate: 'latency_ms', code: 'guardrail.exceeded', message: 'slow', outcome: 'failed' },
      ],
    };
    const ended = async (
      verdict: Verdict | null,
      {
        sawLabels = true,
        winner,
        over = {},
      }: {
        readonly sawLabels?: boolean;
        readonly winner?: number;
        readonly over?: Parameters<typeof openRollout>[1];
      } = {},
    ) => {
      const { id } = await opened({ runId: await startRun(test_.registry), ...over });
      if (winner !== undefined) {
        const passed = { status: 'passed', waitingFor: null, winner } as const;
        await test_.registry.rollouts.setStatus({ tenant, id, ...passed, ...by });
      }
      if (sawLabels) {
        await test_.database.sql`
          insert into rollout_traffic (tenant_id, rollout_id, step, span_start, newest, champion_assigned, challenger_assigned, champion_slow, challenger_slow,
            champion_asked, challenger_asked, champion_errors, challenger_errors, champion_labelled)
          values (${tenant}, ${id}, 0, now(), now(), 1, 0, 0, 0, 1, 1, 0, 0, 1)`;
      }
      await test_.registry.rollouts.end({
        tenant,
        id,
        status: 'rolledBack',
        verdict,
        decisionId: null,
        ...by,
      });
      return id;
    };
    const again = async (over: Parameters<typeof openRollout>[1] = {}) =>
      open({ runId: await startRun(test_.registry), ...over });

    test('each has the next share of alpha under any policy; one without labels does not count', async () => {
      await ended(null, { sawLabels: false });
      await ended({ kind: 'inconclusive', reasons: [] });
      const second = await again({ spec: { ...canary, steps: [0] } });
      if (second.kind !== 'opened') throw new Error(second.kind);
      expect(second.rollout.spec).toEqual(canaryAtAttempt({ ...canary, steps: [0] }, 2));
    });

    test('are counted by manifest, not by number, and without other versions', async () => {
      await ended(null);
      const bytes = { tenant, model, runId, manifest: refTo(`${model} 2`), signature };
      const { version } = await test_.registry.models.register({
        ...bytes,
        idempotencyKey: unique('again'),
      });
      const [same, other] = [await again({ challenger: version }), 3];
      if (same.kind !== 'opened') throw new Error(same.kind);
      expect(readAttempt(same.rollout.spec)).toBe(2);
      await test_.registry.rollouts.end({
        tenant,
        id: same.rollout.id,
        status: 'aborted',
        verdict: null,
        decisionId: null,
        ...by,
      });
      const third = await again({ challenger: other });
      expect(third.kind === 'opened' && readAttempt(third.rollout.spec)).toBe(1);
    });

    test('shown harm stays shown under its policy, but an exceeded guardrail does not', async () => {
      const found = await ended(harmful);
      expect(await again()).toMatchObject({
        kind: 'harmShown',
        rollout: { id: found, verdict: harmful },
      });
      const changed = await again({
        spec: { ...canary, quality: { ...canary.quality, margin: 0.02 } },
      });
      expect(changed.kind === 'opened' && readAttempt(changed.rollout.spec)).toBe(2);
    });

    describe('in A/B rollouts', () => {
      const ab = { ...canary, method: 'ab' as const, steps: [50], against: [3] };

      test('count for each challenger', async () => {
        await ended(null, { over: { spec: ab, paired: false } });
        const alone = await again({ challenger: 3 });
        expect(alone.kind === 'opened' && readAttempt(alone.rollout.spec)).toBe(2);
      });

      test('count for further challengers that were tried alone', async () => {
        await ended(null, { over: { challenger: 3 } });
        await ended(null, { over: { challenger: 3 } });
        const both = await again({ spec: ab, paired: false });
        expect(both.kind === 'opened' && readAttempt(both.rollout.spec)).toBe(3);
      });

      test('show the harm of a winner, which says nothing of the others', async () => {
        const over = { spec: ab, paired: false };
        await ended(harmful, { over, winner: 3 });
        expect((await again(over)).kind).toBe('opened');
      });

      test('show the harm of all without a winner', async () => {
        const over = { spec: ab, paired: false };
        const found = await ended(harmful, { over });
        expect(await again(over)).toMatchObject({ kind: 'harmShown', rollout: { id: found } });
      });
    });

    test('after an exceeded guardrail it may be tried again', async () => {
      await ended(slow);
      expect((await again()).kind).toBe('opened');
    });
  });

  test('a rejected version gets no rollout, and an ended run cannot open one', async () => {
    await test_.registry.models.setStatus({
      tenant,
      model,
      version: 2,
      status: 'rejected',
      cause: 'gate',
    });
    await expect(open()).rejects.toMatchObject({
      type: 'Conflict',
      message: expect.stringContaining('rejected') as string,
    });
    await test_.registry.runs.update({ tenant, id: runId, status: 'failed' });
    await expect(open({ challenger: 3 })).rejects.toMatchObject({ type: 'FencedOff' });
  });

  test('each step sets the weight with a new epoch; a repeated step changes nothing, an earlier one is refused', async () => {
    const { id, epoch } = await opened();
    const step = (at: number, weight: number) =>
      test_.registry.rollouts.setStep({ tenant, id, step: at, weight, ...by });
    expect(await step(0, 0)).toEqual({ kind: 'set', epoch });
    expect(await step(1, 0.05)).toEqual({ kind: 'set', epoch: epoch + 1 });
    expect(await step(1, 0.05)).toEqual({ kind: 'set', epoch: epoch + 1 });
    expect(await routed()).toMatchObject({
      arms: [{ weight: 0.05 }, { weight: 0.95 }],
      rollout: { step: 1, besides: true },
    });
    await expect(step(0, 0)).rejects.toMatchObject({ type: 'Conflict' });
    await expect(step(9, 1)).rejects.toMatchObject({ type: 'InvalidInput' });
    expect((await listEvents(runId)).map(({ kind }) => kind)).toEqual([
      'rollout.started',
      'rollout.advanced',
    ]);
    const [started, moved] = [await test_.registry.rollouts.get({ tenant, id }), await epochNow()];
    expect(started).toMatchObject({ step: 1, weight: 0.05, epoch: epoch + 1 });
    expect(moved).toBe(epoch + 1);
  });

  test('without pairs the other arm is used only in shadow', async () => {
    const { id } = await opened({ paired: false });
    expect((await routed())?.rollout?.besides).toBe(true);
    await test_.registry.rollouts.setStep({ tenant, id, step: 1, weight: 0.05, ...by });
    expect((await routed())?.rollout?.besides).toBe(false);
  });

  test('held and resumed it keeps its traffic; passed it scores no extra requests; parked it has no traffic', async () => {
    const { rollouts } = test_.registry;
    const { id } = await opened();
    const set = await rollouts.setStep({ tenant, id, step: 1, weight: 0.05, ...by });
    const to = (status: 'running' | 'held' | 'passed', weight?: number) =>
      rollouts.setStatus({
        tenant,
        id,
        status,
        weight,
        waitingFor: status === 'held' ? 'a person' : null,
        ...by,
      });
    expect(await to('held')).toEqual(set);
    expect(await rollouts.get({ tenant, id })).toMatchObject({
      status: 'held',
      waitingFor: 'a person',
      weight: 0.05,
    });
    expect(await to('running')).toEqual(set);
    expect(await to('passed', 0)).toMatchObject({
      kind: 'set',
      epoch: expect.any(Number) as number,
    });
    expect(await routed()).toMatchObject({
      arms: [{ weight: 0 }, { weight: 1 }],
      rollout: { besides: false },
    });
    const kinds = (await listEvents(runId)).map(({ kind }) => kind);
    expect(kinds).toEqual([
      'rollout.started',
      'rollout.advanced',
      'rollout.held',
      'rollout.resumed',
      'rollout.passed',
    ]);
  });

  test('the first end wins and removes the challenger from the table; later changes find it ended', async () => {
    const { rollouts } = test_.registry;
    const { id } = await opened();
    await rollouts.setStep({ tenant, id, step: 1, weight: 0.05, ...by });
    const verdict = { kind: 'failed', reasons: [] } as const;
    const first = await rollouts.end({
      tenant,
      id,
      status: 'rolledBack',
      verdict,
      decisionId: null,
      ...by,
    });
    expect(first).toMatchObject({
      changed: true,
      rollout: { status: 'rolledBack', verdict, weight: 0 },
    });
    expect(first.rollout.endedAt).not.toBeNull();
    expect(first.epoch).toBe(await epochNow());
    expect(await routed()).toMatchObject({ arms: [{ version: 1, weight: 1 }], rollout: null });
    const second = await rollouts.end({
      tenant,
      id,
      status: 'aborted',
      verdict: null,
      decisionId: null,
      ...by,
    });
    expect(second).toEqual({ rollout: first.rollout, epoch: first.epoch, changed: false });
    for (const change of [
      rollouts.setStep({ tenant, id, step: 2, weight: 0.25, ...by }),
      rollouts.setStatus({ tenant, id, status: 'held', waitingFor: null, ...by }),
      rollouts.extend({ tenant, id, seconds: 60, key: unique('key') as never, ...by }),
    ]) {
      expect(await change).toEqual({ kind: 'ended', rollout: first.rollout });
    }
    expect((await listEvents(runId)).at(-1)).toMatchObject({
      kind: 'rollout.rolled_back',
      data: { status: 'rolledBack' },
    });
  });

  test('concurrent ends are one end', async () => {
    const { id } = await opened();
    const end = (status: 'rolledBack' | 'aborted') =>
      test_.registry.rollouts.end({ tenant, id, status, verdict: null, decisionId: null, ...by });
    const ends = await Promise.all(
      ['rolledBack', 'aborted', 'rolledBack', 'aborted'].map((status) => end(status as 'aborted')),
    );
    expect(ends.filter(({ changed }) => changed)).toHaveLength(1);
    expect(new Set(ends.map(({ rollout }) => rollout.status)).size).toBe(1);
    expect((await listEvents(runId)).length).toBe(2);
  });

  test('promoting the challenger ends the rollout as promoted, in the same epoch', async () => {
    const { id } = await opened();
    await promoteOver(test_.registry, model, 2);
    const ended = await test_.registry.rollouts.get({ tenant, id });
    expect(ended).toMatchObject({ status: 'promoted', epoch: await epochNow() });
    expect(await routed()).toMatchObject({ arms: [{ version: 2, weight: 1 }], rollout: null });
    expect((await listEvents(runId)).at(-1)).toMatchObject({ kind: 'rollout.promoted' });
  });

  test('another move of the champion supersedes it', async () => {
    const { id } = await opened();
    await promoteOver(test_.registry, model, 3);
    expect(await test_.registry.rollouts.get({ tenant, id })).toMatchObject({
      status: 'superseded',
    });
    const next = await opened({
      runId: await startRun(test_.registry),
      challenger: 2,
      champion: { version: 3, fencing: 2 },
    });
    await rollback();
    expect(await test_.registry.rollouts.get({ tenant, id: next.id })).toMatchObject({
      status: 'superseded',
    });
    expect(await routed()).toMatchObject({ arms: [{ version: 1 }], rollout: null });
  });

  test('a promotion with a rollout moves nothing unless the rollout has passed', async () => {
    const { rollouts, aliases } = test_.registry;
    const { id } = await opened();
    const promote = () => promoteOver(test_.registry, model, 2, { rollout: id, runId });
    expect(await promote()).toEqual({ kind: 'rolloutClosed' });
    await rollouts.setStatus({ tenant, id, status: 'passed', waitingFor: null, ...by });
    await rollouts.setStatus({ tenant, id, status: 'held', waitingFor: 'a person', ...by });
    expect(await promote()).toEqual({ kind: 'rolloutClosed' });
    expect((await aliases.get({ tenant, model })).champion?.version).toBe(1);
    await rollouts.setStatus({ tenant, id, status: 'passed', waitingFor: null, ...by });
    expect(await promote()).toMatchObject({ kind: 'promoted' });
    expect(await promote()).toEqual({ kind: 'rolloutClosed' });
  });

  test('an extension is made once per key', async () => {
    const { id } = await opened();
    const extend = (key: string) =>
      test_.registry.rollouts.extend({
        tenant,
        id,
        seconds: 60,
        key: `${id}/${key}` as never,
        ...by,
      });
    expect(await extend('a')).toEqual({ kind: 'extended', extendedSeconds: 60 });
    expect(await extend('a')).toEqual({ kind: 'extended', extendedSeconds: 60 });
    expect(await extend('b')).toEqual({ kind: 'extended', extendedSeconds: 120 });
    expect(await test_.registry.rollouts.get({ tenant, id })).toMatchObject({
      extendedSeconds: 120,
    });
  });

  test('the duration of a rollback is recorded after the end', async () => {
    const { id } = await opened();
    await test_.registry.rollouts.end({
      tenant,
      id,
      status: 'rolledBack',
      verdict: null,
      decisionId: null,
      ...by,
    });
    const rollback = { from: 2, to: 1, secondsToFullTraffic: 0.1, unconfirmed: [] };
    await test_.registry.rollouts.confirmRollback({ tenant, id, rollback });
    expect(await test_.registry.rollouts.get({ tenant, id })).toMatchObject({
      status: 'rolledBack',
      rollback,
    });
  });

  test('an unknown rollout is NotFound', async () => {
    const id = newId('roll') as RolloutId;
    expect(await test_.registry.rollouts.get({ tenant, id })).toBeNull();
    await expect(
      test_.registry.rollouts.setStep({ tenant, id, step: 0, weight: 0, ...by }),
    ).rejects.toMatchObject({ type: 'NotFound' });
    await expect(test_.registry.rollouts.traffic({ tenant, id })).rejects.toMatchObject({
      type: 'NotFound',
    });
  });
});
