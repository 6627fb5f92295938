import { createLlmServer } from '../apps/llm-server/server';
import { openArtifactStore } from '../data/artifact/store';
import { llmModelPath } from '../data/language/runtime-module';
import type { LlmServerSettings } from './llm-server-settings';
import type { Logger } from './log';

/** The time that answers in progress have to finish after the signal. */
const graceMs = 10_000;

/** Runs the embedded language model until the signal aborts. */
export async function runLlmServer(
  { server: settings, s3 }: LlmServerSettings,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  const artifacts = s3 === null ? null : openArtifactStore({ ...s3, leases: null });
  const { name, file } = settings.model;
  const server = createLlmServer({
    config: { ...settings, model: { name, path: file ?? llmModelPath(`${name}.gguf`) } },
    artifacts,
    log,
  });
  const { url } = await server.start();
  log.info({ url, model: name }, 'language model ready');
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
  await server.stop(graceMs);
  artifacts?.close();
}
