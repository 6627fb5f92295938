import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDeathWatch, type DeathWatch } from '../../infra/death-watch';
import { freePort } from '../../infra/ports';
import { startService } from '../../infra/service';
import { openSupervisor, type Supervisor } from '../../infra/supervisor';

// It starts twice, on a machine that may be busy with other tests.
jest.setTimeout(240_000);

let folder: string;
let watch: DeathWatch;
let supervisor: Supervisor;
const said: string[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'perennial-llm-up-'));
  watch = openDeathWatch();
  supervisor = openSupervisor({ say: (line) => said.push(line) });
});
afterAll(async () => {
  await supervisor.stop();
  await watch.close();
  await rm(folder, { recursive: true, force: true });
});

test('the language model that `up` supervises is restarted after SIGKILL and answers', async () => {
  const port = await freePort();
  const { PATH, HOME } = process.env;
  const env = {
    PATH,
    HOME,
    PERENNIAL_STATE_DIR: folder,
    PERENNIAL_LLM_PORT: String(port),
    PERENNIAL_LLM_CONTEXT_TOKENS: '256',
  };
  const options = {
    name: 'The language model',
    command: 'llm-server',
    host: '127.0.0.1',
    port,
    tls: false,
    logFile: join(folder, 'llm.log'),
    guard: watch,
  } as const;
  const first = await supervisor.run({
    name: options.name,
    tier: 2,
    start: (signal) => startService({ ...options, env, signal }),
  });
  expect(await answer(port)).toBe(200);

  process.kill(first.pid, 'SIGKILL');
  for (
    const end = Date.now() + 120_000;
    !said.some((line) => line.includes('is running again after')) && Date.now() < end;
  ) {
    await new Promise((again) => setTimeout(again, 50));
  }
  expect(said.join('\n')).toMatch(
    /The language model ended: [^]*The language model is running again after/,
  );
  expect(supervisor.processes()[0]?.pid).not.toBe(first.pid);
  expect(await answer(port)).toBe(200);
});

async function answer(port: number): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${port}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      model: 'smollm2-135m-instruct',
      messages: [{ role: 'user', content: 'hello' }],
      max_tokens: 2,
    }),
  });
  return response.status;
}
