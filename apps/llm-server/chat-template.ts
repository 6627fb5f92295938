import { randomUUID } from 'node:crypto';
import type { ChatMessage } from '../../domain/language/chat';
import { ApiError } from './api-error';
import type { LlamaModel, Token } from './llama-cpp';
import { loadJinja } from './llama-cpp';

export interface ChatTemplate {
  /** The conversation as the model was trained to read it, up to where the assistant begins. */
  tokensOf(messages: readonly ChatMessage[]): Token[];
  /**
   * About how many tokens the messages have, without reading on beyond `most`: a text of megabytes
   * would hold the event loop for seconds.
   */
  roughly(messages: readonly ChatMessage[], most: number): number;
}

/** Characters that are counted at once. Cutting there splits a token or two in a thousand. */
const piece = 4_096;

/** The template inside the GGUF file. @throws when the file has none: a base model has no chat. */
export async function openChatTemplate(model: LlamaModel): Promise<ChatTemplate> {
  const source = model.fileInfo.metadata['tokenizer']?.['chat_template'];
  if (typeof source !== 'string')
    throw new Error('the GGUF file has no tokenizer.chat_template, so it is not a chat model');
  const { Template } = await loadJinja();
  const template = new Template(source);
  const special = specialTexts(model);
  return {
    tokensOf(messages) {
      // A mark stands where a message's content goes: the template's own `<|im_end|>` are tokens,
      // the same characters from a user are text.
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
    roughly(messages, most) {
      let tokens = 0;
      for (const { content } of messages) {
        for (let from = 0; from < content.length && tokens <= most; from += piece) {
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
    // Templates refuse conversations that the model never saw, of two user messages in a row for
    // one.
    throw new ApiError(
      400,
      `messages: the model's chat template rejects them: ${(cause as Error).message}`,
      {
        code: 'invalid_value',
        param: 'messages',
        cause,
      },
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
