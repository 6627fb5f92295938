import type { LlamaModel } from '../../../apps/llm-server/llama-cpp';

/** A model that has only a chat template, and whose tokens are numbers of characters. */
export function templateModel(
  source: string,
): Pick<LlamaModel, 'fileInfo' | 'tokenize' | 'detokenize'> {
  return {
    fileInfo: { metadata: { tokenizer: { chat_template: source } } },
    tokenize: (text) => Array.from(text, (character) => character.codePointAt(0) ?? 0),
    detokenize: (tokens) => String.fromCodePoint(...tokens),
  };
}
