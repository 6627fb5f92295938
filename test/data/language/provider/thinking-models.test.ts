import { openModelAccess, type ModelAccess } from '../../../../data/language/model-access';
import type { ProviderSettings } from '../../../../domain/provider/settings';
import { noSecret, providerAt, question, tenant } from '../../../support/provider/model-access';
import {
  openScriptedProvider,
  type ScriptedProvider,
} from '../../../support/provider/scripted-provider';

/** Judges, guard models and paraphrasers have fixed sampling settings. */
describe.each([
  ['openai', 'max_completion_tokens'],
  ['anthropic', 'max_tokens'],
] as const)('a model that thinks, over the %s protocol', (protocol, maxTokensKey) => {
  let server: ScriptedProvider;
  let access: ModelAccess;
  const ask = async (settings: Partial<ProviderSettings>) => {
    server = await openScriptedProvider({ thoughts: 100, answer: () => 'yes it is' });
    access = openModelAccess([providerAt(server.url, { protocol, ...settings })], noSecret);
    const judged = question('Is it right?', {
      sampling: { temperature: 0, topP: 0.9, maxTokens: 50, seed: 17, stop: ['END'] },
    });
    return access.chat([{ provider: 'scripted', model: 'scripted' }], judged, { tenant });
  };
  afterEach(async () => {
    await access.close();
    await server.close();
  });

  test('refuses sampling parameters when the settings do not name the model', async () => {
    await expect(ask({ thinkingTokens: { another: 400 } })).rejects.toMatchObject({
      type: 'ProviderRefused',
    });
    expect(server.bill).toEqual([]);
  });

  test('answers without sampling parameters and with room for its thoughts once it is named', async () => {
    const { answer } = await ask({ thinkingTokens: { scripted: 400 } });
    expect(answer).toMatchObject({
      text: 'yes it is',
      finish: 'stop',
      usage: { completionTokens: 103 },
    });
    const [sent] = server.requests;
    expect(sent?.body).toMatchObject({ [maxTokensKey]: 450 });
    for (const parameter of ['temperature', 'top_p', 'seed', 'stop', 'stop_sequences'])
      expect(sent?.body).not.toHaveProperty(parameter);
  });
});
