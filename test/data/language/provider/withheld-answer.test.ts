/**
 * A verdict or proposal that a provider's filter withholds depends on the text and must not end an
 * evaluation.
 */
import type { LedgerAccess } from '../../../../data/language/reranker';
import { caseScreens } from '../../../../data/language/evaluation/case-screens';
import { createJudge } from '../../../../data/language/evaluation/judge';
import { createMutator } from '../../../../data/prompt/propose';
import { openDetectors } from '../../../../data/safety/open-detectors';
import { failure, type FailureType } from '../../../../domain/failure';
import { defaultTenant as tenant } from '../../../../domain/ids';
import type { Sampling } from '../../../../domain/chat/chat';
import type { PromptTemplate } from '../../../../domain/prompt/prompt';

const target = { provider: 'p', model: 'm' };
const sampling: Sampling = { temperature: 0, topP: 1, maxTokens: 40, seed: 1, stop: [] };

function failWith(type: FailureType): LedgerAccess {
  const refuse = () => Promise.reject(failure(type, 'as it was told'));
  return {
    chat: { ask: refuse, recall: refuse },
    tenant,
    scope: 's',
    owner: { execution: 'e', attempt: 1 },
    budgets: [],
  };
}

test('a withheld verdict of a judge is a missing verdict', async () => {
  const template: PromptTemplate = {
    name: 'judge',
    fewShot: null,
    answerSchema: { type: 'object' },
    messages: [{ role: 'user', template: '{{answer}}' }],
    variables: { answer: { type: 'string', description: '' } },
  };
  const of = { id: 'c', input: {}, expected: {}, tags: [], group: null, pair: null, rules: [] };
  const createFailingJudge = (type: FailureType) =>
    createJudge({ asking: failWith(type), template, target, sampling });
  expect(await createFailingJudge('AnswerWithheld').verdicts(of, 'x')).toEqual([null]);
  await expect(createFailingJudge('BudgetSpent').verdicts(of, 'x')).rejects.toMatchObject({
    type: 'BudgetSpent',
  });
});

test('a withheld proposal of a mutator gives no variant', async () => {
  const mutate = (type: FailureType) =>
    createMutator({ asking: failWith(type), target, sampling })(
      [{ role: 'user', content: 'x' }],
      0,
    );
  expect(await mutate('AnswerWithheld')).toBeNull();
  await expect(mutate('BudgetSpent')).rejects.toMatchObject({ type: 'BudgetSpent' });
});

test('after a withheld verdict the policy decides; a detector that cannot be asked throws', async () => {
  const guard = {
    provider: 'p',
    model: 'm',
    timeoutSeconds: 5,
    categories: [],
    prompt: null,
    answers: 'llamaGuard',
  } as const;
  const policy = {
    name: 'p',
    detectors: [
      { ...guard, name: 'g', kind: 'guardModel', on: ['input'], action: 'block', onError: 'block' },
    ],
  } as const;
  const detectors = openDetectors({
    embedders: { get: () => Promise.reject(new Error('no embedder')) },
  });
  const screen = (type: FailureType) =>
    caseScreens({ policy, detectors, asking: failWith(type) })
      .open()
      .screen('input', 'hello');
  expect(await screen('AnswerWithheld')).toMatchObject({
    outcome: 'blocked',
    findings: [{ failure: 'AnswerWithheld' }],
  });
  await expect(screen('ProviderUnavailable')).rejects.toMatchObject({
    type: 'ProviderUnavailable',
  });
});
