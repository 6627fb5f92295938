import type { LedgerAccess } from '../../../../data/language/reranker';
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
  const asking: LedgerAccess = {
    chat: { ask: refuse, recall: refuse },
    tenant,
    scope: 'run/r',
    owner: { execution: 'r', attempt: 1 },
    budgets: [],
  };
  return createParaphraser(asking, null)('Where does the river end?', spec);
}

describe('a paraphrase that fails', () => {
  test.each<[FailureType, string]>([
    ['AnswerInvalid', 'no paraphrase was given'],
    ['ContextOverflow', 'ContextOverflow'],
    ['AnswerWithheld', 'AnswerWithheld'],
    ['ProviderRefused', 'ProviderRefused'],
  ])(
    '%s depends on the text, so the paraphrase is refused for all candidates',
    async (type, reason) => {
      expect(await failing(type)).toEqual({ kind: 'refused', reason });
    },
  );

  test.each<FailureType>(['ProviderTimeout', 'AnswerLost', 'ProviderUnavailable', 'BudgetSpent'])(
    '%s does not depend on the text, so it ends the attempt',
    async (type) => {
      await expect(failing(type)).rejects.toMatchObject({ type });
    },
  );
});
