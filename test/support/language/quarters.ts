/**
 * A small language application for real models: an index of made-up parts of towns, and a question
 * about each, which no model can answer without its document.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export const quarters = { model: 'quarters', cases: 24 } as const;
const { model, cases } = quarters;
const colours = [
  'amber',
  'azure',
  'crimson',
  'ivory',
  'ochre',
  'olive',
  'scarlet',
  'violet',
] as const;
const towns = [
  'Ashford',
  'Brackley',
  'Corwen',
  'Dunster',
  'Eltham',
  'Farnham',
  'Glossop',
  'Hexham',
  'Ilkley',
  'Jarrow',
  'Keswick',
  'Ludlow',
] as const;

interface Question {
  readonly question: string;
  readonly document: string;
  readonly colour: string;
}

export function buildQuestion(index: number): Question {
  const town = towns[index % towns.length] ?? '';
  const inn = `${town} ${index < towns.length ? 'Old' : 'New'} Quarter`;
  return {
    question: `Which colour are the doors of ${inn}?`,
    document: `q${index}`,
    colour: colours[index % colours.length] ?? '',
  };
}

/** Writes the lifecycle's folder and returns its path. */
export function writeQuarters(parent: string): string {
  const folder = join(parent, model);
  mkdirSync(join(folder, 'prompts'), { recursive: true });
  const questions = Array.from({ length: cases }, (_, index) => buildQuestion(index));
  const lines = (values: readonly unknown[]) =>
    values.map((value) => `${JSON.stringify(value)}\n`).join('');
  writeFileSync(
    join(folder, 'documents.ndjson'),
    lines(
      questions.map(({ question, document, colour }) => {
        const place = question.replace('Which colour are the doors of ', '').replace('?', '');
        return {
          id: document,
          title: place,
          text: `${place} is a part of its town. By an old custom all doors there are ${colour}.`,
        };
      }),
    ),
  );
  writeFileSync(
    join(folder, 'cases.ndjson'),
    lines(
      questions.map(({ question, document, colour }) => ({
        id: document,
        input: { question },
        expected: { answer: colour, documents: [document] },
      })),
    ),
  );
  writeFileSync(
    join(folder, 'prompts', 'found.yaml'),
    `apiVersion: perennial.dev/v1
kind: Prompt
metadata: { name: found }
spec:
  variables:
    question: { type: string, description: what is asked }
    passages: { type: string, description: what was found }
  messages:
    - { role: system, template: "Answer in one word from the passages." }
    - { role: user, template: "{{passages}}\\n\\n{{question}}" }
`,
  );
  writeFileSync(
    join(folder, 'lifecycle.yaml'),
    `apiVersion: perennial.dev/v1
kind: LlmLifecycle
metadata: { name: ${model}, owner: ops@example.org }
spec:
  model: { name: smollm2-135m-instruct }
  sampling: { maxTokens: 16 }
  prompt: { candidates: [prompts/found.yaml], input: question }
  cases: { file: cases.ndjson, search: 0, confirm: 0 }
  data: { sources: { documents: { uri: "file://./documents.ndjson" } } }
  index: { name: quarters, documents: documents, k: 2 }
  evaluate:
    dimensions: [{ name: found, kind: retrieval, metric: "recall@2" }, { name: right, kind: f1 }]
    gates: [{ name: finds, kind: threshold, dimension: found, min: 0.4, minCases: 20 }]
`,
  );
  return folder;
}
