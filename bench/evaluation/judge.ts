/**
 * Measures how far a judge agrees with certain labels: the known answer of a question, and the
 * known answer of another question.
 */
import { DuckDBInstance } from '@duckdb/node-api';
import type { LedgerAccess } from '../../data/language/reranker';
import { calibrateJudge, createJudge } from '../../data/language/evaluation/judge';
import type { ModelTarget } from '../../data/language/attempt';
import { llmDataPath } from '../../data/language/runtime-module';
import type { JudgeCalibration } from '../../domain/language/judge/calibration';
import type { PromptTemplate } from '../../domain/prompt/prompt';

type LabelledAnswers = Parameters<typeof calibrateJudge>[1];

const template: PromptTemplate = {
  name: 'same-answer',
  messages: [
    {
      role: 'system',
      template:
        'You compare an answer to a question with the known right answer. Say whether the answer is right or wrong.',
    },
    {
      role: 'user',
      template:
        'Question: {{question}}\nKnown answer: {{reference}}\nAnswer: {{answer}}\nIs the answer right or wrong?',
    },
  ],
  variables: Object.fromEntries(
    ['question', 'reference', 'answer'].map((name) => [name, { type: 'string', description: '' }]),
  ),
  fewShot: null,
  answerSchema: null,
};

export async function judgeAgreement(
  asking: LedgerAccess,
  target: ModelTarget,
  count: number,
): Promise<JudgeCalibration> {
  const judge = createJudge({
    asking,
    template,
    target,
    sampling: { temperature: 0, topP: 1, maxTokens: 60, seed: 1, stop: [] },
  });
  return calibrateJudge(judge, await constructed(count), { parallel: 4 });
}

/**
 * Half of the answers are right: the known answer itself. The other half is the answer of the next
 * question that has a different one.
 */
async function constructed(count: number): Promise<LabelledAnswers> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
  const connection = await instance.connect();
  const reader = await connection.runAndReadAll(
    `SELECT id, question, answers[1] AS answer FROM '${llmDataPath('wiki-questions.parquet')}' WHERE len(answers) = 1 ORDER BY hash(id) LIMIT ${count + 1}`,
  );
  const rows = reader.getRowObjectsJson() as unknown as readonly {
    readonly id: string;
    readonly question: string;
    readonly answer: string;
  }[];
  connection.closeSync();
  instance.closeSync();
  return rows.slice(0, count).flatMap(({ id, question, answer }, index): LabelledAnswers => {
    const isRight = index % 2 === 0;
    const given = isRight ? answer : (rows[index + 1]?.answer ?? answer);
    if (!isRight && given === answer) return [];
    const of = {
      id,
      input: { question },
      expected: { answer },
      tags: [],
      group: null,
      pair: null,
      rules: [],
    };
    return [{ case: of, answer: given, right: isRight }];
  });
}
