import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type {
  ComputeEngine,
  EngineJob,
  EngineJobState,
  EngineResources,
} from '../../../../activities/training/compute/remote/engine';
import { freePort } from '../../../../infra/ports';
import { startFakeEngine } from '../../../support/engine/fake-engine';
import { pause } from '../../../support/process/product';

export interface EngineUnderTest {
  /** A client of the running engine, as another process would open it. */
  open(): ComputeEngine;
  /** A client that expects the engine at another address. */
  openAt(url: string): ComputeEngine;
  /** What the engine itself says that a job which has not ended was given. */
  given(name: string): Promise<{
    readonly cpus: number;
    readonly memoryBytes: number;
    readonly gpus: number;
  }>;
  close(): Promise<void>;
}

/** Limits that the engine itself enforces. Otherwise the program of the job must. */
export interface EnforcedLimits {
  readonly memory: boolean;
  readonly time: boolean;
  /** The engine removes a job that is cancelled, so that it is unknown when it has ended. */
  readonly removesCancelled?: true;
}

const mebibyte = 2 ** 20;
let jobs = 0;

/** What every engine for jobs promises. The engine runs on this machine. */
export function testComputeEngine(
  name: string,
  enforces: EnforcedLimits,
  start: () => Promise<EngineUnderTest>,
): void {
  describe(`engine ${name}`, () => {
    let given: EngineUnderTest;
    let engine: ComputeEngine;
    let folder: string;
    let timeLimited: EngineJob;

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), 'perennial-engine-'));
      given = await start();
      engine = given.open();
      // A minute is the shortest time limit of some engines, so the other tests run meanwhile.
      timeLimited = job('sleep 300', { resources: { timeoutSeconds: 30 } });
      if (enforces.time) await engine.submit(timeLimited);
    }, 180_000);

    afterAll(async () => {
      // Undefined if the engine did not start.
      await (given as EngineUnderTest | undefined)?.close();
      rmSync(folder, { recursive: true, force: true });
    }, 60_000);

    function job(
      script: string,
      more: {
        readonly args?: readonly string[];
        readonly environment?: Readonly<Record<string, string>>;
        readonly resources?: Partial<EngineResources>;
      } = {},
    ): EngineJob {
      jobs += 1;
      return {
        name: `contract-${process.pid}-${jobs}`,
        command: ['/bin/sh', '-c', script, 'job', ...(more.args ?? [])],
        environment: { FOLDER: folder, ...more.environment },
        resources: { cpus: 1, memoryBytes: 128 * mebibyte, timeoutSeconds: 120, ...more.resources },
      };
    }

    const ended = (of: EngineJob) =>
      until(engine, of.name, (state) => (state.kind === 'ended' ? state : null));
    const running = (of: EngineJob) =>
      until(engine, of.name, (state) => (state.kind === 'running' ? state : null));
    const cancelled = (of: EngineJob) =>
      until(engine, of.name, (state) => {
        if (enforces.removesCancelled) return state.kind === 'unknown' ? state : null;
        return state.kind === 'ended' && state.end === 'cancelled' ? state : null;
      });
    const lines = (file: string) =>
      existsSync(join(folder, file))
        ? readFileSync(join(folder, file), 'utf8').trim().split('\n')
        : [];

    test('is ready and names its free and total resources', async () => {
      const check = await engine.check();
      expect(check).toMatchObject({ ready: true });
      expect(check.detail).toMatch(/\d of \d+ CPUs/);
    });

    test('runs a job to its end and keeps its output', async () => {
      const hello = job('echo hello; echo trouble >&2');
      await engine.submit(hello);
      expect(await ended(hello)).toMatchObject({ end: 'succeeded' });
      expect(await engine.logs(hello.name, 10_000)).toContain('hello\ntrouble\n');
    });

    test('returns the newest part of a long output', async () => {
      const long = job('i=0; while [ $i -lt 2000 ]; do echo "line $i"; i=$((i+1)); done');
      await engine.submit(long);
      await ended(long);
      const logs = await engine.logs(long.name, 1000);
      expect(logs.length).toBeLessThanOrEqual(1000);
      expect(logs.trimEnd().endsWith('line 1999')).toBe(true);
      expect(logs.startsWith('line ')).toBe(true);
    });

    test('passes arguments and variables with all their characters', async () => {
      const odd = ["it's", 'a "b" `c`', '$HOME $(id) \\n', 'two\nlines', '-n', '*', 'ü €', ''];
      const shown = job(
        'printf "<%s>" "$@" > "$FOLDER/arguments"; printf %s "$ODD" > "$FOLDER/odd"',
        {
          args: odd,
          environment: { ODD: odd.join('|') },
        },
      );
      await engine.submit(shown);
      expect(await ended(shown)).toMatchObject({ end: 'succeeded' });
      expect(readFileSync(join(folder, 'arguments'), 'utf8')).toBe(
        odd.map((argument) => `<${argument}>`).join(''),
      );
      expect(readFileSync(join(folder, 'odd'), 'utf8')).toBe(odd.join('|'));
    });

    test('names the exit code of a failed job', async () => {
      const failing = job('echo broken; exit 7');
      await engine.submit(failing);
      const state = await ended(failing);
      expect(state).toMatchObject({ end: 'failed' });
      expect(state.message).toMatch(/\b7\b/);
      expect(await engine.logs(failing.name, 1000)).toContain('broken');
    });

    test('finds the first job when a name is submitted again', async () => {
      const counted = job('echo run >> "$FOLDER/again"; sleep 1');
      await engine.submit(counted);
      await given.open().submit(counted);
      expect(await ended(counted)).toMatchObject({ end: 'succeeded' });
      await given.open().submit(counted);
      await pause(2000);
      expect(await engine.state(counted.name)).toMatchObject({ kind: 'ended', end: 'succeeded' });
      expect(await given.open().state(counted.name)).toMatchObject({ kind: 'ended' });
      expect(lines('again')).toEqual(['run']);
    });

    test('runs one job when several processes submit a name at once', async () => {
      const contended = job('echo run >> "$FOLDER/contended"; sleep 2');
      await Promise.all(Array.from({ length: 5 }, () => given.open().submit(contended)));
      expect(await ended(contended)).toMatchObject({ end: 'succeeded' });
      // A duplicate that was left waiting would start now.
      await pause(3000);
      expect(lines('contended')).toEqual(['run']);
    });

    test('leaves no process of a cancelled job', async () => {
      const stubborn = job(
        'trap "" TERM; sleep 300 & echo $! >> "$FOLDER/pids"; echo $$ >> "$FOLDER/pids"; wait; sleep 300',
      );
      await engine.submit(stubborn);
      await running(stubborn);
      await eventually(() => lines('pids').length === 2);
      await given.open().cancel(stubborn.name);
      await cancelled(stubborn);
      await eventually(() => lines('pids').every((pid) => !existsSync(`/proc/${pid}`)));
      await engine.cancel(stubborn.name);
    });

    test('gives a job the resources that it asked for', async () => {
      const sized = job('sleep 300', {
        resources: { cpus: 2, memoryBytes: 200 * mebibyte, gpus: 1 },
      });
      await engine.submit(sized);
      await running(sized);
      expect(await given.given(sized.name)).toEqual({
        cpus: 2,
        memoryBytes: 200 * mebibyte,
        gpus: 1,
      });
      await engine.cancel(sized.name);
      await cancelled(sized);
    });

    test.each([
      ['memory', { memoryBytes: 2 ** 50 }],
      ['cpus', { cpus: 5000 }],
      ['gpus', { gpus: 500 }],
    ])('refuses a job with more %s than any node has', async (_, resources) => {
      const large = job('true', { resources });
      const refusal = await engine.submit(large).then(
        () => null,
        (error: unknown) => error,
      );
      if (refusal !== null) expect(refusal).toMatchObject({ type: 'InvalidInput' });
      const state = await until(engine, large.name, (now) =>
        now.kind === 'ended' || now.kind === 'unknown' ? now : null,
      );
      if (refusal === null || state.kind === 'ended')
        expect(state).toMatchObject({ kind: 'ended', end: 'refused' });
    });

    test('does not know a job that was never submitted', async () => {
      expect(await engine.state('never-submitted')).toEqual({ kind: 'unknown' });
      expect(await engine.logs('never-submitted', 1000)).toBe('');
      await engine.cancel('never-submitted');
      await engine.forget('never-submitted');
    });

    test('does not remove the record of a running job', async () => {
      const kept = job('sleep 2; echo done');
      await engine.submit(kept);
      await running(kept);
      await engine.forget(kept.name);
      expect(await ended(kept)).toMatchObject({ end: 'succeeded' });
      await engine.forget(kept.name);
      await engine.forget(kept.name);
      expect(await engine.logs(kept.name, 1000)).toBe('');
    });

    test('reports that the engine is unavailable when nothing listens', async () => {
      await expectUnavailable(given.openAt(`http://127.0.0.1:${await freePort()}`), job('true'));
    });

    test.each([
      ['HTML', 200, 'text/html', '<html><body>Sign in</body></html>'],
      ['an error page', 502, 'text/html', '<h1>Bad Gateway</h1>'],
      ['a missing page', 404, 'text/html', '<h1>Not Found</h1>'],
      ['JSON of another service', 200, 'application/json', '{"hello":"world"}'],
      ['nothing', 200, 'application/json', ''],
    ])(
      'reports that the engine is unavailable when it answers %s',
      async (_, status, type, text) => {
        const other = await startFakeEngine(() => ({ status, type, body: text }));
        try {
          await expectUnavailable(given.openAt(other.url), job('true'));
        } finally {
          await other.close();
        }
      },
    );

    test('reports that the engine is unavailable when it does not answer for ten seconds', async () => {
      const silent = await startFakeEngine(() => null);
      try {
        const since = Date.now();
        await expect(given.openAt(silent.url).state('any')).rejects.toMatchObject({
          type: 'BackendUnavailable',
          message: expect.stringContaining('no answer within 10 seconds') as string,
        });
        expect(Date.now() - since).toBeLessThan(15_000);
      } finally {
        await silent.close();
      }
    });

    const testIf = (enforced: boolean) => (enforced ? test : test.skip);

    testIf(enforces.memory)('ends a job that exceeds its memory', async () => {
      const greedy = job('{ head -c 600000000 /dev/zero; sleep 20; } | tail > /dev/null');
      await engine.submit(greedy);
      expect(await ended(greedy)).toMatchObject({ end: 'outOfMemory' });
    });

    testIf(enforces.time)(
      'ends a job that exceeds its time limit',
      async () => {
        expect(
          await until(engine, timeLimited.name, (now) => (now.kind === 'ended' ? now : null), 150),
        ).toMatchObject({ end: 'timeout' });
      },
      180_000,
    );
  });
}

async function expectUnavailable(engine: ComputeEngine, job: EngineJob): Promise<void> {
  for (const call of [
    () => engine.submit(job),
    () => engine.state(job.name),
    () => engine.cancel(job.name),
  ])
    await expect(call()).rejects.toMatchObject({
      type: 'BackendUnavailable',
      next: expect.any(String) as string,
    });
  const check = await engine.check();
  expect(check.ready).toBe(false);
  expect(check.detail.length).toBeGreaterThan(20);
}

/** Resolves with the first answer that is not null. */
export async function until<Answer>(
  engine: ComputeEngine,
  name: string,
  answer: (state: EngineJobState) => Answer | null,
  seconds = 90,
): Promise<Answer> {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const state = await engine.state(name);
    const found = answer(state);
    if (found !== null) return found;
    if (Date.now() > deadline)
      throw new Error(`job ${name} is still ${JSON.stringify(state)} after ${seconds} s`);
    await pause(200);
  }
}

async function eventually(holds: () => boolean, seconds = 30): Promise<void> {
  const deadline = Date.now() + seconds * 1000;
  while (!holds()) {
    if (Date.now() > deadline)
      throw new Error(`does not hold after ${seconds} s: ${String(holds)}`);
    await pause(100);
  }
}
