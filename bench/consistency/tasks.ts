/**
 * Two tasks with known answers: a routing step with a schema, and questions with free answers,
 * where a rounding difference has more effect.
 */
import { llmDataPath } from '../../data/language/runtime-module';
import { quoteText, withDuckDb } from '../../data/sql/platform-sql';
import type { EvaluationCase } from '../../domain/language/cases/case';
import type { DimensionSpec } from '../../domain/language/dimension/dimension';
import type { PromptTemplate } from '../../domain/prompt/prompt';
import { dimensions as ofRouting, firstPrompt, glossCases } from '../prompt-search/task';

export interface ConsistencyTask {
  readonly name: string;
  readonly template: PromptTemplate;
  /** The variable that holds the user's text. */
  readonly input: string;
  readonly dimension: DimensionSpec;
  readonly cases: readonly EvaluationCase[];
}

const answerPrompt: PromptTemplate = {
  name: 'answer',
  messages: [
    { role: 'system', template: 'Answer in one short sentence.' },
    { role: 'user', template: '{{question}}' },
  ],
  variables: { question: { type: 'string', description: 'what the user wants to know' } },
  fewShot: null,
  answerSchema: null,
};

export async function openTasks(count: number): Promise<readonly ConsistencyTask[]> {
  const [dimension] = ofRouting;
  if (!dimension) throw new Error('the routing task measures nothing');
  const questions = await withDuckDb(
    (sql) =>
      sql.rows<{ readonly id: string; readonly question: string; readonly answer: string }>(
        `SELECT id, question, answers[1] AS answer FROM ${quoteText(llmDataPath('wiki-questions.parquet'))} WHERE len(answers) > 0 ORDER BY md5(id) LIMIT ${count}`,
      ),
    { memoryBytes: 256 << 20, threads: 1 },
  );
  return [
    {
      name: 'a kind, with a schema',
      template: firstPrompt,
      input: 'gloss',
      dimension,
      cases: await glossCases(count),
    },
    {
      name: 'a free answer',
      template: answerPrompt,
      input: 'question',
      dimension: { name: 'right', kind: 'f1' },
      cases: questions.map(({ id, question, answer }) => ({
        id,
        input: { question },
        expected: { answer },
        tags: [],
        group: null,
        pair: null,
        rules: [],
      })),
    },
  ];
}
