import fs, {
  cpSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
  appendFileSync,
} from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gatewayDefaults, type PredictionLogLimits } from '../../../../apps/gateway/config';
import { openJournal } from '../../../../apps/gateway/prediction-log/journal';
import {
  startPredictionLog,
  type PredictionLog,
} from '../../../../apps/gateway/prediction-log/prediction-log';
import {
  openSpill,
  type SpillSegment,
  type Spill,
} from '../../../../apps/gateway/prediction-log/spill';
import type { PredictionRow } from '../../../../db/serving/prediction-records';
import { failure } from '../../../../domain/failure';
import { defaultTenant, type PredictionId } from '../../../../domain/ids';
import { fakeRegistry, type FakeRegistry } from '../fakes';
import { until } from '../../../support/time/until';

let folder: string;
let journalFolder: string;
const stops: (() => Promise<void>)[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'perennial-spill-'));
  journalFolder = mkdtempSync(join(tmpdir(), 'perennial-journal-'));
});
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
  rmSync(folder, { recursive: true, force: true });
  rmSync(journalFolder, { recursive: true, force: true });
});

function row(number: number, input: unknown = { distance: number }): PredictionRow {
  return {
    tenant: defaultTenant,
    id: `pred_${String(number).padStart(26, '0')}` as PredictionId,
    receivedAt: '2013-07-01T09:00:00.000Z',
    model: 'flight-delay',
    version: 1,
    arm: 'champion',
    entity: null,
    eventTime: null,
    input,
    output: { score: 0.5 },
    latencyMs: 1,
    rollout: null,
    other: null,
  };
}

/** In its own folder, so that the tests see only the segments of the spill. */
function openOwnJournal(folder: string) {
  return openJournal<PredictionRow>({
    folder,
    segmentBytes: 10_000,
    orphanSeconds: 20,
    onError: () => undefined,
  });
}

function numbers(rows: readonly PredictionRow[]): number[] {
  return rows.map(({ id }) => Number(id.slice(5)));
}

function numbersIn(segment: SpillSegment<PredictionRow> | null): number[] {
  return segment === null ? [] : numbers([...segment.batches(2)].flat());
}

const range = (from: number, until: number): number[] =>
  Array.from({ length: until - from }, (_, index) => from + index);

async function spillIn(
  changes: Partial<Parameters<typeof openSpill>[0]> = {},
): Promise<{ spill: Spill<PredictionRow>; lost: [number, string][] }> {
  const lost: [number, string][] = [];
  const spill = await openSpill<PredictionRow>({
    folder,
    segmentBytes: 1024 * 1024,
    maxBytes: 64 * 1024 * 1024,
    orphanSeconds: 20,
    onLost: (rows, reason) => lost.push([rows, reason]),
    ...changes,
  });
  return { spill, lost };
}

describe('spill', () => {
  test('a write that fails leaves no file that another process would take over', async () => {
    const { spill } = await spillIn();
    const probe = await open(join(folder, 'probe'), 'w');
    const handles = Object.getPrototypeOf(probe) as FileHandle;
    await probe.close();
    const full = Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
    const failing = jest.spyOn(handles, 'datasync').mockRejectedValueOnce(full);
    await expect(spill.append([row(1)])).rejects.toThrow('no space left');
    failing.mockRestore();
    expect(readdirSync(spill.folder)).toEqual(['alive']);
    await spill.append([row(2)]);
    expect(numbersIn(await spill.oldest())).toEqual([2]);
  });

  test('returns rows in order from several segments until they are removed', async () => {
    const { spill } = await spillIn({ segmentBytes: 500 });
    for (const number of range(0, 6)) await spill.append([row(number)]);
    expect(spill.bytes()).toBeGreaterThan(1000);
    const seen: number[] = [];
    for (let segment = await spill.oldest(); segment !== null; segment = await spill.oldest()) {
      seen.push(...numbersIn(segment));
      await segment.remove();
    }
    expect(seen).toEqual(range(0, 6));
    expect(spill.isEmpty()).toBe(true);
    expect(spill.bytes()).toBe(0);
  });

  test('a segment that is being read gets no further rows', async () => {
    const { spill } = await spillIn();
    await spill.append([row(1)]);
    const first = await spill.oldest();
    await spill.append([row(2)]);
    await first?.remove();
    expect(numbersIn(await spill.oldest())).toEqual([2]);
  });

  test('drops the oldest rows at its disk limit and counts them', async () => {
    const { spill, lost } = await spillIn({ segmentBytes: 1, maxBytes: 700 });
    for (const number of range(0, 5)) await spill.append([row(number)]);
    expect(lost.map(([, reason]) => reason)).toEqual(lost.map(() => 'full'));
    expect(lost.length).toBeGreaterThan(1);
    expect(numbersIn(await spill.oldest())).toEqual([lost.length]);
  });

  test('a line that a crash cut off is counted and does not hide others', async () => {
    const { spill, lost } = await spillIn();
    await spill.append([row(1)]);
    const [own = ''] = readdirSync(folder);
    const [segment = ''] = readdirSync(join(folder, own)).filter((name) =>
      name.endsWith('.ndjson'),
    );
    appendFileSync(join(folder, own, segment), '{"tenant":"def');
    await spill.append([row(2)]);
    expect(numbersIn(await spill.oldest())).toEqual([1, 2]);
    appendFileSync(join(folder, own, segment), '{"tenant":"def');
    expect(numbersIn(await spill.oldest())).toEqual([1, 2]);
    expect(lost).toEqual([[1, 'torn']]);
  });

  test('takes over rows of dead processes, not of live ones', async () => {
    const dead = (await spillIn()).spill;
    await dead.append([row(1)]);
    const [deadFolder = ''] = readdirSync(folder);
    const { spill } = await spillIn();
    await spill.append([row(2)]);
    expect(await spill.tend()).toBe(0);
    const longAgo = new Date(Date.now() - 60_000);
    utimesSync(join(folder, deadFolder, 'alive'), longAgo, longAgo);
    expect(await spill.tend()).toBe(1);
    expect(readdirSync(folder)).toHaveLength(1);
    const first = await spill.oldest();
    expect(numbersIn(first)).toEqual([1]);
    await first?.remove();
    expect(numbersIn(await spill.oldest())).toEqual([2]);
    // The process that was considered dead continues in a new segment.
    await dead.append([row(3)]);
    expect(numbersIn(await dead.oldest())).toEqual([3]);
  });

  test('takes over a process twice and loses no rows', async () => {
    const dead = (await spillIn()).spill;
    await dead.append([row(1)]);
    const [deadFolder = ''] = readdirSync(folder);
    const { spill } = await spillIn();
    const takeOver = async (): Promise<void> => {
      const longAgo = new Date(Date.now() - 60_000);
      utimesSync(join(folder, deadFolder, 'alive'), longAgo, longAgo);
      expect(await spill.tend()).toBe(1);
    };
    await takeOver();
    // It was only paused, and dies now.
    await dead.append([row(2)]);
    await dead.tend();
    await takeOver();
    const first = await spill.oldest();
    expect(numbersIn(first)).toEqual([1]);
    await first?.remove();
    expect(numbersIn(await spill.oldest())).toEqual([2]);
  });

  test('refuses new rows beyond its limit, if told to, and keeps the old ones', async () => {
    const { spill, lost } = await spillIn({ segmentBytes: 1, maxBytes: 700, whenFull: 'refuse' });
    await spill.append([row(0)]);
    await spill.append([row(1)]);
    await expect(spill.append([row(2)])).rejects.toMatchObject({ type: 'StorageUnavailable' });
    expect(lost).toEqual([]);
    const first = await spill.oldest();
    expect(numbersIn(first)).toEqual([0]);
    await first?.remove();
    await spill.append([row(3)]);
    expect(numbersIn(await spill.oldest())).toEqual([1]);
  });

  test('is readable only by its owner', async () => {
    const { spill } = await spillIn();
    await spill.append([row(1)]);
    const [own = ''] = readdirSync(folder);
    expect(statSync(join(folder, own)).mode & 0o077).toBe(0);
    for (const name of readdirSync(join(folder, own)))
      expect(statSync(join(folder, own, name)).mode & 0o077).toBe(0);
  });
});

interface Running {
  readonly log: PredictionLog;
  readonly registry: FakeRegistry;
  readonly spill: Spill<PredictionRow>;
  readonly lost: [number, string][];
  readonly states: string[];
}

async function running(
  limits: Partial<PredictionLogLimits> = {},
  spillChanges: Partial<Parameters<typeof openSpill>[0]> = {},
  {
    journalIn = () => journalFolder,
    registry = fakeRegistry(),
  }: {
    readonly journalIn?: (spill: Spill<PredictionRow>) => string;
    readonly registry?: FakeRegistry;
  } = {},
): Promise<Running> {
  const { spill } = await spillIn(spillChanges);
  const lost: [number, string][] = [];
  const states: string[] = [];
  const log = startPredictionLog({
    predictions: registry.predictions,
    spill,
    journal: openOwnJournal(journalIn(spill)),
    limits: {
      ...gatewayDefaults.log,
      flushEveryMs: 5,
      batchRows: 10,
      retryEveryMs: 20,
      insertTimeoutMs: 200,
      ...limits,
    },
    onWritten: () => undefined,
    onSpilled: () => undefined,
    onLost: (rows, reason) => lost.push([rows, reason]),
    onState: (state) => states.push(state),
    onDiskError: () => undefined,
    onError: () => undefined,
  });
  stops.push(() => log.stop());
  return { log, registry, spill, lost, states };
}

/** A file in place of the folder, because permissions do not stop root. */
function breakDisk(): void {
  const [own = ''] = readdirSync(folder);
  rmSync(join(folder, own), { recursive: true });
  writeFileSync(join(folder, own), '');
}

describe('a row that waits for the score of another version', () => {
  const other = { version: 2, role: 'shadow', score: 0.7, error: null, latencyMs: 1 } as const;

  /** A gateway that is killed: it does nothing more, and its files stay. */
  async function killed(): Promise<Running> {
    const gateway = await running(
      { flushEveryMs: 60_000 },
      {},
      { journalIn: ({ folder: own }) => own },
    );
    gateway.registry.away = true;
    return gateway;
  }

  /** What the next gateway stores. */
  async function takenOver(): Promise<readonly PredictionRow[]> {
    await new Promise((passed) => setTimeout(passed, 50));
    const { spill, registry } = await running({}, { orphanSeconds: 0.02 });
    expect(await spill.tend()).toBeGreaterThan(0);
    await until(() => spill.isEmpty());
    return registry.inserted;
  }

  test('is stored without it by another gateway after a kill', async () => {
    const { log } = await killed();
    log.hold([row(1)]);
    log.add(row(2));
    expect(await takenOver()).toEqual(
      expect.arrayContaining([expect.objectContaining(row(1)), row(2)]),
    );
  });

  test('is stored once and complete if the score came before the kill', async () => {
    const { log } = await killed();
    const complete = log.hold([row(1)]);
    await new Promise((passed) => setTimeout(passed, 5));
    complete([{ ...row(1), other }]);
    await new Promise((passed) => setTimeout(passed, 5));
    expect(await takenOver()).toEqual([{ ...row(1), other }]);
  });

  test('is written with the others of its request at once', async () => {
    const { log } = await running();
    const complete = log.hold(range(0, 500).map((number) => row(number)));
    await new Promise((passed) => setTimeout(passed, 5));
    const writes = jest.spyOn(fs, 'writeSync');
    complete(range(0, 500).map((number) => ({ ...row(number), other })));
    await new Promise((passed) => setTimeout(passed, 5));
    expect(writes).toHaveBeenCalled();
    expect(writes.mock.calls.length).toBeLessThan(5);
    writes.mockRestore();
  });

  test('takes no place on disk once it is stored', async () => {
    const { log, registry, spill } = await running({}, {}, { journalIn: ({ folder: own }) => own });
    const complete = log.hold([row(1)]);
    await new Promise((passed) => setTimeout(passed, 5));
    expect(bytesIn(spill.folder)).toBeGreaterThan(100);
    complete([{ ...row(1), other }]);
    await until(() => registry.inserted.length === 1 && bytesIn(spill.folder) === 0);
    expect(registry.inserted).toEqual([{ ...row(1), other }]);
  });
});

function bytesIn(path: string): number {
  return readdirSync(path).reduce((sum, name) => sum + statSync(join(path, name)).size, 0);
}

describe('prediction log', () => {
  test('writes in order without the disk while the registry is available', async () => {
    const { log, registry, spill } = await running();
    for (const number of range(0, 25)) log.add(row(number));
    await until(() => registry.inserted.length === 25);
    expect(numbers(registry.inserted)).toEqual(range(0, 25));
    expect(spill.isEmpty()).toBe(true);
  });

  test('keeps rows on disk while the registry is not available, and stores them in order later', async () => {
    const { log, registry, spill, states, lost } = await running();
    registry.away = true;
    for (const number of range(0, 30)) log.add(row(number));
    await until(() => log.pending() === 0 && !spill.isEmpty());
    for (const number of range(30, 60)) log.add(row(number));
    await until(() => log.pending() === 0);
    expect(registry.inserted).toEqual([]);
    registry.away = false;
    await until(() => registry.inserted.length === 60 && spill.isEmpty());
    expect(numbers(registry.inserted)).toEqual(range(0, 60));
    log.add(row(60));
    await until(() => registry.inserted.length === 61);
    expect(states).toEqual(['away', 'back']);
    expect(lost).toEqual([]);
  });

  test('a registry that hangs counts as not available', async () => {
    const { log, registry, spill } = await running({ insertTimeoutMs: 20 });
    const insert = registry.predictions.insert.bind(registry.predictions);
    Object.assign(registry.predictions, { insert: () => new Promise(() => undefined) });
    log.add(row(1));
    await until(() => !spill.isEmpty());
    Object.assign(registry.predictions, { insert });
    await until(() => registry.inserted.length === 1 && spill.isEmpty());
  });

  /** Refuses batches with an invalid row, like PostgreSQL. */
  function poison(registry: FakeRegistry, delayMs = 0): void {
    const insert = registry.predictions.insert.bind(registry.predictions);
    const cause = Object.assign(new Error('unsupported Unicode escape sequence'), {
      code: '22P05',
    });
    Object.assign(registry.predictions, {
      async insert(rows: readonly PredictionRow[]) {
        if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
        if (rows.some(({ input }) => input === 'poison'))
          throw failure('InvalidInput', 'a value cannot be stored', { cause });
        return insert(rows);
      },
    });
  }

  test('a row that PostgreSQL cannot store is dropped alone', async () => {
    const { log, registry, lost } = await running();
    poison(registry);
    for (const number of range(0, 9)) log.add(row(number, number === 4 ? 'poison' : undefined));
    await until(() => registry.inserted.length === 8 && lost.length === 1);
    expect(numbers(registry.inserted).sort()).toEqual([0, 1, 2, 3, 5, 6, 7, 8]);
    expect(lost).toEqual([[1, 'refused']]);
  });

  test('rows that PostgreSQL cannot store delay no others', async () => {
    const { log, registry, lost } = await running();
    poison(registry, 5);
    for (const number of range(0, 200)) log.add(row(number, 'poison'));
    for (const number of range(200, 240)) log.add(row(number));
    await until(() => registry.inserted.length === 40);
    expect(lost.length).toBeLessThan(100);
    await until(() => lost.length === 200);
    expect(numbers(registry.inserted)).toEqual(range(200, 240));
  });

  test('other rows of the batch survive an outage and a stop', async () => {
    const { log, registry, lost, spill } = await running({ flushEveryMs: 10_000, batchRows: 8 });
    poison(registry, 5);
    for (const number of range(0, 8)) log.add(row(number, number === 4 ? 'poison' : undefined));
    await new Promise((resolve) => setTimeout(resolve, 8));
    registry.away = true;
    await log.stop();
    const kept = [...numbers(registry.inserted), ...numbersIn(await spill.oldest())];
    expect(kept.filter((number) => number !== 4).sort()).toEqual([0, 1, 2, 3, 5, 6, 7]);
    expect(lost.length).toBeLessThanOrEqual(1);
  });

  /** Holds every insert of these rows after their first refusal, until it is released. */
  function holdHalves(registry: FakeRegistry, held: (number: number) => boolean) {
    const insert = registry.predictions.insert.bind(registry.predictions);
    let release: () => void = () => undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    let refusals = 0;
    Object.assign(registry.predictions, {
      async insert(rows: readonly PredictionRow[]) {
        if (refusals > 0 && numbers(rows).some(held)) await released;
        return insert(rows).catch((error: unknown) => {
          refusals += 1;
          throw error;
        });
      },
    });
    return { release, refusals: () => refusals };
  }

  function segmentFiles(): string[] {
    return (readdirSync(folder, { recursive: true }) as string[]).filter((name) =>
      name.endsWith('.ndjson'),
    );
  }

  test('a segment stays on disk until each of its rows is stored or dropped', async () => {
    const { log, registry, lost, spill } = await running({ insertTimeoutMs: 60_000 });
    registry.away = true;
    for (const number of range(0, 8)) log.add(row(number, number === 4 ? 'poison' : undefined));
    await until(() => log.pending() === 0 && !spill.isEmpty());
    poison(registry);
    const { release } = holdHalves(registry, (number) => number < 8);
    registry.away = false;
    await until(() => spill.isEmpty());
    // Later rows do not wait for the halves.
    log.add(row(8));
    await until(() => registry.inserted.length === 1);
    expect(numbers(registry.inserted)).toEqual([8]);

    // What another process finds after a kill at this moment.
    const copy = mkdtempSync(join(tmpdir(), 'perennial-spill-'));
    cpSync(folder, copy, { recursive: true });
    const longAgo = new Date(Date.now() - 60_000);
    for (const name of readdirSync(copy)) utimesSync(join(copy, name, 'alive'), longAgo, longAgo);
    const next = await running({}, { folder: copy });
    poison(next.registry);
    await next.spill.tend();
    await until(() => next.registry.inserted.length === 7 && next.lost.length === 1);
    expect(numbers(next.registry.inserted).sort()).toEqual([0, 1, 2, 3, 5, 6, 7]);
    await next.log.stop();
    rmSync(copy, { recursive: true });

    release();
    await until(() => registry.inserted.length === 8 && lost.length === 1);
    await until(() => segmentFiles().length === 0);
  });

  test('stopping leaves a segment whose refused rows are not yet sorted to another process', async () => {
    const { log, registry, spill } = await running({ batchRows: 8 });
    registry.away = true;
    for (const number of range(0, 8)) log.add(row(number, number === 4 ? 'poison' : undefined));
    await until(() => log.pending() === 0 && !spill.isEmpty());
    poison(registry, 20);
    const { refusals } = holdHalves(registry, () => false);
    registry.away = false;
    await until(() => refusals() > 0);
    registry.away = true;
    await log.stop();
    expect(segmentFiles()).toHaveLength(1);
  });

  test('more rows than the registry accepts at once go through the disk', async () => {
    const { log, registry, lost } = await running({ maxPendingRows: 100, insertTimeoutMs: 60_000 });
    const insert = registry.predictions.insert.bind(registry.predictions);
    let release: () => void = () => undefined;
    const slow = new Promise<void>((resolve) => (release = resolve));
    Object.assign(registry.predictions, {
      insert: (rows: readonly PredictionRow[]) => slow.then(() => insert(rows)),
    });
    for (const number of range(0, 300)) {
      log.add(row(number));
      // Half of the memory is free again before more rows arrive, however slow the disk is.
      if (number % 50 === 49) await until(() => log.pending() <= 50);
    }
    release();
    await until(() => registry.inserted.length === 300);
    expect(lost).toEqual([]);
  });

  test('memory is limited when the disk fails, too: the oldest rows are dropped and counted', async () => {
    const { log, registry, lost } = await running({
      maxPendingRows: 100,
      flushEveryMs: 10_000,
      batchRows: 1_000,
    });
    breakDisk();
    for (const number of range(0, 90)) log.add(row(number));
    await new Promise((resolve) => setTimeout(resolve, 50));
    for (const number of range(90, 101)) log.add(row(number));
    await new Promise((resolve) => setTimeout(resolve, 50));
    for (const number of range(101, 110)) log.add(row(number));
    expect(lost).toEqual([[10, 'memory']]);
    await log.stop();
    expect(registry.inserted).toHaveLength(100);
  });

  test('stopping writes all rows to the registry, or to disk when it is not available', async () => {
    const there = await running({ flushEveryMs: 10_000 });
    for (const number of range(0, 5)) there.log.add(row(number));
    await there.log.stop();
    expect(there.registry.inserted).toHaveLength(5);

    const away = await running({ flushEveryMs: 10_000 });
    away.registry.away = true;
    for (const number of range(0, 5)) away.log.add(row(number));
    await away.log.stop();
    expect(away.log.pending()).toBe(0);
    expect(numbersIn(await away.spill.oldest())).toEqual(range(0, 5));
  });

  test('rows wait in memory while the disk fails', async () => {
    const { log, registry, lost } = await running();
    breakDisk();
    registry.away = true;
    for (const number of range(0, 12)) log.add(row(number));
    await new Promise((resolve) => setTimeout(resolve, 60));
    await until(() => log.pending() === 12);
    expect(log.spillFails()).toBe(true);
    registry.away = false;
    await until(() => registry.inserted.length === 12);
    expect(numbers(registry.inserted)).toEqual(range(0, 12));
    expect(lost).toEqual([]);
    await until(() => !log.spillFails());
    expect(log.spillFails()).toBe(false);
  });

  test('a journal that fails is shown until its folder can be written', async () => {
    const { log, registry } = await running();
    rmSync(journalFolder, { recursive: true });
    writeFileSync(journalFolder, '');
    for (const number of range(0, 3)) log.add(row(number));
    await until(() => registry.inserted.length === 3);
    expect(log.journalFails()).toBe(true);
    expect(log.spillFails()).toBe(false);
    rmSync(journalFolder);
    await until(() => !log.journalFails());
    expect(log.journalFails()).toBe(false);
  });
});
