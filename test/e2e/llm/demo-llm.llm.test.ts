/**
 * The complete `npm run demo:llm -- --quick --json` on a new state, with real models and data. It
 * is slow, and first fetches missing parts for language models.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { LlmDemoSummary } from '../../../apps/cli/demo-llm/summary';

// Twelve minutes on two idle cores.
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
  const env = { ...process.env, ...ports, PERENNIAL_STATE_DIR: stateDir };
  const child = spawn(process.execPath, [join(clone, 'bin', 'demo-llm.mjs'), '--quick', '--json'], {
    cwd: clone,
    env,
  });
  const said = { stdout: '', stderr: '' };
  child.stdout.on('data', (text: Buffer) => (said.stdout += text.toString()));
  child.stderr.on('data', (text: Buffer) => (said.stderr += text.toString()));
  return new Promise((done) => child.once('close', (exitCode) => done({ exitCode, ...said })));
}

test('an assistant without retrieval, a rollout with an index, a worse prompt that is rolled back, and a fine-tuned router', async () => {
  const { exitCode, stdout, stderr } = await demo();
  if (exitCode !== 0) throw new Error(stderr);
  const summary = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as LlmDemoSummary;
  const [bare, retrieving, worse, router] = summary.runs;
  expect(summary).toMatchObject({ mode: 'quick', documents: 2000 });
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

  expect(worse).toMatchObject({ status: 'stopped' });
  expect(summary.rollback).toMatchObject({ from: worse?.version, to: summary.champion?.version });
  expect(summary.champion?.version).not.toBe(worse?.version);

  expect(router?.stages.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['ingest', 'prompt-eval', 'fine-tune', 'evaluate']),
  );
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
