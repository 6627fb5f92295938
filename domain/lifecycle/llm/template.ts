import { checkLifecycleName } from '../template';

/**
 * The files of a new language application, path → text. They are valid as they are, and run with
 * the embedded model.
 */
export function llmLifecycleTemplate({
  name,
  owner = 'you@example.com',
  index = false,
}: {
  readonly name: string;
  readonly owner?: string;
  /** Adds an index of documents whose passages go into the prompts. */
  readonly index?: boolean;
}): Record<string, string> {
  checkLifecycleName(name);
  const prompt = index ? promptWithPassages : promptFile;
  return {
    'lifecycle.yaml': index
      ? withIndex(name, lifecycleFile(name, owner))
      : lifecycleFile(name, owner),
    'prompts/plain.yaml': prompt('plain', 'Answer the question.'),
    'prompts/brief.yaml': prompt(
      'brief',
      'Answer the question with a name, a number or a few words, and nothing else.',
    ),
    'cases.ndjson': cases
      .map(([country, answer], at) =>
        caseLine(`c${at + 1}`, country, {
          answer,
          ...(index && { documents: [toCaseId(country)] }),
        }),
      )
      .join(''),
    'safety.yaml': safetyFile,
    ...(index && { 'data/documents.ndjson': cases.map(writeDocument).join('') }),
  };
}

/** The same lifecycle with documents, an index of them, and a gate on what it finds. */
function withIndex(name: string, text: string): string {
  return text
    .replace(
      '  promptEval:',
      `  data:
    sources: # NDJSON with one document per line: id, text, and optionally title and source; or Parquet or CSV with these columns
      documents: { uri: "file://./data/documents.ndjson" }
  index:
    name: ${name}-documents
    documents: documents
    variable: passages # the prompt variable for the passages
    chunking: { kind: sentences, size: 256 } # tokens per chunk
    k: 1 # passages per question; the embedded model confuses several
  promptEval:`,
    )
    .replace(
      '    gates:\n',
      `      - { name: found, kind: retrieval, metric: recall@1 } # share of the documents of a case
    gates:
      - { name: finds, kind: threshold, dimension: found, min: 0.5, minCases: 10 }
`,
    );
}

function lifecycleFile(name: string, owner: string): string {
  return `# Guide: docs/llm.md; all keys and values: schemas/llm-lifecycle.schema.json
apiVersion: perennial.dev/v1
kind: LlmLifecycle
metadata: { name: ${name}, owner: ${JSON.stringify(owner)} }
spec:
  model: { provider: embedded, name: smollm2-135m-instruct } # or a provider of PERENNIAL_PROVIDERS_FILE
  sampling: { temperature: 0, maxTokens: 32 }
  prompt:
    candidates: [prompts/plain.yaml, prompts/brief.yaml] # the others are compared with the first
    input: question
  cases: { file: cases.ndjson, search: 0.2, confirm: 0.2 } # shares to choose and confirm the prompt; add at least 100 cases of your own
  promptEval: { quality: answer }
  evaluate:
    dimensions:
      - { name: answer, kind: rules } # the rules of each case: the answer contains the expected text
      - { name: words, kind: f1 } # overlap of words with the expected answer; low for long answers
    gates:
      - { name: useful, kind: threshold, dimension: answer, min: 0.1, minCases: 10 }
  safety: safety.yaml # detectors of answers delay a stream until it is complete
  budget: { tokens: 200000 } # per run
  promote: { approval: { required: 0 } }
`;
}

function promptFile(name: string, instruction: string): string {
  return `apiVersion: perennial.dev/v1
kind: Prompt
metadata: { name: ${name} }
spec:
  variables:
    question: { type: string, description: what the user wants to know }
  messages:
    - { role: system, template: ${JSON.stringify(instruction)} }
    - { role: user, template: "{{question}}" }
`;
}

function promptWithPassages(name: string, instruction: string): string {
  return promptFile(name, instruction)
    .replace(
      '  messages:',
      '    passages: { type: list, description: what the index has on it }\n  messages:',
    )
    .replace(
      'template: "{{question}}"',
      'template: "{{#passages}}[{{@}}] {{.}}\\n{{/passages}}Question: {{question}}"',
    );
}

/** Keeps secrets from the model and the log; docs/llm-safety.md describes more detectors. */
const safetyFile = `apiVersion: perennial.dev/v1
kind: Policy
metadata: { name: house }
spec:
  detectors:
    - { kind: secrets, name: keys, on: [input, output], action: redact }
`;

const cases: readonly (readonly [string, string])[] = [
  ['France', 'Paris'],
  ['Japan', 'Tokyo'],
  ['Italy', 'Rome'],
  ['Egypt', 'Cairo'],
  ['Canada', 'Ottawa'],
  ['Norway', 'Oslo'],
  ['Spain', 'Madrid'],
  ['Kenya', 'Nairobi'],
  ['Greece', 'Athens'],
  ['Peru', 'Lima'],
  ['Portugal', 'Lisbon'],
  ['Austria', 'Vienna'],
  ['Poland', 'Warsaw'],
  ['Cuba', 'Havana'],
  ['Sweden', 'Stockholm'],
  ['Denmark', 'Copenhagen'],
  ['Ireland', 'Dublin'],
  ['Hungary', 'Budapest'],
  ['Finland', 'Helsinki'],
  ['Iran', 'Tehran'],
  ['Iraq', 'Baghdad'],
  ['Thailand', 'Bangkok'],
  ['Russia', 'Moscow'],
  ['China', 'Beijing'],
  ['Germany', 'Berlin'],
  ['Belgium', 'Brussels'],
  ['Chile', 'Santiago'],
  ['Nepal', 'Kathmandu'],
  ['Romania', 'Bucharest'],
  ['Bulgaria', 'Sofia'],
  ['Ghana', 'Accra'],
  ['Senegal', 'Dakar'],
  ['Morocco', 'Rabat'],
  ['Tunisia', 'Tunis'],
  ['Ukraine', 'Kyiv'],
  ['Vietnam', 'Hanoi'],
  ['Ecuador', 'Quito'],
  ['Colombia', 'Bogotá'],
  ['Turkey', 'Ankara'],
  ['Australia', 'Canberra'],
];

interface Expected {
  readonly answer: string;
  readonly documents?: readonly string[];
}

function caseLine(id: string, country: string, expected: Expected): string {
  const rules = [{ kind: 'contains', text: expected.answer }];
  return `${JSON.stringify({ id, input: { question: `What is the capital of ${country}?` }, expected, rules })}\n`;
}

/** One short fact, because the embedded model confuses longer passages. */
function writeDocument([country, capital]: readonly [string, string]): string {
  const text = `${capital} is the capital of ${country}.`;
  return `${JSON.stringify({ id: toCaseId(country), text, title: country, source: `https://example.com/${toCaseId(country)}` })}\n`;
}

function toCaseId(country: string): string {
  return country.toLowerCase();
}
