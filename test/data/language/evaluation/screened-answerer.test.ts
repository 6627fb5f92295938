import type { Answerer } from '../../../../data/language/evaluation/answerer';
import type { LedgerAccess } from '../../../../data/language/reranker';
import { caseScreens } from '../../../../data/language/evaluation/case-screens';
import { screenedAnswerer } from '../../../../data/language/evaluation/screened-answerer';
import { failure } from '../../../../domain/failure';
import { defaultTenant } from '../../../../domain/ids';
import { redTeamCase } from '../../../../domain/language/cases/red-team';
import type { SafetyPolicy } from '../../../../domain/safety/policy';
import { wordDetectors as detectors } from '../../../support/language/word-detectors';

const policy: SafetyPolicy = {
  name: 'p',
  detectors: [
    { name: 'bad', kind: 'secrets', on: ['input', 'output'], action: 'block', onError: 'block' },
    {
      name: 'mail',
      kind: 'blocklist',
      phrases: ['mail'],
      on: ['input'],
      action: 'redact',
      onError: 'block',
    },
  ],
};
/** No detector of this policy asks a model. */
const nobody = { tenant: defaultTenant } as LedgerAccess;
const buildCase = (text: string) =>
  redTeamCase({ id: text, text, isAttack: true, source: 's', category: 'c' });

function echo(): Answerer & { readonly asked: unknown[] } {
  const asked: unknown[] = [];
  const answerer: Answerer = ({ input }) => {
    asked.push(input['question']);
    return Promise.resolve({
      text: `${String(input['question'])}!`,
      retrieved: [],
      latencyMs: 1,
      cost: 1,
      fromLedger: false,
    });
  };
  return Object.assign(answerer, { asked });
}

const ask = (answerer: Answerer, text: string) => answerer(buildCase(text), { repeat: 0 });

describe('an answerer behind a policy', () => {
  test('does not ask or pay for a blocked question', async () => {
    const model = echo();
    const answerer = screenedAnswerer(
      model,
      caseScreens({ policy, detectors, asking: nobody }),
      'question',
    );
    expect(await ask(answerer, 'bad')).toMatchObject({ text: '', blocked: 'input', cost: 0 });
    expect(model.asked).toEqual([]);
  });

  test('asks the question with personal data redacted', async () => {
    const model = echo();
    const answerer = screenedAnswerer(
      model,
      caseScreens({ policy, detectors, asking: nobody }),
      'question',
    );
    expect(await ask(answerer, 'my mail')).toMatchObject({ text: 'my [mail]!' });
    expect(model.asked).toEqual(['my [mail]']);
  });

  test('names the side that was blocked and reports the cost', async () => {
    const says: Answerer = () =>
      Promise.resolve({ text: 'bad', retrieved: [], latencyMs: 1, cost: 1, fromLedger: false });
    const answerer = screenedAnswerer(
      says,
      caseScreens({ policy, detectors, asking: nobody }),
      'question',
    );
    expect(await ask(answerer, 'well')).toMatchObject({ text: '', blocked: 'output', cost: 1 });
  });

  test('fails when the files of its detectors are missing', async () => {
    const prepare = () =>
      Promise.reject(failure('PlatformUnavailable', 'not here', { next: 'npm run provision:llm' }));
    const answerer = screenedAnswerer(
      echo(),
      caseScreens({ policy, detectors: { ...detectors, prepare }, asking: nobody }),
      'question',
    );
    await expect(ask(answerer, 'well')).rejects.toMatchObject({
      type: 'PlatformUnavailable',
      next: 'npm run provision:llm',
    });
  });
});
