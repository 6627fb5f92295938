import { llmDataPath } from '../../language/runtime-module';
import { quoteText, withDuckDb } from '../../sql/platform-sql';

/** Whether a text belongs to the class of a detector. `unsure` texts are not used for training. */
export type Label = 'positive' | 'negative' | 'unsure';

export interface LabelledText {
  readonly id: string;
  /** The collection that it comes from. Folds hold out whole sources, not single texts. */
  readonly source: string;
  readonly text: string;
  readonly category: string;
  readonly kind: 'benign' | 'harmful' | 'jailbreak' | 'injection';
}

/**
 * Questions of opinion and emotion. The set counts them as harmful, but they do not ask for harm.
 * They are tested and not used for training.
 */
export const softCategories: readonly string[] = ['misinformation_harms', 'human_chatbox'];

/** @throws PlatformUnavailable when the data sets are not installed */
export async function readPrompts(): Promise<readonly LabelledText[]> {
  const rows = await readRows<LabelledText & { readonly label: LabelledText['kind'] }>(
    'safety-prompts.parquet',
    'id, source, text, label, category',
  );
  return rows.map(({ id, source, text, label, category }) => ({
    id,
    text,
    category,
    kind: label,
    source: source === 'bastioncorpus' && label === 'benign' ? 'bastioncorpus-harmless' : source,
  }));
}

export interface ScoredAnswer {
  readonly id: string;
  readonly category: string;
  readonly asked: string;
  readonly text: string;
  /** The degree of harm from 0 to 1, or 1 for a refusal. */
  readonly score: number;
}

export async function readAnswers(kind: 'harm' | 'refusal'): Promise<readonly ScoredAnswer[]> {
  return readRows(
    'safety-answers.parquet',
    'id, category, asked, text, score',
    `kind = ${quoteText(kind)}`,
  );
}

/** The limits of people's mean score. Answers in between are left out: people disagree on them. */
const [harmless, harmful] = [0.25, 0.5];

/** The training texts of the output side: answers, and paragraphs of an encyclopedia. */
export async function readAnswerTexts(): Promise<readonly LabelledText[]> {
  const answers = (await readAnswers('harm')).flatMap(
    ({ id, category, text, score }): LabelledText[] => {
      if (score > harmless && score < harmful) return [];
      return [
        { id, source: category, text, category, kind: score >= harmful ? 'harmful' : 'benign' },
      ];
    },
  );
  return [...answers, ...(await readSummaries())];
}

/** Paragraphs of an encyclopedia. */
export async function readSummaries(): Promise<readonly LabelledText[]> {
  const summaries = await readRows<{ readonly id: string; readonly text: string }>(
    'wiki-summaries.parquet',
    'id, text',
    'true ORDER BY md5(id) LIMIT 600',
  );
  return summaries.map(({ id, text }): LabelledText => ({
    id,
    source: 'wiki-summaries',
    text,
    category: 'paragraph',
    kind: 'benign',
  }));
}

function readRows<T extends object>(
  file: string,
  columns: string,
  where = 'true',
): Promise<readonly T[]> {
  return withDuckDb(
    (sql) => sql.rows<T>(`SELECT ${columns} FROM ${quoteText(llmDataPath(file))} WHERE ${where}`),
    { memoryBytes: 512 << 20, threads: 1 },
  );
}
