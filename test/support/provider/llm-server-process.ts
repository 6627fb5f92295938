import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import type { LlmServerConfig } from '../../../apps/llm-server/config';

export interface LlmServerProcess {
  readonly url: string;
  readonly pid: number;
  stop(): Promise<void>;
}

/** The model runs outside jest, which cannot load the ES modules of llama.cpp's bindings. */
export async function startLlmServer(
  settings: Partial<LlmServerConfig> & {
    readonly folder: string;
    readonly artifactsFolder: string;
  },
): Promise<LlmServerProcess> {
  const child = spawn(
    process.execPath,
    ['-r', 'tsx/cjs', join(__dirname, 'llm-server-child.ts'), JSON.stringify(settings)],
    {
      stdio: ['pipe', 'pipe', 'pipe'],
    },
  );
  let complaints = '';
  child.stderr.on(
    'data',
    (chunk: Buffer) => (complaints = (complaints + chunk.toString()).slice(-8_000)),
  );
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const url = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).once('line', resolve);
    void ended.then(() => reject(new Error(`the language model ended: ${complaints}`)));
  });
  return {
    url,
    pid: child.pid ?? 0,
    async stop() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}
