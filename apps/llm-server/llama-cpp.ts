import { importFromLlmRuntime } from '../../data/language/runtime-module';

/**
 * Types for the calls of node-llama-cpp that are used here. It belongs to the LLM runtime, which is
 * installed separately, so its own types cannot be imported.
 */
export interface LlamaCpp {
  getLlama(options: {
    readonly build: 'never';
    readonly gpu: false | 'auto';
    readonly maxThreads: number;
    readonly skipDownload: true;
    readonly progressLogs: false;
    readonly logLevel: 'warn';
    readonly logger: (level: string, message: string) => void;
  }): Promise<Llama>;
  readonly LlamaGrammarEvaluationState: new (of: {
    readonly model: LlamaModel;
    readonly grammar: Grammar;
  }) => GrammarState;
  readGgufFileInfo(path: string): Promise<{ readonly metadata: Readonly<Record<string, unknown>> }>;
}

export interface Llama {
  loadModel(options: { readonly modelPath: string; readonly gpuLayers: 0 }): Promise<LlamaModel>;
  createGrammar(options: { readonly grammar: string }): Promise<Grammar>;
  createGrammarForJsonSchema(schema: Readonly<Record<string, unknown>>): Promise<Grammar>;
  dispose(): Promise<void>;
}

export interface LlamaModel {
  readonly trainContextSize: number;
  readonly fileInfo: {
    readonly metadata: Readonly<Record<string, Readonly<Record<string, unknown>> | undefined>>;
  };
  /** With `specialTokens`, text such as `<|im_end|>` becomes the special token. */
  tokenize(text: string, specialTokens: boolean): Token[];
  detokenize(tokens: readonly Token[], specialTokens: boolean, before: readonly Token[]): string;
  createContext(options: {
    readonly sequences: number;
    readonly contextSize: number;
    readonly threads: number;
    readonly lora?: {
      readonly adapters: readonly { readonly filePath: string; readonly scale: number }[];
    };
  }): Promise<LlamaContext>;
}

export interface LlamaContext {
  readonly contextSize: number;
  getSequence(): LlamaSequence;
  dispose(): Promise<void>;
}

export interface LlamaSequence {
  readonly contextTokens: readonly Token[];
  readonly nextTokenIndex: number;
  /** Drop the state after the common prefix of both. */
  adaptStateToTokens(tokens: readonly Token[], allowShift: false): Promise<void>;
  clearHistory(): Promise<void>;
  /**
   * Generate tokens up to the model's end token. Concurrent sequences of a context are computed in
   * one batch.
   */
  evaluate(tokens: readonly Token[], options: EvaluateOptions): AsyncGenerator<Token, void>;
}

export interface EvaluateOptions {
  readonly temperature: number;
  readonly topP: number;
  readonly seed: number;
  readonly grammarEvaluationState?: GrammarState;
  readonly repeatPenalty?: {
    readonly punishTokens: () => readonly Token[];
    readonly penalty: 1;
    readonly frequencyPenalty: number;
    readonly presencePenalty: number;
  };
}

export type Token = number & { readonly __token?: never };
export interface Grammar {
  readonly grammar: string;
}
export type GrammarState = object;

export interface Jinja {
  readonly Template: new (source: string) => {
    render(values: Readonly<Record<string, unknown>>): string;
  };
}

/** @throws PlatformUnavailable when the LLM runtime is not installed */
export async function loadLlamaCpp(): Promise<LlamaCpp> {
  return (await importFromLlmRuntime('node-llama-cpp')) as LlamaCpp;
}

/** @throws PlatformUnavailable when the LLM runtime is not installed */
export async function loadJinja(): Promise<Jinja> {
  return (await importFromLlmRuntime('@huggingface/jinja')) as Jinja;
}
