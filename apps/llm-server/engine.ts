import type { ChatMessage, Sampling } from '../../domain/language/chat';
import type { Adapters } from './adapters';
import { openAdapters } from './adapters';
import type { WrittenAnswer } from './answer';
import { writeAnswer } from './answer';
import { ApiError } from './api-error';
import { openChatTemplate } from './chat-template';
import type { LlmServerConfig } from './config';
import { openContexts } from './contexts';
import { openGrammars, type GrammarWish } from './grammars';
import { loadLlamaCpp, type Token } from './llama-cpp';
import type { SequencePool, Slot, WaitingRoom } from './sequence-pool';
import type { ArtifactStore } from '../../data/artifact/store';
import { digestOfFile } from '../../data/digest';

export interface ChatWish {
  /** Null asks the base model itself. */
  readonly adapter: string | null;
  readonly messages: readonly ChatMessage[];
  /** Null: as many as still fit. */
  readonly maxTokens: number | null;
  readonly sampling: Omit<Sampling, 'maxTokens'>;
  readonly frequencyPenalty: number;
  readonly presencePenalty: number;
  readonly grammar: GrammarWish | null;
}

/** An answer that has its sequence: from here on the client's headers may go out. */
export interface BegunAnswer {
  readonly promptTokens: number;
  /** Once. Gives the sequence back, however it ends. */
  write(onText: (delta: string) => void): Promise<WrittenAnswer>;
}

export interface Engine {
  readonly adapters: Adapters;
  /** @throws ApiError for what cannot be answered, 429 when too many wait */
  begin(wish: ChatWish, signal: AbortSignal): Promise<BegunAnswer>;
  load(): { readonly waiting: number; readonly adapters: number };
  close(): Promise<void>;
}

export interface EngineOptions {
  readonly config: LlmServerConfig;
  readonly artifacts: Pick<ArtifactStore, 'toFile'> | null;
  readonly warn: (message: string) => void;
}

/** So many are tokens within milliseconds. */
const unhurriedCharacters = 16_384;

/**
 * Loads the model; takes seconds. @throws PlatformUnavailable when runtime or model were not
 * fetched yet
 */
export async function openEngine({ config, artifacts, warn }: EngineOptions): Promise<Engine> {
  const llamaCpp = await loadLlamaCpp();
  const { digest } = await digestOfFile(config.model.path);
  const llama = await llamaCpp.getLlama({
    build: 'never',
    // The one library that is built for macOS has Metal in it; asking for one without finds none.
    gpu: process.platform === 'darwin' ? 'auto' : false,
    maxThreads: config.threads,
    skipDownload: true,
    progressLogs: false,
    logLevel: 'warn',
    logger: (_level, message) => warn(message.trim()),
  });
  const model = await llama.loadModel({ modelPath: config.model.path, gpuLayers: 0 });
  const template = await openChatTemplate(model);
  const room: WaitingRoom = { most: config.maxQueued, waiting: 0, secondsHeld: 0 };
  const contextTokens = Math.min(config.contextTokens, model.trainContextSize);
  const contexts = await openContexts({
    model,
    sequences: config.sequences,
    contextTokens,
    threads: config.threads,
    most: config.maxAdapters,
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

  /**
   * A pool may be closed to make room for another adapter between being found and being asked: it
   * is opened again then.
   */
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
        // A tenth more, since counting in pieces counts a little too much.
        const least = template.roughly(wish.messages, contextTokens * 1.1);
        if (least > contextTokens * 1.1)
          throw overflow(contextTokens, least, wish.maxTokens, 'at least ');
      }
      const prompt = template.tokensOf(wish.messages);
      const maxTokens = wish.maxTokens ?? contextTokens - prompt.length;
      if (maxTokens < 1 || prompt.length + maxTokens > contextTokens)
        throw overflow(contextTokens, prompt.length, wish.maxTokens);
      const grammar = wish.grammar === null ? null : await grammars.stateFor(wish.grammar);
      const { pool, slot } = await sequenceFor(
        wish.adapter === null ? null : await adapters.fileOf(wish.adapter),
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
