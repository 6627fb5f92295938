import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FeedbackLogLimits } from '../../../../apps/gateway/config';
import {
  openFeedbackLog,
  type FeedbackLog,
  type ReplayedLabels,
} from '../../../../apps/gateway/feedback/feedback-log';
import type { ReceivedLabel } from '../../../../apps/gateway/feedback/label-recorder';
import { newId } from '../../../../db/ids';
import type { PredictionTask } from '../../../../db/serving/prediction-repository';
import { failure } from '../../../../domain/failure';
import { defaultTenant, type PredictionId, type Tenant } from '../../../../domain/ids';
import { until } from '../../../support/time/until';

let folder: string;
const copies: string[] = [];
const logs: FeedbackLog[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'perennial-feedback-'));
});
afterEach(async () => {
  for (const log of logs.splice(0)) await log.stop();
  for (const path of [folder, ...copies.splice(0)]) rmSync(path, { recursive: true, force: true });
});

const classification: PredictionTask = {
  model: 'flight-delay',
  version: 7,
  task: 'classification',
  classes: null,
};

/** A registry in memory that can be unavailable, hang, or refuse a label. */
function openRegistry() {
  const registry = {
    state: 'back' as 'back' | 'away' | 'hangs',
    /** The stored predictions, by tenant and id. */
    tasks: new Map<string, PredictionTask>(),
    /** Every label that was recorded, in order. */
    recorded: [] as { readonly predictionId: PredictionId; readonly label: unknown }[],
    beforeRecord: (() => undefined) as (label: unknown) => Promise<void> | void,
    predictions: {
      findTasks: ({ tenant, ids }: { tenant: Tenant; ids: readonly PredictionId[] }) =>
        answer(
          () =>
            new Map(
              ids.flatMap((id) => {
                const task = registry.tasks.get(`${tenant}/${id}`);
                return task === undefined ? [] : [[id, task] as const];
              }),
            ),
        ),
    },
    feedback: {
      async record({
        tenant,
        predictionId,
        label,
      }: {
        tenant: Tenant;
        predictionId: PredictionId;
        label: unknown;
      }) {
        await registry.beforeRecord(label);
        return answer(() => {
          const before = registry.recorded.findLast((each) => each.predictionId === predictionId);
          registry.recorded.push({ predictionId, label });
          return {
            joined: registry.tasks.has(`${tenant}/${predictionId}`),
            contradicts: before !== undefined && before.label !== label,
          };
        });
      },
    },
  };
  function answer<T>(work: () => T): Promise<T> {
    if (registry.state === 'hangs') return new Promise(() => undefined);
    return registry.state === 'away'
      ? Promise.reject(failure('DatabaseUnavailable', 'PostgreSQL cannot be reached'))
      : Promise.resolve().then(work);
  }
  return registry;
}

type Registry = ReturnType<typeof openRegistry>;

async function open(
  registry: Registry,
  limits: Partial<FeedbackLogLimits> = {},
  { predictionsWait = (): boolean => false, path = folder, timeoutMs = 2_000 } = {},
) {
  const replayed: ReplayedLabels[] = [];
  const states: string[] = [];
  const errors: string[] = [];
  const log = await openFeedbackLog({
    feedback: registry.feedback,
    predictions: registry.predictions,
    folder: path,
    orphanSeconds: 20,
    limits: {
      batchLabels: 4,
      segmentBytes: 1024 * 1024,
      maxBytes: 1024 * 1024,
      retryEveryMs: 5,
      maxHoldMs: 60_000,
      maxFaultMs: 60_000,
      ...limits,
    },
    timeoutMs,
    predictionsWait,
    onRecorded: () => undefined,
    onStored: () => undefined,
    onReplayed: (labels) => replayed.push(labels),
    onState: (state) => states.push(state),
    onError: (what) => errors.push(what),
  });
  logs.push(log);
  return { log, replayed, states, errors };
}

function label(
  value: ReceivedLabel['label'],
  {
    predictionId = newId('pred') as PredictionId,
    tenant = defaultTenant,
    receivedAt = new Date().toISOString(),
  }: Partial<ReceivedLabel> = {},
): ReceivedLabel {
  return { tenant, predictionId, label: value, labelledAt: receivedAt, receivedAt };
}

const range = (until: number): number[] => Array.from({ length: until }, (_, index) => index);
const values = ({ recorded }: Registry) => recorded.map((each) => each.label);
const send = (log: FeedbackLog, ...labels: ReceivedLabel[]) => log.add({ labels, isList: true });
const totals = (replayed: readonly ReplayedLabels[]) => ({
  joined: replayed.reduce((sum, { joined }) => sum + joined, 0),
  waiting: replayed.reduce((sum, { waiting }) => sum + waiting, 0),
  unknown: replayed.reduce((sum, { unknown }) => sum + unknown, 0),
  refused: replayed.reduce((sum, { refused }) => sum + refused.length, 0),
});
const linesOnDisk = (path = folder): number =>
  readdirSync(path, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ndjson'))
    .flatMap((name) => readFileSync(join(path, name), 'utf8').trim().split('\n')).length;

/** What a process that is killed now leaves on disk; its last sign of life is a minute old. */
function killed(): string {
  const copy = mkdtempSync(join(tmpdir(), 'perennial-feedback-killed-'));
  copies.push(copy);
  cpSync(folder, copy, { recursive: true });
  const minuteAgo = new Date(Date.now() - 60_000);
  for (const name of readdirSync(copy)) {
    utimesSync(join(copy, name, 'alive'), minuteAgo, minuteAgo);
    utimesSync(join(copy, name), minuteAgo, minuteAgo);
  }
  return copy;
}

test('with the registry, labels are recorded at once and nothing is on disk', async () => {
  const registry = openRegistry();
  const { log } = await open(registry);
  const early = label(1);
  const stored = label(0);
  registry.tasks.set(`${defaultTenant}/${stored.predictionId}`, classification);
  expect(await send(log, early, stored)).toEqual({
    accepted: 2,
    joined: 1,
    waiting: 1,
    stored: 0,
    unknown: 0,
    contradictory: 0,
  });
  expect(log.bytes()).toBe(0);
});

test('labels that differ from an earlier one of their prediction are counted', async () => {
  const registry = openRegistry();
  const { log, replayed } = await open(registry);
  const first = label(0);
  const other = { ...first, label: 1 };
  expect(await send(log, first)).toMatchObject({ waiting: 1, contradictory: 0 });
  // The second of them agrees with the one before it.
  expect(await send(log, other, other)).toMatchObject({ waiting: 2, contradictory: 1 });
  registry.state = 'away';
  expect(await send(log, first)).toMatchObject({ stored: 1, contradictory: 0 });
  registry.state = 'back';
  await until(() => log.bytes() === 0);
  expect(replayed).toMatchObject([{ waiting: 1, contradictory: 1 }]);
});

test('without the registry, labels are on disk before they are accepted, and recorded once in order', async () => {
  const registry = openRegistry();
  const { log, replayed, states } = await open(registry);
  registry.state = 'away';
  for (const number of range(10)) {
    expect(await send(log, label(number))).toEqual({
      accepted: 1,
      joined: 0,
      waiting: 0,
      stored: 1,
      unknown: 0,
      contradictory: 0,
    });
    expect(linesOnDisk()).toBe(number + 1);
  }
  expect(registry.recorded).toEqual([]);
  registry.state = 'back';
  await until(() => log.bytes() === 0);
  expect(values(registry)).toEqual(range(10));
  expect(totals(replayed)).toEqual({ joined: 0, waiting: 10, unknown: 0, refused: 0 });
  expect(states).toEqual(['away', 'back']);
  expect(await send(log, label(10))).toMatchObject({ waiting: 1, stored: 0 });
});

test('requests at the same time share a write, and each is accepted', async () => {
  const registry = openRegistry();
  registry.state = 'away';
  const { log } = await open(registry, { retryEveryMs: 60_000 });
  const answers = await Promise.all(range(200).map((number) => send(log, label(number))));
  expect(answers.every(({ stored }) => stored === 1)).toBe(true);
  expect(linesOnDisk()).toBe(200);
});

test('a registry that hangs counts as not available', async () => {
  const registry = openRegistry();
  registry.state = 'hangs';
  const { log } = await open(registry, {}, { timeoutMs: 20 });
  expect(await send(log, label(1))).toMatchObject({ stored: 1 });
  registry.state = 'back';
  await until(() => values(registry).length === 1);
});

test('a later label of a prediction does not overtake one on disk', async () => {
  const registry = openRegistry();
  const { log } = await open(registry);
  registry.state = 'away';
  const first = label(1);
  await send(log, first);
  let release: () => void = () => undefined;
  const released = new Promise<void>((resolve) => (release = resolve));
  registry.beforeRecord = (value) => (value === 1 ? released : undefined);
  registry.state = 'back';
  await new Promise((pause) => setTimeout(pause, 30));
  expect(await send(log, label(2, first))).toMatchObject({ stored: 1 });
  expect(registry.recorded).toEqual([]);
  release();
  await until(() => log.bytes() === 0);
  expect(values(registry)).toEqual([1, 2]);
});

test('labels of one prediction in one request are recorded in their order', async () => {
  const registry = openRegistry();
  const { log } = await open(registry);
  registry.beforeRecord = (value) =>
    value === 1 ? new Promise((pause) => setTimeout(pause, 20)) : undefined;
  const first = label(1);
  await send(log, first, label(5), label(2, first));
  expect(values(registry)).toEqual([5, 1, 2]);
});

describe('after kill -9', () => {
  test('another process records the labels on disk', async () => {
    const registry = openRegistry();
    registry.state = 'away';
    const { log } = await open(registry);
    for (const number of range(10)) await send(log, label(number));
    const left = killed();

    const next = openRegistry();
    const { log: taker, replayed } = await open(next, {}, { path: left });
    expect(await taker.tend()).toBeGreaterThan(0);
    await until(() => taker.bytes() === 0);
    expect(values(next)).toEqual(range(10));
    expect(totals(replayed)).toEqual({ joined: 0, waiting: 10, unknown: 0, refused: 0 });
    expect(await taker.tend()).toBe(0);
  });

  test('while labels from disk are recorded, another process records all of them', async () => {
    const registry = openRegistry();
    registry.state = 'away';
    const { log } = await open(registry, {}, { timeoutMs: 50 });
    for (const number of range(10)) await send(log, label(number));
    registry.beforeRecord = (value) => {
      if (value === 6) registry.state = 'hangs';
    };
    registry.state = 'back';
    await until(() => registry.state === 'hangs');
    const left = killed();

    const next = openRegistry();
    const { log: taker } = await open(next, {}, { path: left });
    await taker.tend();
    await until(() => taker.bytes() === 0);
    expect([...new Set([...values(registry), ...values(next)])]).toEqual(range(10));
    // The segment that was interrupted is recorded again from its start.
    expect(values(next)).toEqual(range(10).slice(-values(next).length));
    expect(values(next).length).toBeGreaterThanOrEqual(4);
  });
});

describe('labels from disk', () => {
  test('that do not fit their prediction are refused and reported, and the others recorded', async () => {
    const registry = openRegistry();
    registry.state = 'away';
    const { log, replayed } = await open(registry);
    const wrong = label(7);
    const right = label(true);
    for (const { predictionId } of [wrong, right])
      registry.tasks.set(`${defaultTenant}/${predictionId}`, classification);
    await send(log, wrong, right);
    registry.state = 'back';
    await until(() => log.bytes() === 0);
    expect(values(registry)).toEqual([true]);
    expect(replayed).toEqual([
      {
        joined: 1,
        waiting: 0,
        unknown: 0,
        contradictory: 0,
        refused: [
          {
            label: wrong,
            reason: `${wrong.predictionId} is a prediction of flight-delay@7: the label of a binary classification must be true, false, 1 or 0`,
          },
        ],
      },
    ]);
  });

  test('that PostgreSQL cannot store are refused and do not block the others', async () => {
    const registry = openRegistry();
    registry.state = 'away';
    const { log, replayed } = await open(registry);
    await send(log, ...range(5).map((number) => label(number)));
    registry.beforeRecord = (value) => {
      if (value === 3)
        throw Object.assign(new Error('unsupported Unicode escape sequence'), { code: '22P05' });
    };
    registry.state = 'back';
    await until(() => log.bytes() === 0);
    expect(values(registry)).toEqual([0, 1, 2, 4]);
    expect(replayed[0]).toMatchObject({
      waiting: 4,
      refused: [{ label: { label: 3 }, reason: 'unsupported Unicode escape sequence' }],
    });
  });

  test('are set aside after a long fault of the program, and their file stays', async () => {
    const registry = openRegistry();
    registry.state = 'away';
    const faulty = await open(registry, { maxFaultMs: 50 });
    await send(faulty.log, label(0), label(1));
    registry.beforeRecord = (value) => {
      if (value === 1) throw new TypeError('value is undefined');
    };
    registry.state = 'back';
    await until(() => faulty.errors.some((what) => what.includes('set aside')));
    expect(linesOnDisk()).toBe(2);
    expect(await send(faulty.log, label(2))).toMatchObject({ waiting: 1, stored: 0 });
    // Another process tries again, and an outage is no fault.
    const next = openRegistry();
    next.state = 'away';
    const { log, errors } = await open(next, { maxFaultMs: 0 }, { path: killed() });
    expect(await log.tend()).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 100));
    next.state = 'back';
    await until(() => log.bytes() === 0);
    expect(values(next)).toEqual([0, 1]);
    expect(errors).toEqual([]);
  });

  test('wait for their prediction if it was less than a day old when they were received', async () => {
    const registry = openRegistry();
    registry.state = 'away';
    const { log, replayed } = await open(registry);
    const hours = (count: number) => new Date(Date.now() + count * 3_600_000).toISOString();
    await send(
      log,
      label(1, { receivedAt: hours(23) }),
      label(2, { receivedAt: hours(25) }),
      label(3, { receivedAt: hours(0) }),
    );
    registry.state = 'back';
    await until(() => log.bytes() === 0);
    expect(values(registry)).toEqual([1, 3]);
    expect(replayed).toEqual([
      { joined: 0, waiting: 2, unknown: 1, contradictory: 0, refused: [] },
    ]);
  });

  test('are checked against predictions of their own tenant', async () => {
    const registry = openRegistry();
    registry.state = 'away';
    const { log, replayed } = await open(registry);
    const other = label(7, { tenant: 'other' as Tenant });
    registry.tasks.set(`${defaultTenant}/${other.predictionId}`, classification);
    await send(log, other, label(1));
    registry.state = 'back';
    await until(() => log.bytes() === 0);
    expect(replayed).toEqual([
      { joined: 0, waiting: 2, unknown: 0, contradictory: 0, refused: [] },
    ]);
  });

  test('wait for the predictions on disk, so that they can be checked', async () => {
    const registry = openRegistry();
    let wait = true;
    registry.state = 'away';
    const { log, replayed } = await open(registry, {}, { predictionsWait: () => wait });
    const wrong = label('x' as never);
    await send(log, wrong);
    registry.state = 'back';
    await new Promise((pause) => setTimeout(pause, 50));
    expect(registry.recorded).toEqual([]);
    registry.tasks.set(`${defaultTenant}/${wrong.predictionId}`, classification);
    wait = false;
    await until(() => log.bytes() === 0);
    expect(replayed[0]?.refused).toHaveLength(1);
  });

  test('do not wait for ever for predictions on disk', async () => {
    const registry = openRegistry();
    registry.state = 'away';
    const { log } = await open(registry, { maxHoldMs: 50 }, { predictionsWait: () => true });
    await send(log, label(1));
    registry.state = 'back';
    await until(() => values(registry).length === 1);
  });
});

describe('a disk that is full', () => {
  test('refuses new labels and keeps those that were accepted', async () => {
    const registry = openRegistry();
    registry.state = 'away';
    const { log } = await open(registry, { maxBytes: 1_000 });
    let accepted = 0;
    const refusal = await (async () => {
      for (;;) {
        await send(log, label(accepted));
        accepted += 1;
      }
    })().catch((error: unknown) => error);
    expect(refusal).toMatchObject({ type: 'DatabaseUnavailable', next: 'send it again' });
    expect(accepted).toBeGreaterThan(2);
    expect(log.bytes()).toBeLessThanOrEqual(1_000);
    expect(log.fails()).toBe(true);
    registry.state = 'back';
    await until(() => log.bytes() === 0);
    expect(values(registry)).toEqual(range(accepted));
    await send(log, label(accepted));
    expect(log.fails()).toBe(false);
  });
});

test('a request with a label that does not fit is refused as a whole, and each place is named', async () => {
  const registry = openRegistry();
  const { log } = await open(registry);
  const wrong = label(7);
  registry.tasks.set(`${defaultTenant}/${wrong.predictionId}`, classification);
  await expect(send(log, label(1), wrong)).rejects.toMatchObject({
    type: 'InvalidInput',
    issues: [{ pointer: '/1/label' }],
  });
  await expect(log.add({ labels: [wrong], isList: false })).rejects.toMatchObject({
    issues: [{ pointer: '/label' }],
  });
  expect(registry.recorded).toEqual([]);
});
