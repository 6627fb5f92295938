import { randomUUID } from 'node:crypto';
import { runInNewContext } from 'node:vm';
import type { ChatMessage } from '../../domain/chat/chat';
import { ApiError } from './api-error';
import type { LlamaModel, Token } from './llama-cpp';
import { loadJinja, type Jinja } from './llama-cpp';

export interface ChatTemplate {
  /** The conversation in the model's chat format, up to the start of the assistant's answer. */
  tokenize(messages: readonly ChatMessage[]): Token[];
  /**
   * Estimate the tokens of the messages, up to a little more than `max`: tokenizing megabytes
   * would block the event loop for seconds.
   */
  roughly(messages: readonly ChatMessage[], max: number): number;
}

/** The characters that are tokenized at once. The cuts split about two tokens in a thousand. */
const piece = 4_096;

/**
 * Templates are at most some 20 KB, and take milliseconds. A file from somebody else may hold one
 * that never ends, and this process has one event loop for all callers.
 */
const maxSourceBytes = 256 * 1024;
const maxRenderMs = 1_000;
/** The text besides the contents of messages, which are inserted afterwards. */
const maxTextBytes = { base: 256 * 1024, perMessage: 4_096 };

/**
 * The chat template of the GGUF file.
 * @throws when it has none, as base models, and when it is too large or does not end
 */
export async function openChatTemplate(
  model: Pick<LlamaModel, 'fileInfo' | 'tokenize' | 'detokenize'>,
  load: () => Promise<Jinja> = loadJinja,
): Promise<ChatTemplate> {
  const source = model.fileInfo.metadata['tokenizer']?.['chat_template'];
  if (typeof source !== 'string')
    throw new Error('the GGUF file has no tokenizer.chat_template, so it is not a chat model');
  if (Buffer.byteLength(source) > maxSourceBytes)
    throw unusable(`it has ${Buffer.byteLength(source)} bytes; at most ${maxSourceBytes} are read`);
  const { Template } = await load();
  const template = withinTime(() => new Template(source));
  const special = specialTexts(model);
  refuseUnusable(() => render(template, [{ role: 'user', content: 'hello' }], special));
  return {
    tokenize(messages) {
      // A mark replaces the content of each message, so that `<|im_end|>` is a token only where the
      // template has it, not in a user's text.
      const mark = randomUUID();
      const marked = messages.map(({ role }, index) => ({ role, content: `${mark}${index};` }));
      const text = render(template, marked, special);
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
  template: InstanceType<Jinja['Template']>,
  messages: readonly ChatMessage[],
  special: Readonly<Record<string, string>>,
): string {
  const maxBytes = maxTextBytes.base + messages.length * maxTextBytes.perMessage;
  try {
    const values = { messages, add_generation_prompt: true, ...special };
    const text = withinTime(() => template.render(values));
    if (text.length > maxBytes)
      throw unusable(`it made ${text.length} characters; at most ${maxBytes} are used`);
    return text;
  } catch (cause) {
    if (cause instanceof UnusableTemplate) throw cause;
    // Templates reject unsupported conversations, such as two user messages in a row.
    throw new ApiError(
      400,
      `messages: the model's chat template rejects them: ${(cause as Error).message}`,
      { code: 'invalid_value', param: 'messages', cause },
    );
  }
}

/** At the start, and not at the first question. A template may reject this conversation. */
function refuseUnusable(tryOut: () => unknown): void {
  try {
    tryOut();
  } catch (error) {
    if (error instanceof UnusableTemplate) throw error;
  }
}

/** A server error, because the caller cannot change the template. */
class UnusableTemplate extends ApiError {}

function unusable(why: string, cause?: unknown): UnusableTemplate {
  return new UnusableTemplate(
    500,
    `the chat template of the GGUF file cannot be used: ${why}; use a model with another template`,
    { code: 'chat_template_unusable', cause },
  );
}

/** Ends also a loop without an await. The interpreter gives a template only what is passed to it. */
function withinTime<T>(work: () => T): T {
  let result: { readonly value: T } | null = null;
  const run = (): void => {
    result = { value: work() };
  };
  try {
    runInNewContext('run()', { run }, { timeout: maxRenderMs });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT')
      throw unusable(`it did not end within ${maxRenderMs / 1000} s`, cause);
    throw cause;
  }
  return (result as unknown as { readonly value: T }).value;
}

function specialTexts(model: Pick<LlamaModel, 'fileInfo' | 'detokenize'>): Record<string, string> {
  const tokenizer = model.fileInfo.metadata['tokenizer'];
  const ggml = (tokenizer?.['ggml'] ?? {}) as Readonly<Record<string, unknown>>;
  const text = (key: string): string => {
    const id = ggml[key];
    return typeof id === 'number' ? model.detokenize([id], true, []) : '';
  };
  return { bos_token: text('bos_token_id'), eos_token: text('eos_token_id') };
}
