import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parse } from 'yaml';
import { parseTrainerManifest } from '../../data/training/manifest.schema';
import { objectDocument } from '../../domain/document/document';
import { buildOrderSchema } from '../../domain/index-version/build-order.schema';
import { formatIssue } from '../../domain/document/issue-text';
import { parseLifecycle } from '../../domain/lifecycle/document';
import { readPrompt } from '../../domain/prompt/document';
import { readProviders } from '../../domain/provider/document';
import { readSafetyPolicy } from '../../domain/safety/policy-document';
import { parseWithSchema } from '../../domain/document/schema-issues.schema';
import { lifecycleFiles, lifecycleText } from '../support/lifecycle-text';

const root = join(__dirname, '..', '..');
const folders = [
  '',
  'docs',
  'trainers',
  ...readdirSync(join(root, 'samples')).map((name) => `samples/${name}`),
];

interface Example {
  readonly place: string;
  readonly text: string;
}

function examplesIn(path: string): readonly Example[] {
  const page = readFileSync(path, 'utf8');
  return [...page.matchAll(/^( *)```yaml\n([^]*?)^ *```$/gm)].map(({ index, 2: text = '' }) => ({
    place: `${relative(root, path)}:${page.slice(0, index).split('\n').length}`,
    text,
  }));
}

type Fields = Readonly<Record<string, unknown>>;

const prompt = (name: string, text: string, more = '') => `apiVersion: perennial.dev/v1
kind: Prompt
metadata: { name: ${name} }
spec:
  variables: {${[...text.matchAll(/\{\{(\w+)\}\}/g)].map(([, name]) => ` ${name}: { type: string, description: a text }`).join(',')} }
  messages: [{ role: user, template: "${text}" }]
${more}`;

const lines = (count: number, line: (at: number) => unknown) =>
  Array.from({ length: count }, (_, at) => `${JSON.stringify(line(at))}\n`).join('');

/** The files that a language example names. */
const languageFiles: Readonly<Record<string, string>> = {
  'prompts/plain.yaml': prompt(
    'plain',
    '{{question}}',
    '  answer: { schema: { type: object, properties: { answer: { type: string } } } }\n',
  ),
  'prompts/precise.yaml': prompt('precise', 'In a word: {{question}}'),
  'judge.yaml': prompt('judge', 'Is this right? {{question}} {{answer}}'),
  'cases.ndjson': lines(1000, (at) => ({
    id: `${at}`,
    input: { question: 'Who?' },
    expected: { answer: 'Ada' },
  })),
  'labels.ndjson': lines(300, (at) => ({
    case: { id: `${at}`, input: { question: 'Who?' } },
    answer: 'Ada',
    right: at % 2 === 0,
  })),
  'safety.yaml':
    'apiVersion: perennial.dev/v1\nkind: Policy\nmetadata: { name: house }\nspec: { detectors: [{ kind: secrets, name: keys }] }\n',
};

const languageSpec: Fields = {
  model: { provider: 'embedded', name: 'smollm2-135m-instruct' },
  prompt: { candidates: ['prompts/plain.yaml'], input: 'question' },
  cases: { file: 'cases.ndjson' },
  evaluate: {
    dimensions: [{ name: 'right', kind: 'f1' }],
    gates: [{ name: 'useful', kind: 'threshold', dimension: 'right', min: 0.3 }],
  },
};

function lifecycleIssues(
  document: unknown,
  files: Readonly<Record<string, string>>,
): readonly string[] {
  const parsed = parseLifecycle({ document, fileName: 'example', files, folder: '/example' });
  return parsed.ok ? [] : parsed.issues.map(formatIssue);
}

/** Checks a part of a spec inside a complete lifecycle. */
function partIssues(part: Fields): readonly string[] {
  const { quality } = (part['canary'] ?? {}) as { quality?: Fields };
  const isLanguage = quality?.['from'] !== undefined;
  const head = {
    apiVersion: 'perennial.dev/v1',
    metadata: { name: 'example', owner: 'ops@example.org' },
  };
  if (isLanguage)
    return lifecycleIssues(
      { ...head, kind: 'LlmLifecycle', spec: { ...languageSpec, ...part } },
      languageFiles,
    );
  const base = parse(lifecycleText) as { spec: Fields };
  return lifecycleIssues({ ...base, spec: { ...base.spec, ...part } }, lifecycleFiles);
}

const read = (result: {
  readonly ok: boolean;
  readonly issues?: readonly Parameters<typeof formatIssue>[0][];
}) => (result.issues ?? []).map(formatIssue);

/** Checks an example as the product does. */
function listIssues({ text }: Example): readonly string[] {
  const value = parse(text) as Fields;
  switch (value['kind']) {
    case 'ModelLifecycle':
      return lifecycleIssues(text, lifecycleFiles);
    case 'LlmLifecycle':
      return lifecycleIssues(text, languageFiles);
    case 'Policy':
      return read(readSafetyPolicy(text, 'example'));
    case 'Platform':
      return read(readProviders(value, 'example'));
    case 'Prompt': {
      const whole = parse(prompt('example', '{{question}}')) as { spec: Fields };
      return read(
        readPrompt(
          { ...whole, ...value, spec: { ...whole.spec, ...(value['spec'] as Fields) } },
          'example',
        ),
      );
    }
  }
  if ('detectors' in value) {
    const policy = {
      apiVersion: 'perennial.dev/v1',
      kind: 'Policy',
      metadata: { name: 'example' },
      spec: value,
    };
    return read(readSafetyPolicy(JSON.stringify(policy), 'example'));
  }
  if ('documents' in value)
    return read(parseWithSchema(buildOrderSchema, objectDocument(value, 'example')));
  if ('params' in value) {
    parseTrainerManifest(value);
    return [];
  }
  return partIssues(value);
}

/** Configuration of promptfoo, which `test/e2e/llm` tests, and of Prometheus. */
const isForeign = ({ text }: Example) =>
  ['tests', 'scrape_configs'].some((key) => key in (parse(text) as Fields));

/** The guides whose YAML is part of a lifecycle. Others show prices, roles or values of the chart. */
const guides = [
  'guides/multiclass',
  'operating/automatic-runs',
  'operating/notifications',
  'operating/schedules',
];

const pages = [
  ...folders.flatMap((folder) =>
    readdirSync(join(root, folder))
      .filter((name) => name.endsWith('.md'))
      .map((name) => join(folder, name)),
  ),
  ...guides.map((name) => `docs/${name}.md`),
];

const examples = pages.flatMap((page) => examplesIn(join(root, page)));

describe('every YAML example of the documentation', () => {
  test('is found by its code fence', () => {
    expect(examples.length).toBeGreaterThan(10);
  });

  test.each(
    examples
      .filter((example) => !isForeign(example))
      .map((example) => [example.place, example] as const),
  )('%s is valid', (_, example) => {
    expect(listIssues(example)).toEqual([]);
  });
});
