/**
 * The complete `npm run demo:llm -- --quick --json` on a new state, with real models and data. It
 * is slow, and first fetches missing parts for language models.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { LlmDemoSummary } from '../../../apps/cli/demo-llm/summary';

// Measured: 14.5 minutes on two cores at a load of 1 to 3, with one thread for answers.
jest.setTimeout(3_600_000);

const clone = resolve(__dirname, '..', '..', '..');
let stateDir: string;
beforeAll(() => (stateDir = mkdtempSync(join(tmpdir(), 'perennial-demo-llm-'))));
afterAll(() => rmSync(stateDir, { recursive: true, force: true }));

function demo(): Promise<{
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}> {
  const ports = { PERENNIAL_API_PORT: '0', PERENNIAL_GATEWAY_PORT: '0', PERENNIAL_LLM_PORT: '0' };
  // Other tests may start beside this one.
  const env = {
    ...process.env,
    ...ports,
    PERENNIAL_STATE_DIR: stateDir,
    PERENNIAL_LLM_THREADS: '1',
  };
  const child = spawn(process.execPath, [join(clone, 'bin', 'demo-llm.mjs'), '--quick', '--json'], {
    cwd: clone,
    env,
  });
  const said = { stdout: '', stderr: '' };
  child.stdout.on('data', (text: Buffer) => (said.stdout += text.toString()));
  child.stderr.on('data', (text: Buffer) => (said.stderr += text.toString()));
  return new Promise((done) => child.once('close', (exitCode) => done({ exitCode, ...said })));
}

test('an assistant without retrieval, a rollout with an index, a fine-tuned router, and a harmful prompt that is rolled back', async () => {
  const { exitCode, stdout, stderr } = await demo();
  if (exitCode !== 0) throw new Error(stderr);
  const summary = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as LlmDemoSummary;
  const [bare, retrieving, router, worse] = summary.runs;
  expect(summary).toMatchObject({ mode: 'quick', documents: 1000 });
  expect(bare).toMatchObject({
    lifecycle: 'wiki-assistant',
    status: 'succeeded',
    version: 1,
    rollout: null,
  });

  // Callers decide whether it is promoted. It was tried on them, and the champion is the result.
  expect(retrieving?.stages.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['ingest', 'rag-index', 'prompt-eval', 'evaluate', 'canary']),
  );
  expect(retrieving?.rollout?.pairs).toBeGreaterThan(20);
  expect(summary.champion?.version).toBe(retrieving?.status === 'succeeded' ? 2 : 1);

  expect(router?.stages.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['ingest', 'prompt-eval', 'fine-tune', 'evaluate']),
  );
  expect(router).toMatchObject({ lifecycle: 'wiki-router', status: 'succeeded', version: 1 });

  // It is harm: the lower bound of the loss of right answers is above the margin.
  expect(worse).toMatchObject({ lifecycle: 'wiki-router', status: 'stopped', version: 2 });
  expect(worse?.rollout?.verdict).toMatchObject({
    kind: 'failed',
    reasons: expect.arrayContaining([
      expect.objectContaining({ code: 'quality.refuted', outcome: 'failed' }),
    ]) as unknown,
  });
  expect(worse?.rollout?.lower).toBeGreaterThan(0.05);
  expect(worse?.rollout?.pairs).toBeLessThan(80);
  expect(summary.rollback).toMatchObject({ model: 'wiki-router', from: 2, to: 1 });

  const beside = summary.figures.map(({ baseline: { who } }) => who);
  expect(beside).toEqual(
    expect.arrayContaining([
      'first: cited',
      'TF-IDF + logistic regression',
      'the most frequent class',
    ]),
  );
  for (const { ours, baseline } of summary.figures) {
    for (const { value, lower, upper } of [ours, baseline]) {
      expect(lower).toBeLessThanOrEqual(value);
      expect(upper).toBeGreaterThanOrEqual(value);
    }
  }
  expect(summary.answer?.text).not.toBe('');
  expect(stderr).toContain('Its figures are not those of the full sample');
  expect(stderr).toContain('Stopped.');
});
