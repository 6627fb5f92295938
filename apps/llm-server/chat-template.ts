import { randomUUID } from 'node:crypto';
import type { ChatMessage } from '../../domain/language/chat';
import { ApiError } from './api-error';
import type { LlamaModel, Token } from './llama-cpp';
import { loadJinja } from './llama-cpp';

export interface ChatTemplate {
  /** The conversation in the model's chat format, up to the start of the assistant's answer. */
  tokensOf(messages: readonly ChatMessage[]): Token[];
  /**
   * Estimate the tokens of the messages, up to a little more than `max`: tokenizing megabytes
   * would block the event loop for seconds.
   */
  roughly(messages: readonly ChatMessage[], max: number): number;
}

/** The characters that are tokenized at once. The cuts split about two tokens in a thousand. */
const piece = 4_096;

/** The chat template of the GGUF file. @throws when it has none, as base models */
export async function openChatTemplate(model: LlamaModel): Promise<ChatTemplate> {
  const source = model.fileInfo.metadata['tokenizer']?.['chat_template'];
  if (typeof source !== 'string')
    throw new Error('the GGUF file has no tokenizer.chat_template, so it is not a chat model');
  const { Template } = await loadJinja();
  const template = new Template(source);
  const special = specialTexts(model);
  return {
    tokensOf(messages) {
      // A mark replaces the content of each message, so that `<|im_end|>` is a token only where the
      // template has it, not in a user's text.
      const mark = randomUUID();
      const marked = messages.map(({ role }, index) => ({ role, content: `${mark}${index};` }));
      const text = render(template, { messages: marked, add_generation_prompt: true, ...special });
      const [head = '', ...rest] = text.split(mark);
      const parts = [model.tokenize(head, true)];
      for (const part of rest) {
        const end = part.indexOf(';');
        parts.push(
          model.tokenize(messages[Number(part.slice(0, end))]?.content ?? '', false),
          model.tokenize(part.slice(end + 1), true),
        );
      }
      return parts.flat();
    },
    roughly(messages, max) {
      let tokens = 0;
      for (const { content } of messages) {
        for (let from = 0; from < content.length && tokens <= max; from += piece) {
          tokens += model.tokenize(content.slice(from, from + piece), false).length;
        }
      }
      return tokens;
    },
  };
}

function render(
  template: { render(values: Readonly<Record<string, unknown>>): string },
  values: Readonly<Record<string, unknown>>,
): string {
  try {
    return template.render(values);
  } catch (cause) {
    // Templates reject unsupported conversations, such as two user messages in a row.
    throw new ApiError(
      400,
      `messages: the model's chat template rejects them: ${(cause as Error).message}`,
      { code: 'invalid_value', param: 'messages', cause },
    );
  }
}

function specialTexts(model: LlamaModel): Record<string, string> {
  const tokenizer = model.fileInfo.metadata['tokenizer'];
  const ggml = (tokenizer?.['ggml'] ?? {}) as Readonly<Record<string, unknown>>;
  const text = (key: string): string => {
    const id = ggml[key];
    return typeof id === 'number' ? model.detokenize([id], true, []) : '';
  };
  return { bos_token: text('bos_token_id'), eos_token: text('eos_token_id') };
}
