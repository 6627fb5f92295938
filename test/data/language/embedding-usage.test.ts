import type { Endpoint } from '../../../data/language/provider/endpoint';
import { openAiProvider } from '../../../data/language/provider/openai-provider';

const embedded = (usage: object) => {
  const answer = { data: [{ index: 0, embedding: [1, 0] }], ...usage };
  const endpoint = { json: () => Promise.resolve(answer) } as unknown as Endpoint;
  return openAiProvider({ name: 'local', endpoint, maxTokensKey: 'max_tokens' }).embed(
    { model: 'embed-small', texts: ['x'.repeat(400)] },
    { signal: new AbortController().signal },
  );
};

test('embeddings cost the tokens that the provider reports, or one token per four bytes', async () => {
  expect((await embedded({ usage: { prompt_tokens: 7 } })).usage).toEqual({
    promptTokens: 7,
    completionTokens: 0,
  });
  expect((await embedded({})).usage).toEqual({ promptTokens: 101, completionTokens: 0 });
});
