/**
 * The complete `npm start -- --once --json`: three runs of the sample on a new state. It takes
 * minutes, so it belongs to the slow tests.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { DemoSummary } from '../../apps/cli/demo/summary';

jest.setTimeout(900_000);

const clone = resolve(__dirname, '..', '..');
let stateDir: string;
beforeEach(() => (stateDir = mkdtempSync(join(tmpdir(), 'perennial-start-'))));
afterEach(() => rmSync(stateDir, { recursive: true, force: true }));

/** `interruptAt`: sends Ctrl-C once this was printed. */
function start(
  interruptAt?: string,
): Promise<{ readonly exitCode: number | null; readonly stdout: string; readonly stderr: string }> {
  const env = {
    ...process.env,
    PERENNIAL_STATE_DIR: stateDir,
    PERENNIAL_API_PORT: '0',
    PERENNIAL_GATEWAY_PORT: '0',
  };
  const child = spawn(process.execPath, [join(clone, 'bin', 'start.mjs'), '--once', '--json'], {
    cwd: clone,
    env,
  });
  const said = { stdout: '', stderr: '' };
  child.stdout.on('data', (text: Buffer) => (said.stdout += text.toString()));
  let isInterrupted = false;
  child.stderr.on('data', (text: Buffer) => {
    said.stderr += text.toString();
    if (interruptAt === undefined || isInterrupted || !said.stderr.includes(interruptAt)) return;
    isInterrupted = true;
    child.kill('SIGINT');
  });
  return new Promise((done) => child.once('close', (exitCode) => done({ exitCode, ...said })));
}

test('a champion, a successor that traffic decides on, and a sabotaged version that is detected and rolled back', async () => {
  const { exitCode, stdout, stderr } = await start();
  if (exitCode !== 0) throw new Error(stderr);
  const summary = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as DemoSummary;
  const [first, retrained, sabotaged] = summary.runs;

  expect(first).toMatchObject({
    status: 'succeeded',
    verdict: { kind: 'passed' },
    version: 1,
    rollout: null,
  });
  expect(first?.stages.map(({ name }) => name)).toEqual([
    'ingest',
    'validate',
    'train',
    'tune',
    'evaluate',
    'canary',
    'promote',
  ]);

  // The figures decide whether it is promoted. It was judged on traffic with bounds, and the
  // champion is the result.
  expect(retrained?.rollout?.pairs).toBeGreaterThan(200);
  const { lower, upper } = retrained?.rollout ?? {};
  expect(lower).toBeLessThan(upper ?? -Infinity);
  expect(summary.champion?.version).toBe(retrained?.status === 'succeeded' ? 2 : 1);

  expect(sabotaged).toMatchObject({
    status: 'stopped',
    version: 3,
    rollout: { verdict: { kind: 'failed' } },
  });
  expect(sabotaged?.rollout?.lower).toBeGreaterThan(0.01);
  expect(summary.rollback).toMatchObject({
    model: 'flight-delay',
    from: 3,
    to: summary.champion?.version,
    failedRequests: 0,
  });
  expect(summary.rollback?.secondsToFullTraffic).toBeLessThan(1);
  expect(summary.predictions).toBe(1000);
  expect(stderr).toContain('Stopped.');
});

test('ends after one Ctrl-C during a run', async () => {
  const since = Date.now();
  const { exitCode, stderr } = await start('train     started');
  expect(exitCode).toBe(130);
  expect(stderr).toContain('Stopped.');
  expect(Date.now() - since).toBeLessThan(120_000);
});
