/**
 * A small language application on a scripted provider: questions about the code of a thing. One of
 * its instructions gives better answers.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ScriptedRequest } from '../provider/scripted-provider';

export interface TinyLlmOptions {
  readonly name: string;
  /**
   * Instructions; the first one is the current prompt. The word `precise` makes the provider right.
   */
  readonly prompts?: readonly string[];
  readonly cases?: number;
  /** Other instructions for the search, in place of the first one's. */
  readonly searched?: readonly string[];
  /** Replaces the gates. */
  readonly gates?: string;
  /** A judge beside the measure, with this many labels of each kind. */
  readonly judgeLabels?: number;
  /** Fine-tuned by its provider, `acme`, with separate examples. */
  readonly tunedBy?: 'acme';
  /**
   * The number of short documents in an index that every question searches, embedded by the
   * scripted provider's `embedder`.
   */
  readonly documents?: number;
  /**
   * The number of documents that are searched, each by its own words, before a new index version
   * becomes the champion.
   */
  readonly asked?: number;
  /** More lines of the spec, indented by two. */
  readonly more?: string;
  readonly parallel?: number;
}

/** Writes the lifecycle's folder and returns its path. */
export function writeTinyLlmLifecycle(parent: string, options: TinyLlmOptions): string {
  const { name, prompts = ['Answer.', 'Be precise.'], cases = 240 } = options;
  const folder = join(parent, name);
  mkdirSync(join(folder, 'prompts'), { recursive: true });
  const paths = prompts.map((_, index) => `prompts/p${index}.yaml`);
  const finds = options.documents !== undefined;
  prompts.forEach((instruction, index) =>
    writeFileSync(join(folder, paths[index] ?? ''), promptText(`p${index}`, instruction, finds)),
  );
  writeFileSync(
    join(folder, 'cases.ndjson'),
    Array.from({ length: cases }, (_, index) => caseLine(name, index)).join(''),
  );
  writeFileSync(join(folder, 'examples.ndjson'), exampleLines);
  writeFileSync(join(folder, 'documents.ndjson'), documentLines(name, options.documents ?? 1));
  writeFileSync(join(folder, 'questions.ndjson'), questionLines(name, options.asked ?? 1));
  writeFileSync(join(folder, 'judge.yaml'), judgePrompt);
  writeFileSync(join(folder, 'labels.ndjson'), labelLines(options.judgeLabels ?? 1));
  writeFileSync(join(folder, 'lifecycle.yaml'), lifecycleText(options, paths));
  return folder;
}

function lifecycleText(
  {
    name,
    prompts = [],
    searched,
    gates,
    judgeLabels,
    tunedBy,
    documents,
    asked,
    more = '',
    parallel = 8,
  }: TinyLlmOptions,
  paths: readonly string[],
): string {
  const judge =
    judgeLabels === undefined
      ? ''
      : ', { name: judged, kind: judge, prompt: judge.yaml, model: scripted, labels: labels.ndjson }';
  const options = JSON.stringify(searched);
  const search = `, search: { proposers: [{ kind: grid, axes: [{ find: ${JSON.stringify(prompts[0])}, options: ${options} }] }], halving: { firstCases: 16 } }`;
  const chooses = paths.length > 1 || searched !== undefined;
  const chosen = chooses
    ? `  promptEval: { quality: right${searched === undefined ? '' : search} }\n`
    : '';
  return `apiVersion: perennial.dev/v1
kind: LlmLifecycle
metadata: { name: ${name}, owner: ops@example.org }
spec:
  model: { ${tunedBy === undefined ? '' : `provider: ${tunedBy}, `}name: scripted }
  prompt: { candidates: [${paths.join(', ')}], input: question }
  cases: { file: cases.ndjson${chooses ? '' : ', search: 0, confirm: 0'} }
${chosen}  evaluate:
    dimensions: [{ name: right, kind: exact }${judge}]
    gates: ${gates ?? '[{ name: useful, kind: threshold, dimension: right, min: 0.6 }, { name: no-worse, kind: nonInferiority, dimension: right, margin: 0.25 }]'}
    parallel: ${parallel}
${tunedBy === undefined ? '' : tuning}${documents === undefined ? '' : indexed(name, asked)}${more}`;
}

const tuning = `  data: { sources: { examples: { uri: "file://./examples.ndjson" } } }
  fineTune: { examples: examples, by: provider, params: { n_epochs: 2 } }
`;

function indexed(name: string, asked: number | undefined): string {
  const embedder = '{ kind: endpoint, provider: embedded, model: embedder, dimensions: 8 }';
  const questions = asked === undefined ? '' : ', questions: { uri: "file://./questions.ndjson" }';
  const parity =
    asked === undefined
      ? ''
      : `, parity: { questions: questions, margin: 0.2, minQuestions: ${asked} }`;
  return `  data: { sources: { documents: { uri: "file://./documents.ndjson" }${questions} } }
  index: { name: ${name}, documents: documents, k: 1, embedder: ${embedder}${parity} }
`;
}

/** `finds`: the prompt quotes passages. */
export function promptText(name: string, instruction: string, finds: boolean): string {
  const passages = finds ? ', passages: { type: string, description: what was found }' : '';
  return `apiVersion: perennial.dev/v1
kind: Prompt
metadata: { name: ${name} }
spec:
  variables: { question: { type: string, description: what is asked }${passages} }
  messages:
    - { role: system, template: "${instruction}${finds ? ' {{passages}}' : ''}" }
    - { role: user, template: "{{question}}" }
`;
}

/** Contains the name of the lifecycle, because a shared text would reuse stages of another one. */
const documentText = (name: string, index: number) =>
  `Lamp ${index} of ${name} shines in room ${index % 7}.`;

function documentLines(name: string, count: number): string {
  const line = (index: number) =>
    `${JSON.stringify({ id: `d${index}`, text: documentText(name, index) })}\n`;
  return Array.from({ length: count }, (_, index) => line(index)).join('');
}

function questionLines(name: string, count: number): string {
  const line = (index: number) =>
    `${JSON.stringify({ id: `q${index}`, question: documentText(name, index), documents: `d${index}` })}\n`;
  return Array.from({ length: count }, (_, index) => line(index)).join('');
}

const exampleLines = Array.from(
  { length: 60 },
  (_, index) =>
    `${JSON.stringify({ input: `What is the code of thing ${index}?`, output: `code ${index}` })}\n`,
).join('');

const judgePrompt = `apiVersion: perennial.dev/v1
kind: Prompt
metadata: { name: judge }
spec:
  variables:
    answer: { type: string, description: what was answered }
    reference: { type: string, description: the right answer }
  messages: [{ role: user, template: "Judge whether <{{answer}}> says <{{reference}}>. Answer as JSON." }]
`;

/** Equally many right and wrong answers, on separate things. */
function labelLines(each: number): string {
  const line = (index: number, right: boolean) => {
    const of = {
      id: `l${index}`,
      input: { question: `What is the code of label ${index}?` },
      expected: { answer: `code ${index}` },
    };
    return `${JSON.stringify({ case: of, answer: right ? `code ${index}` : `code ${index + 7}`, right })}\n`;
  };
  return Array.from({ length: 2 * each }, (_, index) => line(index, index < each)).join('');
}

function caseLine(name: string, index: number): string {
  return `${JSON.stringify({ id: `q${index}`, input: { question: `What is the code of ${name} ${index}?` }, expected: { answer: `code ${index}` } })}\n`;
}

/**
 * Right if the prompt is precise, otherwise for every second thing. As a judge, it is right nine
 * times of ten.
 */
export function tinyAnswer({ prompt, model }: Pick<ScriptedRequest, 'prompt' | 'model'>): string {
  const [, given, reference] = /Judge whether <(.*)> says <(.*)>/.exec(prompt) ?? [];
  if (given !== undefined) {
    const slips = Number(/\d+/.exec(reference ?? '')?.[0] ?? 0) % 10 === 3;
    return JSON.stringify({
      reason: 'as it reads',
      verdict: (given === reference) !== slips ? 'right' : 'wrong',
    });
  }
  const index = Number(/code of \S+ (\d+)/.exec(prompt)?.[1] ?? 0);
  return prompt.includes('precise') || model.startsWith('ft:') || index % 2 === 0
    ? `code ${index}`
    : 'I do not know';
}
