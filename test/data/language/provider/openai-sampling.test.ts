import type { EndpointRequest, Endpoint } from '../../../../data/language/provider/endpoint';
import {
  openAiProvider,
  type OpenAiSettings,
} from '../../../../data/language/provider/openai-provider';
import { question } from '../../../support/provider/model-access';

async function sent(
  maxTokensKey: OpenAiSettings['maxTokensKey'],
  sampling: { readonly temperature: number; readonly topP: number },
) {
  const asked: EndpointRequest[] = [];
  const answer = { choices: [{ message: { content: 'yes' } }] };
  const endpoint = {
    json: (ask: EndpointRequest) => Promise.resolve((asked.push(ask), answer)),
  } as unknown as Endpoint;
  const given = question('really?');
  const request = { ...given, model: 'some-model', sampling: { ...given.sampling, ...sampling } };
  await openAiProvider({ name: 'some', endpoint, maxTokensKey }).chat(request, {
    signal: new AbortController().signal,
  });
  return asked[0]?.body;
}

const usual = { temperature: 1, topP: 1 };

test('OpenAI gets no default sampling values, because thinking models refuse them', async () => {
  const body = await sent('max_completion_tokens', usual);
  expect(body).not.toHaveProperty('temperature');
  expect(body).not.toHaveProperty('top_p');
  expect(await sent('max_completion_tokens', { temperature: 0, topP: 0.5 })).toMatchObject({
    temperature: 0,
    top_p: 0.5,
  });
});

test('other servers get all sampling values, because their defaults may differ', async () => {
  expect(await sent('max_tokens', usual)).toMatchObject({ temperature: 1, top_p: 1 });
});
