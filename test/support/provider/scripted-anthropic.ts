import type { Wire, WireAnswer } from './scripted-provider';

const event = (value: { readonly type: string } & Readonly<Record<string, unknown>>): string =>
  `event: ${value.type}\ndata: ${JSON.stringify(value)}\n\n`;
const reason = ({ finish }: WireAnswer) => (finish === 'length' ? 'max_tokens' : 'end_turn');
const errorTypes: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  404: 'not_found_error',
  429: 'rate_limit_error',
};

/** Messages as api.anthropic.com sends them; a tenth of the prompt counts as cached. */
export const anthropicWire: Wire = {
  path: '/v1/messages',
  read: (body) => {
    const messages = body['messages'] as readonly { readonly content: string }[];
    const system = typeof body['system'] === 'string' ? [body['system']] : [];
    return {
      model: String(body['model']),
      prompt: [...system, ...messages.map(({ content }) => content)].join('\n'),
      maxTokens: Number(body['max_tokens']),
      stream: body['stream'] === true,
      wantsJson: body['output_config'] !== undefined,
    };
  },
  whole: (answer) => ({
    type: 'message',
    role: 'assistant',
    model: answer.model,
    content: [{ type: 'text', text: answer.text }],
    stop_reason: reason(answer),
    usage: { ...input(answer), output_tokens: answer.completionTokens },
  }),
  head: (answer) => [
    event({
      type: 'message_start',
      message: { model: answer.model, usage: { ...input(answer), output_tokens: 1 } },
    }),
    event({ type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } }),
    event({ type: 'ping' }),
  ],
  piece: (text) =>
    event({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } }),
  tail: (answer) => [
    event({ type: 'content_block_stop', index: 0 }),
    event({
      type: 'message_delta',
      delta: { stop_reason: reason(answer) },
      usage: { output_tokens: answer.completionTokens },
    }),
    event({ type: 'message_stop' }),
  ],
  errorEvent: (error = { type: 'overloaded_error', message: 'Overloaded' }) =>
    event({ type: 'error', error: { type: 'api_error', ...error } }),
  error: (status, _, message) => ({
    type: 'error',
    error: { type: errorTypes[status] ?? 'api_error', message },
  }),
};

function input({ promptTokens }: WireAnswer) {
  const cached = Math.floor(promptTokens / 10);
  return { input_tokens: promptTokens - cached, cache_read_input_tokens: cached };
}
