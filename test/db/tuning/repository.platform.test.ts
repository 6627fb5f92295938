import type { RunId } from '../../../domain/ids';
import {
  applyLifecycle,
  toDigest,
  openTestRegistry,
  startRun,
  tenant,
  unique,
  type TestRegistry,
} from '../registry-fixture';
import { tunedPlan } from '../../support/training/fake-study';

const tune = { metric: 'logloss', direction: 'minimize', trials: 24 } as const;

describe('trials', () => {
  let test_: TestRegistry;
  let runId: RunId;
  beforeAll(async () => {
    test_ = await openTestRegistry();
  });
  afterAll(() => test_.close());
  beforeEach(async () => {
    const lifecycle = unique('tuned');
    await applyLifecycle(test_.registry, lifecycle);
    runId = await startRun(test_.registry, lifecycle);
  });

  const ref = (number: number) => ({ tenant, runId, study: 'tune', number });
  const start = (number: number, params = { leaves: 31 }) =>
    test_.registry.trials.start({ ...ref(number), params });
  const complete = (number: number, value: number) =>
    test_.registry.trials.end({ ...ref(number), end: { status: 'complete', value }, tune });
  const list = () => test_.registry.trials.list({ tenant, runId, study: 'tune' });
  const events = async () =>
    (await test_.registry.events.list({ tenant, runId, afterSeq: 0, limit: 50 })).filter(
      ({ kind }) => kind.startsWith('trial.'),
    );

  test('a trial begins and ends, with an event each', async () => {
    expect(await start(0)).toMatchObject({
      number: 0,
      params: { leaves: 31 },
      status: 'running',
      value: null,
      endedAt: null,
    });
    expect(await complete(0, 0.5)).toMatchObject({ status: 'complete', value: 0.5, reason: null });
    expect(await events()).toMatchObject([
      { kind: 'trial.started', stage: 'tune', data: { number: 0, params: { leaves: 31 } } },
      {
        kind: 'trial.ended',
        stage: 'tune',
        data: {
          number: 0,
          status: 'complete',
          value: 0.5,
          best: { number: 0, value: 0.5 },
          metric: 'logloss',
          ended: 1,
          of: 24,
        },
      },
    ]);
  });

  test('the first parameters of a number stay', async () => {
    await start(0, { leaves: 31 });
    expect(await start(0, { leaves: 63 })).toMatchObject({ params: { leaves: 31 } });
    await complete(0, 0.5);
    expect(await start(0, { leaves: 63 })).toMatchObject({
      params: { leaves: 31 },
      status: 'complete',
    });
    expect(await list()).toHaveLength(1);
  });

  test('twenty concurrent starts of one number get the same trial, with one event', async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, leaves) => start(0, { leaves })),
    );
    expect(new Set(answers.map(({ params }) => params['leaves'])).size).toBe(1);
    expect(await events()).toHaveLength(1);
  });

  test('the first end of a trial stays', async () => {
    await start(0);
    await complete(0, 0.5);
    expect(await complete(0, 0.1)).toMatchObject({ value: 0.5 });
    const late = { status: 'failed', value: null, reason: 'late' } as const;
    expect(await test_.registry.trials.end({ ...ref(0), end: late, tune })).toMatchObject({
      status: 'complete',
    });
    expect(
      await test_.registry.trials.report({ ...ref(0), intermediate: [{ step: 1, value: 9 }] }),
    ).toBe(false);
    expect(await list()).toMatchObject([{ value: 0.5, intermediate: [] }]);
    expect(await events()).toHaveLength(2);
  });

  test('the values that pruned a trial are stored with it', async () => {
    await start(0);
    expect(
      await test_.registry.trials.report({ ...ref(0), intermediate: [{ step: 7, value: 0.61 }] }),
    ).toBe(true);
    await test_.registry.trials.end({
      ...ref(0),
      end: { status: 'pruned', value: 0.61, reason: 'hyperband at 7' },
      tune,
    });
    expect(await list()).toMatchObject([
      {
        status: 'pruned',
        value: 0.61,
        reason: 'hyperband at 7',
        intermediate: [{ step: 7, value: 0.61 }],
      },
    ]);
  });

  test('an attempt that fell behind removes no value', async () => {
    await start(0);
    const seen = [1, 3, 9].map((step) => ({ step, value: 1 / step }));
    await test_.registry.trials.report({ ...ref(0), intermediate: seen });
    expect(await test_.registry.trials.report({ ...ref(0), intermediate: seen.slice(0, 1) })).toBe(
      true,
    );
    expect(await list()).toMatchObject([{ intermediate: seen }]);
  });

  test('are paged by number, and the best is the first complete one with the best value', async () => {
    expect(
      await test_.registry.trials.best({ tenant, runId, study: 'tune', direction: 'minimize' }),
    ).toBeNull();
    for (const number of [0, 1, 2, 3, 4]) await start(number);
    for (const [number, value] of [0.4, 0.3, 0.3, 0.5].entries()) await complete(number, value);
    await test_.registry.trials.end({
      ...ref(4),
      end: { status: 'pruned', value: 0.1, reason: 'hyperband' },
      tune,
    });
    const first = await test_.registry.trials.page({ tenant, runId, study: 'tune', pageSize: 3 });
    const second = await test_.registry.trials.page({
      tenant,
      runId,
      study: 'tune',
      pageSize: 3,
      pageToken: first.nextPageToken ?? '',
    });
    expect([first, second].map(({ items }) => items.map(({ number }) => number))).toEqual([
      [0, 1, 2],
      [3, 4],
    ]);
    expect(second.nextPageToken).toBeNull();
    expect(
      await test_.registry.trials.best({ tenant, runId, study: 'tune', direction: 'minimize' }),
    ).toEqual({ number: 1, value: 0.3 });
    expect(
      await test_.registry.trials.best({ tenant, runId, study: 'tune', direction: 'maximize' }),
    ).toEqual({ number: 3, value: 0.5 });
    const pageToken = Buffer.from('"x"').toString('base64url');
    await expect(
      test_.registry.trials.page({ tenant, runId, study: 'tune', pageSize: 3, pageToken }),
    ).rejects.toMatchObject({
      type: 'InvalidInput',
    });
  });

  test('a value that is not a number is refused', async () => {
    await start(0);
    await expect(complete(0, NaN)).rejects.toMatchObject({ type: 'InvalidInput' });
  });

  test('none begins once the run is being undone, and running trials end once', async () => {
    await start(0);
    await start(1);
    await complete(1, 0.4);
    await test_.registry.runs.beginUndo({ tenant, id: runId });
    await expect(start(2)).rejects.toMatchObject({ type: 'FencedOff' });
    const study = { tenant, runId, study: 'tune', reason: 'the run was undone' };
    expect(await test_.registry.trials.abandon(study)).toBe(1);
    expect(await test_.registry.trials.abandon(study)).toBe(0);
    expect(await complete(0, 0.1)).toMatchObject({
      status: 'failed',
      reason: 'the run was undone',
    });
    expect(await list()).toMatchObject([{ status: 'failed' }, { status: 'complete', value: 0.4 }]);
  });

  const startInLane = (lane: number, number: number, leaves = 31) =>
    test_.registry.trials.startInLane({
      ...ref(number),
      ...{ lane, params: { leaves }, samplerState: { generation: lane } },
    });

  test('a lane has at most one running trial, and two lanes never share a number', async () => {
    expect(await startInLane(0, 0)).toMatchObject({
      ...{ number: 0, lane: 0, status: 'running', samplerState: { generation: 0 } },
    });
    expect(await startInLane(1, 0, 63)).toMatchObject({ number: 0, lane: 0 });
    expect(await startInLane(0, 1)).toMatchObject({ number: 0, lane: 0 });
    expect(await startInLane(1, 1)).toMatchObject({ number: 1, lane: 1 });
    await complete(0, 0.5);
    expect(await startInLane(0, 2)).toMatchObject({ number: 2, lane: 0 });
    expect(await list()).toHaveLength(3);
  });

  test('twenty lanes that start one number at once get the same trial', async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, lane) => startInLane(lane, 0)),
    );
    expect(new Set(answers.map((trial) => trial !== 'paused' && trial.lane)).size).toBe(1);
    expect(await events()).toHaveLength(1);
  });

  test('no trial starts in a lane while the run is paused', async () => {
    await test_.registry.runs.update({ tenant, id: runId, status: 'paused', waitingFor: null });
    expect(await startInLane(0, 0)).toBe('paused');
    expect(await list()).toEqual([]);
  });

  test('belong to the run that has the study, or to no run', async () => {
    const found = await test_.registry.trials.findStudy({ tenant, study: 'tune', runId });
    expect(found).toMatchObject({ runId, tune: null });
    const of = { tenant, study: 'tune' };
    expect(await test_.registry.trials.findStudy({ ...of, runId: 'run_0' as RunId })).toBeNull();
    expect(await test_.registry.trials.findStudy({ ...of, model: 'none', version: 1 })).toBeNull();
  });

  test('belong to a study with the objectives of the revision of its run', async () => {
    const lifecycle = unique('tuned');
    const spec = { ...tunedPlan().spec, name: lifecycle };
    const revision = { lifecycle, digest: toDigest(lifecycle), spec, files: {}, contracts: {} };
    await test_.registry.lifecycles.apply({ tenant, revision, actor: 'key:test' });
    const of = { tenant, study: 'tune', runId: await startRun(test_.registry, lifecycle) };
    const objectives = { metric: 'logloss', direction: 'minimize' };
    expect(await test_.registry.trials.findStudy(of)).toMatchObject({ tune: objectives });
  });

  test('keep the value of each objective', async () => {
    await start(0);
    const end = { status: 'complete', value: 0.4, values: [0.4, 0.9] } as const;
    await test_.registry.trials.end({ ...ref(0), end, tune });
    expect(await list()).toMatchObject([{ value: 0.4, values: [0.4, 0.9] }]);
  });

  test('are read from a number', async () => {
    for (const number of [0, 1, 2]) await start(number);
    const found = await test_.registry.trials.list({ tenant, runId, study: 'tune', from: 1 });
    expect(found.map(({ number }) => number)).toEqual([1, 2]);
  });

  test('are ended only by their number', async () => {
    await expect(complete(7, 0.1)).rejects.toMatchObject({ type: 'NotFound' });
  });
});
