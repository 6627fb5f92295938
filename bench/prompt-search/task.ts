/** The routing step of the search: which of eight kinds a WordNet definition describes, as JSON. */
import { DuckDBInstance } from '@duckdb/node-api';
import { llmDataPath } from '../../data/language/runtime-module';
import type { EvaluationCase } from '../../domain/language/cases/case';
import type { DimensionSpec } from '../../domain/language/dimension/dimension';
import type { PromptTemplate } from '../../domain/prompt/prompt';
import type { SearchSpec } from '../../domain/prompt-search/search';
import { createTfIdf } from '../../domain/index/tf-idf';

export const kinds = [
  'animal',
  'plant',
  'food',
  'artifact',
  'person',
  'location',
  'substance',
  'event',
] as const;
const listed = `${kinds.slice(0, -1).join(', ')} or ${kinds.at(-1) ?? ''}`;
const asked = 'Which kind of thing does this definition describe';

/** A plausible first prompt. */
export const firstPrompt: PromptTemplate = {
  name: 'kind-of-thing',
  messages: [
    { role: 'system', template: `${asked}: ${listed}?` },
    { role: 'user', template: 'Definition: {{gloss}}' },
  ],
  variables: { gloss: { type: 'string', description: 'the definition' } },
  fewShot: null,
  answerSchema: {
    type: 'object',
    properties: { kind: { enum: [...kinds] } },
    required: ['kind'],
    additionalProperties: false,
  },
};

export const dimensions: readonly DimensionSpec[] = [
  { name: 'kind', kind: 'label', labels: [...kinds] },
];

export function searchSpec({
  variants,
  seed,
  model,
}: {
  readonly variants: number;
  readonly seed: number;
  readonly model: string;
}): SearchSpec {
  const sizes = [2, 4, 8];
  return {
    quality: 'kind',
    proposers: [
      {
        kind: 'grid',
        axes: [
          { message: 0, find: asked, options: wordings },
          { message: 0, find: listed, options: lists },
          {
            message: 1,
            find: 'Definition: ',
            options: ['Definition: ', 'What is this? ', 'Text: ', ''],
          },
        ],
      },
      { kind: 'fewShot', sizes, draws: Math.ceil((variants * 0.9) / sizes.length), pool: 96 },
      { kind: 'mutate', provider: 'embedded', model, parents: 5, children: 2 },
    ],
    variants,
    halving: { firstCases: 2, eta: 5 },
    confirm: 0.45,
    budgetUsd: null,
    seed,
  };
}

const wordings = [
  asked,
  'Read the definition and name the kind of thing it defines',
  'Classify the definition of a noun. The classes are',
  'You sort words into kinds. Choose the one kind that fits the definition',
  'What does the following definition define? Answer with one word',
  'A dictionary editor asks you for the category of a word by its definition',
];

const lists = [
  listed,
  kinds.join(' / '),
  'animal, plant, food, artifact (something made by people), person, location, substance or event (something that happens)',
  'event, substance, location, person, artifact, food, plant or animal',
  'an animal, a plant, a food, an artifact, a person, a location, a substance or an event',
];

/** Equally many of each kind, chosen by their ids. */
export async function glossCases(count: number): Promise<readonly EvaluationCase[]> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
  const connection = await instance.connect();
  const reader = await connection.runAndReadAll(`
    SELECT id, gloss, substr(category, 6) AS kind
    FROM (SELECT *, row_number() OVER (PARTITION BY category ORDER BY hash(id)) AS place FROM '${llmDataPath('wordnet-glosses.parquet')}'
          WHERE category IN (${kinds.map((kind) => `'noun.${kind}'`).join(', ')}) AND length(gloss) BETWEEN 16 AND 110)
    WHERE place <= ${Math.ceil(count / kinds.length)} ORDER BY hash(id)`);
  const rows = reader.getRowObjectsJson() as unknown as readonly {
    readonly id: string;
    readonly gloss: string;
    readonly kind: string;
  }[];
  connection.closeSync();
  instance.closeSync();
  return rows.map(({ id, gloss, kind }) => ({
    id,
    input: { gloss },
    expected: { answer: JSON.stringify({ kind }), label: kind },
    tags: [],
    group: null,
    pair: null,
    rules: [],
  }));
}

/**
 * The trivial baseline: the majority kind of the 15 nearest known definitions by TF-IDF. Returns
 * its accuracy on `unseen`.
 */
export function nearestNeighbours(
  known: readonly EvaluationCase[],
  unseen: readonly EvaluationCase[],
): number {
  const byId = new Map(known.map(({ id, expected }) => [id, expected.label ?? '']));
  const search = createTfIdf(
    known.map(({ id, input }) => ({ id, text: String(input['gloss']), title: null, source: null })),
  );
  const right = unseen.filter(({ input, expected }) => {
    const votes = new Map<string, number>();
    for (const id of search(String(input['gloss']), 15))
      votes.set(byId.get(id) ?? '', (votes.get(byId.get(id) ?? '') ?? 0) + 1);
    return [...votes].sort(([, a], [, b]) => b - a)[0]?.[0] === expected.label;
  });
  return right.length / unseen.length;
}
