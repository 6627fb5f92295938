import { setTimeout as pause } from 'node:timers/promises';
import { computeDigest } from '../../../../data/digest';
import { maxInProgress } from '../../../../data/language/evaluation/pool';
import { createEvaluatorTools } from '../../../../data/language/evaluation/evaluator-tools';
import { runSearch } from '../../../../data/prompt/run-search';
import type { EvaluationCase } from '../../../../domain/language/cases/case';
import type { PromptTemplate } from '../../../../domain/prompt/prompt';
import { openGauge } from '../../../support/time/gauge';

const first: PromptTemplate = {
  name: 'answer',
  messages: [{ role: 'user', template: 'Be TONE: {{question}}' }],
  variables: { question: { type: 'string', description: 'what is asked' } },
  fewShot: null,
  answerSchema: null,
};

describe('a search that asks several prompts at once', () => {
  const cases = Array.from({ length: 40 }, (_, place): EvaluationCase => {
    const id = `case-${place}`;
    return {
      id,
      input: { question: id },
      expected: { answer: 'x' },
      tags: [],
      group: null,
      pair: null,
      rules: [],
    };
  });

  // More prompts than concurrent questions, fewer, and a number that does not divide evenly.
  test.each([1, 2, 4, 6, 16])(
    'has no more questions in progress than a single evaluation (%d at once)',
    async (parallel) => {
      const [asked, underWay] = [openGauge(), openGauge()];
      await runSearch({
        first,
        cases,
        caseSet: computeDigest(cases),
        dimensions: [{ name: 'exact', kind: 'exact' }],
        spec: {
          quality: 'exact',
          proposers: [
            {
              kind: 'grid',
              axes: [
                {
                  message: 0,
                  find: 'TONE',
                  options: ['kind', 'brief', 'loud', 'slow', 'calm', 'dry', 'odd', 'shy'],
                },
              ],
            },
          ],
          variants: 9,
          halving: { firstCases: 4, eta: 2 },
          confirm: 0.4,
          budgetUsd: null,
          seed: 1,
        },
        createAnswerer:
          () =>
          async (_, { place }) => {
            await underWay.during(async () => {
              await place?.(() => asked.during(() => pause(1)));
              await pause(1);
            });
            return { text: 'x', retrieved: [], latencyMs: 1, cost: 0, fromLedger: false };
          },
        openMutator: () => {
          throw new Error('nothing is rewritten');
        },
        judges: {},
        tools: createEvaluatorTools(null),
        parallel,
      });
      expect(asked.peak()).toBe(parallel);
      expect(underWay.peak()).toBeLessThanOrEqual(maxInProgress(parallel));
    },
  );
});
