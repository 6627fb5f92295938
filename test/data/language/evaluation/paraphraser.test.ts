import type { Asking } from '../../../../data/language/evaluation/answerer';
import { createParaphraser } from '../../../../data/language/evaluation/paraphraser';
import { failure, type FailureType } from '../../../../domain/failure';
import { defaultTenant as tenant } from '../../../../domain/ids';

const spec = {
  kind: 'paraphrase',
  provider: 'writer',
  model: 'writer',
  minSimilarity: 0.9,
} as const;

function failing(type: FailureType) {
  const refuse = () => Promise.reject(failure(type, 'as it was told'));
  const asking: Asking = {
    ...{
      chat: { ask: refuse, recall: refuse },
      tenant,
      scope: 'run/r',
      owner: { execution: 'r', attempt: 1 },
      budgets: [],
    },
  };
  return createParaphraser(asking, null)('Where does the river end?', spec);
}

describe('a paraphrase that is not given', () => {
  test.each<[FailureType, string]>([
    ['AnswerInvalid', 'no paraphrase was given'],
    ['ContextOverflow', 'ContextOverflow'],
    ['AnswerWithheld', 'AnswerWithheld'],
    ['ProviderRefused', 'ProviderRefused'],
  ])(
    '%s is said again of the same text, so that it is refused for everyone who is measured',
    async (type, reason) => {
      expect(await failing(type)).toEqual({ kind: 'refused', reason });
    },
  );

  test.each<FailureType>(['ProviderTimeout', 'AnswerLost', 'ProviderUnavailable', 'BudgetSpent'])(
    '%s is of the moment: the attempt ends, and nobody is measured with other paraphrases than the others',
    async (type) => {
      await expect(failing(type)).rejects.toMatchObject({ type });
    },
  );
});
