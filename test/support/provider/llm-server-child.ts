/**
 * The embedded language model in a separate process, with adapters from a folder. Prints its
 * address.
 * `llm-server-child.ts <settings as JSON>`
 */
import pino from 'pino';
import { llmServerDefaults, type LlmServerConfig } from '../../../apps/llm-server/config';
import { createLlmServer } from '../../../apps/llm-server/server';
import { llmModelPath } from '../../../data/language/runtime-module';
import { directoryArtifacts } from '../directory-artifacts';

async function main(text: string): Promise<void> {
  const { artifactsFolder, ...settings } = JSON.parse(text) as Partial<LlmServerConfig> & {
    readonly folder: string;
    readonly artifactsFolder: string;
  };
  const name = 'smollm2-135m-instruct';
  const server = createLlmServer({
    config: {
      ...llmServerDefaults,
      port: 0,
      model: { name, path: llmModelPath(`${name}.gguf`) },
      ...settings,
    },
    artifacts: directoryArtifacts(artifactsFolder),
    log: pino({ level: 'warn' }, pino.destination({ dest: 2, sync: true })),
  });
  // Its standard input closes when the parent process ends, also after kill -9.
  process.stdin.once('end', () => process.exit(1)).resume();
  process.once('SIGTERM', () => void server.stop(5_000).then(() => process.exit(0)));
  const { url } = await server.start();
  process.stdout.write(`${url}\n`);
}

main(process.argv[2] ?? '{}').catch((error: unknown) => {
  process.stderr.write(`${String(error)}\n`);
  process.exit(1);
});
