/**
 * The parts of the provisioned data sets that the demo uses: the documents, and the questions with
 * their right answers.
 */
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { llmDataPath } from '../../../data/language/runtime-module';
import { quoteText, withDuckDb } from '../../../data/sql/platform-sql';
import type { IndexDocument } from '../../../domain/index/document';
import { caseSlice } from '../../../domain/language/cases/case-slices';

export interface WikiQuestion {
  readonly id: string;
  readonly text: string;
  /** Id of the document to find. */
  readonly document: string;
  /** All parts of the right answer; empty if it is unknown. */
  readonly answers: readonly string[];
  readonly answerable: boolean;
}

const limits = { memoryBytes: 512 << 20, threads: 1 };
const summaries = (): string => quoteText(llmDataPath('wiki-summaries.parquet'));
const questions = (): string => quoteText(llmDataPath('wiki-questions.parquet'));

/**
 * Writes this many documents as Parquet: first those that answer questions, then others by a hash,
 * so that they are the same each time. Null means all, and writes no file.
 */
export async function readDocuments(
  max: number | null,
  path: string,
): Promise<readonly IndexDocument[]> {
  return withDuckDb(async (sql) => {
    const chosen = `SELECT id, title, text FROM ${summaries()} ORDER BY id NOT IN (SELECT title FROM ${questions()}), md5(id) ${max === null ? '' : `LIMIT ${max}`}`;
    if (max !== null) {
      mkdirSync(dirname(path), { recursive: true });
      await sql.run(`COPY (${chosen}) TO ${quoteText(path)} (FORMAT parquet, COMPRESSION zstd)`);
    }
    const rows = await sql.rows<{ id: string; title: string; text: string }>(chosen);
    return rows.map((row) => ({ ...row, source: null }));
  }, limits);
}

export async function readQuestions(): Promise<readonly WikiQuestion[]> {
  return withDuckDb(async (sql) => {
    const rows = await sql.rows<{
      id: string;
      question: string;
      title: string;
      answers: string[];
      answerable: boolean;
    }>(
      `SELECT id, question, title, answers, answer_in_text AS answerable FROM ${questions()} ORDER BY md5(id)`,
    );
    return rows.map(({ id, question: text, title: document, answers, answerable }) => ({
      id,
      text,
      document,
      answers,
      answerable,
    }));
  }, limits);
}

/** The questions of users, with their right answers. */
export interface TrafficQuestion {
  readonly text: string;
  readonly answers: readonly string[];
}

/**
 * The questions with a known answer, without those that chose the prompt, which would favour it.
 * With `answerableFirst`, those come first whose answer is in the documents: most others are wrong
 * with and without an index, so that they take long to show a difference.
 */
export function chooseTraffic(
  all: readonly WikiQuestion[],
  cases: { readonly search: number; readonly confirm: number },
  order: 'asStored' | 'answerableFirst',
): readonly TrafficQuestion[] {
  const asked = all.filter(
    ({ id, answers, answerable }) =>
      answers.length > 0 && !(answerable && caseSlice({ id, pair: null }, cases) === 'search'),
  );
  const ordered =
    order === 'asStored'
      ? asked
      : [
          ...asked.filter(({ answerable }) => answerable),
          ...asked.filter(({ answerable }) => !answerable),
        ];
  return ordered.map(({ text, answers }) => ({ text, answers: [answers.join(', ')] }));
}
