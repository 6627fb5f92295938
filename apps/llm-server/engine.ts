import type { ChatMessage, Sampling } from '../../domain/chat/chat';
import type { Adapters } from './adapters';
import { openAdapters } from './adapters';
import type { WrittenAnswer } from './answer';
import { writeAnswer } from './answer';
import { ApiError } from './api-error';
import { openChatTemplate } from './chat-template';
import type { LlmServerConfig } from './config';
import { openContexts } from './contexts';
import { openGrammars, type GrammarSpec } from './grammars';
import { loadLlamaCpp, type Token } from './llama-cpp';
import type { SequencePool, Slot, WaitingRoom } from './sequence-pool';
import type { ArtifactStore } from '../../data/artifact/store';
import { digestOfFile } from '../../data/digest';

export interface EngineRequest {
  /** Null for the base model. */
  readonly adapter: string | null;
  readonly messages: readonly ChatMessage[];
  /** Null for as many as fit into the context. */
  readonly maxTokens: number | null;
  readonly sampling: Omit<Sampling, 'maxTokens'>;
  readonly frequencyPenalty: number;
  readonly presencePenalty: number;
  readonly grammar: GrammarSpec | null;
}

/** An answer that has its sequence, so that the response headers can be sent. */
export interface PendingAnswer {
  readonly promptTokens: number;
  /** Write the answer and give the sequence back. Call it once. */
  write(onText: (delta: string) => void): Promise<WrittenAnswer>;
}

export interface Engine {
  readonly adapters: Adapters;
  /** @throws ApiError for an invalid request, or 429 when too many requests wait */
  begin(wish: EngineRequest, signal: AbortSignal): Promise<PendingAnswer>;
  load(): { readonly waiting: number; readonly adapters: number };
  close(): Promise<void>;
}

export interface EngineOptions {
  readonly config: LlmServerConfig;
  readonly artifacts: Pick<ArtifactStore, 'toFile'> | null;
  readonly warn: (message: string) => void;
}

/** Up to this length tokenizing takes only milliseconds. */
const unhurriedCharacters = 16_384;

/** Load the model; takes seconds. @throws PlatformUnavailable when a part is not installed */
export async function openEngine({ config, artifacts, warn }: EngineOptions): Promise<Engine> {
  const llamaCpp = await loadLlamaCpp();
  const { digest } = await digestOfFile(config.model.path);
  const llama = await llamaCpp.getLlama({
    build: 'never',
    // The only library for macOS includes Metal; there is none without it.
    gpu: process.platform === 'darwin' ? 'auto' : false,
    maxThreads: config.threads,
    skipDownload: true,
    progressLogs: false,
    logLevel: 'warn',
    logger: (_level, message) => warn(message.trim()),
  });
  const model = await llama.loadModel({ modelPath: config.model.path, gpuLayers: 0 });
  const template = await openChatTemplate(model);
  const room: WaitingRoom = { maxWaiting: config.maxQueued, waiting: 0, secondsHeld: 0 };
  const contextTokens = Math.min(config.contextTokens, model.trainContextSize);
  const contexts = await openContexts({
    model,
    sequences: config.sequences,
    contextTokens,
    threads: config.threads,
    maxContexts: config.maxAdapters,
    room,
  });
  const adapters = openAdapters({
    folder: config.folder,
    baseName: config.model.name,
    baseDigest: digest,
    llamaCpp,
    artifacts,
  });
  const grammars = openGrammars({ llama, model, llamaCpp });
  let stopping = false;

  /** Retries when the pool was closed for another adapter before the sequence was taken. */
  async function sequenceFor(
    file: string | null,
    prompt: readonly Token[],
    signal: AbortSignal,
  ): Promise<{ readonly pool: SequencePool; readonly slot: Slot }> {
    for (;;) {
      const pool = await contexts.poolFor(file);
      try {
        return { pool, slot: await pool.take(prompt, signal) };
      } catch (error) {
        if (stopping || !(error instanceof ApiError) || error.code !== 'server_stopping')
          throw error;
      }
    }
  }

  return {
    adapters,
    async begin(wish, signal) {
      if (
        wish.messages.reduce((sum, { content }) => sum + content.length, 0) > unhurriedCharacters
      ) {
        // With a margin of 10 %, because counting in pieces counts slightly too many.
        const estimate = template.roughly(wish.messages, contextTokens * 1.1);
        if (estimate > contextTokens * 1.1)
          throw overflow(contextTokens, estimate, wish.maxTokens, 'at least ');
      }
      const prompt = template.tokenize(wish.messages);
      const maxTokens = wish.maxTokens ?? contextTokens - prompt.length;
      if (maxTokens < 1 || prompt.length + maxTokens > contextTokens)
        throw overflow(contextTokens, prompt.length, wish.maxTokens);
      const grammar = wish.grammar === null ? null : await grammars.stateFor(wish.grammar);
      const { pool, slot } = await sequenceFor(
        wish.adapter === null ? null : await adapters.findFile(wish.adapter),
        prompt,
        signal,
      );
      return {
        promptTokens: prompt.length,
        async write(onText) {
          try {
            const endsAtJson = wish.grammar !== null && wish.grammar.kind !== 'gbnf';
            const { frequencyPenalty, presencePenalty } = wish;
            return await writeAnswer(
              {
                prompt,
                sampling: { ...wish.sampling, maxTokens },
                frequencyPenalty,
                presencePenalty,
                grammar,
                endsAtJson,
              },
              { model, slot, keepPrompts: config.keepPrompts, signal, onText },
            );
          } finally {
            pool.give(slot);
          }
        },
      };
    },
    load: () => ({ waiting: room.waiting, adapters: contexts.loaded() }),
    async close() {
      stopping = true;
      await contexts.close();
      await llama.dispose();
    },
  };
}

function overflow(
  contextTokens: number,
  promptTokens: number,
  maxTokens: number | null,
  about = '',
): ApiError {
  const asked = promptTokens + (maxTokens ?? 1);
  return new ApiError(
    400,
    `This model's maximum context length is ${contextTokens} tokens. However, you requested ${about}${asked} tokens ` +
      `(${promptTokens} in the messages, ${maxTokens ?? 1} in the completion). Please reduce the length of the messages or completion.`,
    { code: 'context_length_exceeded', param: 'messages' },
  );
}
