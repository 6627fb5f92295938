import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { MonitorJson } from '../../apps/api/monitoring/view';
import type { RunJson } from '../../apps/cli/run/view';
import type { Product } from '../support/process/product';
import { startProduct } from '../support/process/product';
import { scriptedFineTuning } from '../support/provider/scripted-fine-tuning';
import { openScriptedProvider, type ScriptedProvider } from '../support/provider/scripted-provider';
import { untilAnswer } from '../support/time/until';
import { tinyAnswer, writeTinyLlmLifecycle } from '../support/language/tiny-llm-lifecycle';

jest.setTimeout(180_000);

let product: Product;
let provider: ScriptedProvider;
let acme: ScriptedProvider;
const fineTuning = scriptedFineTuning({ looks: 1, dropped: (made) => made === 1 });
const writeProviders = (url: string) => `apiVersion: perennial.dev/v1
kind: Platform
metadata: { name: here }
spec: { providers: { acme: { url: '${url}', allowPrivateAddresses: true } } }
`;

beforeAll(async () => {
  provider = await openScriptedProvider({ answer: tinyAnswer });
  acme = await openScriptedProvider({ answer: tinyAnswer, fineTuning });
  const folder = mkdtempSync(join(tmpdir(), 'perennial-providers-'));
  const providersFile = join(folder, 'providers.yaml');
  writeFileSync(providersFile, writeProviders(acme.url));
  product = await startProduct({
    env: { PERENNIAL_LLM_URL: provider.url, PERENNIAL_PROVIDERS_FILE: providersFile },
  });
  rmSync(folder, { recursive: true });
});
afterAll(async () => {
  await product.stop();
  await provider.close();
  await acme.close();
});

async function finished(lifecycle: string): Promise<RunJson> {
  const started = await product.start(lifecycle);
  expect(started.status).toBe(202);
  return product.waitForEnd(started.body.id);
}

function ask(model: string, question: string) {
  return product.call<{ model: string; choices: { message: { content: string } }[] }>(
    'POST',
    `${product.gatewayUrl}/v1/chat/completions`,
    {
      body: { model, messages: [{ role: 'user', content: question }] },
    },
  );
}

describe('a language application from its prompts to an answer', () => {
  test('finds the better prompt, promotes and serves the bundle, and pays for no question twice', async () => {
    const model = 'codes';
    const applying = await product.cli([
      'lifecycle',
      'apply',
      writeTinyLlmLifecycle(product.workDir, { name: model }),
    ]);
    expect(applying).toMatchObject({
      exitCode: 0,
      stderr: expect.stringMatching(/^codes: revision 1 /) as string,
    });
    const first = await finished(model);
    expect(first).toMatchObject({ status: 'succeeded', version: 1, verdict: { kind: 'passed' } });
    expect(first.stages.map(({ name }) => name)).toEqual(['prompt-eval', 'evaluate', 'promote']);

    const answer = await ask(model, 'What is the code of lamp 7?');
    expect(answer).toMatchObject({
      status: 200,
      body: { model: 'codes@1', choices: [{ message: { content: 'code 7' } }] },
    });

    const paid = provider.bill.length;
    expect(
      new Set(provider.requests.map(({ body }) => JSON.stringify(body['messages']))).size,
    ).toBe(paid);
    const again = await finished(model);
    expect(again).toMatchObject({
      status: 'succeeded',
      verdict: { reasons: [{ code: 'promote.unchanged' }] },
    });
    expect(provider.bill).toHaveLength(paid);

    const { body: calls } = await product.call<{
      stages: { stage: string; answered: number; requests: number }[];
    }>('GET', `/runs/${first.id}/calls`);
    expect(calls.stages.map(({ stage }) => stage)).toEqual(['evaluate', 'prompt-eval']);
    // All except the one from a user.
    expect(calls.stages.reduce((sum, { requests }) => sum + requests, 0)).toBe(paid - 1);

    const listed = await product.cli(['run', 'cases', first.id, '--list']);
    expect(listed.stdout).toMatch(
      /prompt-eval +prompts\/p1\.yaml \(search\)[^]*evaluate +candidate[^]*evaluate +baseline/,
    );
    const cases = async (...args: readonly string[]) =>
      (await product.cli(['run', 'cases', first.id, '--format', 'jsonl', ...args])).stdout
        .split('\n')
        .filter(Boolean);
    const [all, failed] = [await cases(), await cases('--failed', '--of', 'baseline')];
    expect(JSON.parse(all[0] ?? '{}')).toMatchObject({
      answer: expect.stringMatching(/^code \d+$/) as string,
      scores: { right: { kind: 'scored', value: 1 } },
    });
    expect(await cases('--failed')).toEqual([]);
    expect(failed.length).toBeGreaterThan(0);
    expect(failed.length).toBeLessThan(all.length);

    const told = await product.cli(['model', 'explain', model]);
    expect(told.stdout).toMatch(/codes@1 is the champion; digest/);
    expect(told.stdout).toMatch(
      /right\s+1 \(95 %: 0\.\d+ … 1\)\s+difference from baseline \+0\.\d+/,
    );
    expect(told.stdout).toMatch(/pass {2}useful {4}right 1 /);
  });

  test('is monitored by its requests and by what callers say of its answers', async () => {
    const labels = [];
    for (const score of [1, 1, 0, 0.5]) {
      const { body } = await ask('codes', 'What is the code of lamp 3?');
      labels.push({ predictionId: (body as unknown as { id: string }).id, score });
    }
    const given = await product.call('POST', `${product.gatewayUrl}/v1/feedback`, { body: labels });
    expect(given.status).toBe(200);
    const monitor = async () => (await product.call<MonitorJson>('GET', '/monitors/codes')).body;
    await untilAnswer(monitor, ({ quality }) => quality?.total === 4, { seconds: 90 });
    expect(await monitor()).toMatchObject({
      status: 'watching',
      waitingFor: null,
      alarms: [],
      quality: { metric: 'caller-loss', estimate: 0.375 },
    });
    expect((await product.cli(['monitor', 'show', 'codes'])).stdout).toMatch(/caller-loss/);
  });

  test('answers curl, whole and streamed', async () => {
    const curl = async (more: object): Promise<string> => {
      const body = JSON.stringify({
        model: 'codes',
        messages: [{ role: 'user', content: 'What is the code of lamp 7?' }],
        ...more,
      });
      const headers = [
        'content-type: application/json',
        `authorization: Bearer ${product.apiKey}`,
      ].flatMap((each) => ['-H', each]);
      const url = `${product.gatewayUrl}/v1/chat/completions`;
      return (
        await promisify(execFile)('curl', ['-sS', '--no-buffer', ...headers, '-d', body, url])
      ).stdout;
    };
    expect(JSON.parse(await curl({}))).toMatchObject({
      object: 'chat.completion',
      choices: [{ message: { content: 'code 7' } }],
    });
    const events = (await curl({ stream: true })).trim().split('\n\n');
    expect(events.at(-1)).toBe('data: [DONE]');
    const pieces = events.slice(0, -1).map(
      (event) =>
        JSON.parse(event.replace(/^data: /, '')) as {
          choices: { delta: { content?: string } }[];
        },
    );
    expect(pieces.map(({ choices }) => choices[0]?.delta.content ?? '').join('')).toBe('code 7');
  });

  test('searches for a better prompt than the given one, and promotes a bundle with it', async () => {
    const model = 'searched';
    const given = {
      name: model,
      prompts: ['Answer.'],
      searched: ['Be kind.', 'Be precise.', 'Be brief.'],
      cases: 300,
    };
    const applying = await product.cli([
      'lifecycle',
      'apply',
      writeTinyLlmLifecycle(product.workDir, given),
    ]);
    expect(applying.exitCode).toBe(0);
    const run = await finished(model);
    expect(run).toMatchObject({ status: 'succeeded', version: 1 });
    const prompts = run.stages.find(({ name }) => name === 'prompt-eval')?.prompts;
    expect(prompts).toMatchObject({
      chosen: expect.stringMatching(/^prompt:\/\/p0@\d+$/) as string,
      searched: {
        first: 'prompts/p0.yaml',
        found: prompts?.chosen,
        variants: 4,
        gain: { mean: expect.closeTo(0.5, 1) as number },
      },
    });
    const answer = await ask(model, 'What is the code of lamp 7?');
    expect(answer).toMatchObject({
      status: 200,
      body: { choices: [{ message: { content: 'code 7' } }] },
    });
    const searches = await product.cli(['prompt', 'searches', 'p0', '--json']);
    expect(JSON.parse(searches.stdout)).toMatchObject([{ status: 'done', actor: `run:${run.id}` }]);

    const paid = provider.bill.length;
    const again = await finished(model);
    expect(again).toMatchObject({
      status: 'succeeded',
      verdict: { reasons: [{ code: 'promote.unchanged' }] },
    });
    expect(provider.bill).toHaveLength(paid);
  });

  test('keeps the champion over a worse bundle, and shows its verdict under other gates', async () => {
    const model = 'worse';
    await product.apply(
      writeTinyLlmLifecycle(product.workDir, { name: model, prompts: ['Be precise.'] }),
    );
    expect(await finished(model)).toMatchObject({ status: 'succeeded', version: 1 });
    await product.apply(
      writeTinyLlmLifecycle(product.workDir, { name: model, prompts: ['Answer.'] }),
    );
    const refused = await finished(model);
    expect(refused).toMatchObject({ status: 'stopped', version: 2, verdict: { kind: 'failed' } });
    expect((await ask(model, 'What is the code of lamp 7?')).body.model).toBe('worse@1');

    const { body } = await product.call<{ decisions: { id: string }[] }>(
      'GET',
      `/models/${model}/explain?version=2`,
    );
    const decision = body.decisions[0]?.id ?? '';
    const gates = [{ name: 'lax', kind: 'threshold', dimension: 'right', min: 0.2 }];
    const other = await product.call('POST', '/policies/what-if', { body: { decision, gates } });
    expect(other).toMatchObject({
      status: 200,
      body: {
        was: { kind: 'failed' },
        wouldBe: { kind: 'passed' },
        gates: [{ gate: 'lax' }, { code: 'policy.attempt' }],
      },
    });
    const wrong = await product.call('POST', '/policies/what-if', {
      body: { decision, gates: [{ ...gates[0], kind: 'treshold' }] },
    });
    expect(wrong).toMatchObject({
      status: 422,
      body: { detail: expect.stringContaining('did you mean threshold?') as string },
    });
  });

  test('accepts a judge in gates only after calibration, and corrects its scores for its errors', async () => {
    const gates = '[{ name: judged-well, kind: threshold, dimension: judged, min: 0.7 }]';
    const named = { prompts: ['Be precise.'], gates } as const;
    await product.apply(
      writeTinyLlmLifecycle(product.workDir, { name: 'unmeasured', ...named, judgeLabels: 4 }),
    );
    const unmeasured = await finished('unmeasured');
    expect(unmeasured).toMatchObject({ status: 'stopped', verdict: { kind: 'inconclusive' } });
    expect(unmeasured.verdict?.reasons[0]?.message).toContain(
      '4 labels of right answers, at least 100 needed',
    );
    await product.apply(
      writeTinyLlmLifecycle(product.workDir, { name: 'measured', ...named, judgeLabels: 100 }),
    );
    const measured = await finished('measured');
    expect(measured).toMatchObject({ status: 'succeeded', verdict: { kind: 'passed' } });
    expect(measured.verdict?.reasons[0]).toMatchObject({
      message: expect.stringMatching(/^judged (0\.9\d*|1) \(96 % bounds/) as string,
      details: expect.arrayContaining(["corrected for the judge's errors"]) as string[],
    });
  });

  test('uses a prompt of the registry by its label, and another one when the label moves', async () => {
    const model = 'labelled';
    const folder = writeTinyLlmLifecycle(product.workDir, {
      name: model,
      prompts: ['Answer.', 'Be precise.'],
    });
    await product.apply(folder);
    expect(await finished(model)).toMatchObject({ status: 'succeeded', version: 1 });
    // The files of the lifecycle are versions on a branch of its name.
    expect(
      (await product.cli(['prompt', 'label', 'p1', 'live', '1', '--reason', 'it was promoted']))
        .exitCode,
    ).toBe(0);
    const file = join(folder, 'lifecycle.yaml');
    writeFileSync(
      file,
      readFileSync(file, 'utf8')
        .replace(/candidates: .*/, 'candidates: [prompt://p1@live], input: question }')
        .replace(/ {2}promptEval: .*\n/, ''),
    );
    await product.apply(folder);
    expect(await finished(model)).toMatchObject({
      status: 'succeeded',
      verdict: { reasons: [{ code: 'promote.unchanged' }] },
    });
    const prompt = join(folder, 'prompts', 'p1.yaml');
    writeFileSync(prompt, readFileSync(prompt, 'utf8').replace('Be precise.', 'Be very precise.'));
    const version =
      /version (\d+) written/.exec((await product.cli(['prompt', 'apply', prompt])).stderr)?.[1] ??
      '';
    expect(
      (await product.cli(['prompt', 'label', 'p1', 'live', version, '--reason', 'it says more']))
        .exitCode,
    ).toBe(0);
    expect(await finished(model)).toMatchObject({
      status: 'succeeded',
      version: 2,
      verdict: { kind: 'passed' },
    });
    writeFileSync(file, readFileSync(file, 'utf8').replace('p1@live', 'p1@nowhere'));
    await product.apply(folder);
    const failed = await finished(model);
    expect(failed).toMatchObject({
      status: 'failed',
      failure: { type: 'NotFound', message: 'prompt p1@nowhere does not exist' },
    });
  });

  test('submits one fine-tuning job at the provider although the response is lost, and serves its model', async () => {
    const model = 'tuned';
    const gates = '[{ name: useful, kind: threshold, dimension: right, min: 0.8 }]';
    await product.apply(
      writeTinyLlmLifecycle(product.workDir, {
        name: model,
        prompts: ['Answer.'],
        gates,
        tunedBy: 'acme',
      }),
    );
    const run = await finished(model);
    expect(run).toMatchObject({ status: 'succeeded', version: 1 });
    expect(run.stages.map(({ name }) => name)).toEqual([
      'ingest',
      'fine-tune',
      'evaluate',
      'promote',
    ]);
    expect(fineTuning.jobs.map(({ body }) => body['model'])).toEqual(['scripted']);
    expect(JSON.parse(fineTuning.files[0]?.text.split('\n')[0] ?? '')).toEqual({
      messages: [
        { role: 'system', content: 'Answer.' },
        {
          role: 'user',
          content: expect.stringMatching(/^What is the code of thing \d+\?$/) as string,
        },
        { role: 'assistant', content: expect.stringMatching(/^code \d+$/) as string },
      ],
    });
    expect((await ask(model, 'What is the code of lamp 7?')).body.choices[0]?.message.content).toBe(
      'code 7',
    );
  });

  test('a budget of the tenant applies to every run, and is raised with one command', async () => {
    const model = 'shared';
    const set = (tokens: number) =>
      product.cli(['budget', 'set', 'tenant', String(tokens), '--unit', 'tokens']);
    expect(await set(500)).toMatchObject({ exitCode: 0, stderr: 'tenant: 500 tokens, 0 spent\n' });
    await product.apply(
      writeTinyLlmLifecycle(product.workDir, {
        name: model,
        prompts: ['Be precise.'],
        parallel: 1,
      }),
    );
    const refused = await finished(model);
    expect(refused).toMatchObject({ status: 'failed', failure: { type: 'BudgetSpent' } });
    expect(refused.failure?.message).toContain('the budget of tenant is spent');
    expect(
      (await product.call('PUT', '/budgets', { body: { scope: 'run/x', unit: 'usd', limit: 1 } }))
        .status,
    ).toBe(422);
    expect(await set(1_000_000)).toMatchObject({ exitCode: 0 });
    expect(await finished(model)).toMatchObject({ status: 'succeeded', version: 1 });
    const listed = await product.cli(['budget', 'list']);
    expect(listed.stdout).toMatch(/tenant +tokens +1000000 +\d{4}/);
  });

  test('a budget that is spent during a run ends it with a clear error; with a larger one a rerun pays only for the rest', async () => {
    const model = 'thrifty';
    const spent = (tokens: number) => `  budget: { tokens: ${tokens} }\n`;
    await product.apply(
      writeTinyLlmLifecycle(product.workDir, {
        name: model,
        prompts: ['Be precise.'],
        more: spent(1500),
        parallel: 1,
      }),
    );
    const before = provider.bill.length;
    const failed = await finished(model);
    expect(failed).toMatchObject({
      status: 'failed',
      failure: { type: 'BudgetSpent', stage: 'evaluate' },
    });
    const paid = provider.bill.length - before;
    expect(paid).toBeGreaterThan(10);
    await product.apply(
      writeTinyLlmLifecycle(product.workDir, {
        name: model,
        prompts: ['Be precise.'],
        more: spent(1_000_000),
      }),
    );
    expect(await finished(model)).toMatchObject({ status: 'succeeded', version: 1 });
    expect(provider.bill.length - before).toBe(240);
  });
});
