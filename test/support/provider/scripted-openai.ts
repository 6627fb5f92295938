import type { Wire, WireAnswer } from './scripted-provider';

const event = (value: unknown): string => `data: ${JSON.stringify(value)}\n\n`;
const usage = ({ promptTokens, completionTokens }: WireAnswer) => ({
  prompt_tokens: promptTokens,
  completion_tokens: completionTokens,
  total_tokens: promptTokens + completionTokens,
});

/** Chat Completions, as api.openai.com sends them. */
export const openAiWire: Wire = {
  path: '/v1/chat/completions',
  read: (body) => ({
    model: String(body['model']),
    prompt: (body['messages'] as readonly { readonly content: string }[])
      .map(({ content }) => content)
      .join('\n'),
    maxTokens: Number(body['max_tokens'] ?? body['max_completion_tokens'] ?? 100),
    stream: body['stream'] === true,
    wantsJson: body['response_format'] !== undefined,
  }),
  whole: (answer) => ({
    object: 'chat.completion',
    model: answer.model,
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: answer.text },
        finish_reason: answer.finish,
      },
    ],
    usage: usage(answer),
  }),
  head: (answer) => [
    event({
      model: answer.model,
      choices: [{ index: 0, delta: { role: 'assistant', content: '' }, finish_reason: null }],
    }),
  ],
  piece: (content, { model }) =>
    event({ model, choices: [{ index: 0, delta: { content }, finish_reason: null }] }),
  tail: (answer) => [
    event({
      model: answer.model,
      choices: [{ index: 0, delta: {}, finish_reason: answer.finish }],
    }),
    event({ model: answer.model, choices: [], usage: usage(answer) }),
    'data: [DONE]\n\n',
  ],
  errorEvent: (error = { message: 'The server had an error', type: 'server_error' }) =>
    event({ error }),
  error: (_, code, message, param) => ({
    error: { message, type: 'invalid_request_error', code, param: param ?? null },
  }),
};
