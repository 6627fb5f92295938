import { modelWarnings, type KnownModels } from '../../../apps/api/model-warnings';
import { formatIssue } from '../../../domain/document/issue-text';
import { readLlmLifecycle } from '../../../domain/lifecycle/llm/document';
import { llmLifecycleTemplate } from '../../../domain/lifecycle/llm/template';
import { yamlDocument } from '../../../domain/document/yaml-document.schema';
import { replaceOnce } from '../../support/lifecycle-text';

const { 'lifecycle.yaml': text = '', ...files } = llmLifecycleTemplate({ name: 'helper' });
const defaultModel = /name: (smollm2[^ ,}]*)/.exec(text)?.[1] ?? '';

const known = (change: Partial<KnownModels> = {}): KnownModels => ({
  providers: ['embedded', 'acme'],
  file: '/etc/providers.yaml',
  models: (provider) =>
    provider === 'embedded'
      ? Promise.resolve([defaultModel, 'minilm'])
      : Promise.reject(new Error('no key here')),
  ...change,
});

async function listWarnings(
  document: string,
  has: KnownModels | null = known(),
  more: Readonly<Record<string, string>> = {},
) {
  const written = yamlDocument(document, 'lifecycle.yaml');
  const texts = { ...files, ...more };
  const read = readLlmLifecycle(written, texts);
  if (!read.ok) throw new Error(read.issues.map(formatIssue).join('\n'));
  return modelWarnings(has, { spec: read.value, texts, issueAt: written.issueAt });
}

const withModel = (model: string) =>
  replaceOnce(text, /model: \{[^}]*\}/.exec(text)?.[0] ?? '', `model: ${model}`);

describe('warnings about models when a lifecycle is applied', () => {
  test('there are none if the models exist, or if the provider cannot be reached or is not known', async () => {
    expect(defaultModel).not.toBe('');
    expect(await listWarnings(text)).toEqual([]);
    expect(await listWarnings(withModel('{ provider: acme, name: whatever }'))).toEqual([]);
    expect(await listWarnings(withModel('{ provider: unknown, name: whatever }'), null)).toEqual(
      [],
    );
    expect(
      await listWarnings(
        withModel('{ name: whatever }'),
        known({ models: () => Promise.resolve([]) }),
      ),
    ).toEqual([]);
  });

  test('name an unknown provider with its line, the known ones, and the file', async () => {
    const [first, ...others] = await listWarnings(withModel('{ provider: acmee, name: whatever }'));
    expect(others).toEqual([]);
    expect(first).toMatch(
      /^lifecycle\.yaml:\d+:\d+ provider acmee is not configured where the API runs: it is not in \/etc\/providers\.yaml; expected one of embedded, acme; did you mean acme\?$/,
    );
    expect(
      await listWarnings(withModel('{ provider: acmee, name: whatever }'), known({ file: null })),
    ).toEqual([expect.stringContaining('PERENNIAL_PROVIDERS_FILE is not set')]);
  });

  test('names a model that its provider does not list', async () => {
    expect(await listWarnings(withModel(`{ name: ${defaultModel}x }`))).toEqual([
      expect.stringContaining(
        `embedded lists no model ${defaultModel}x; expected one of ${defaultModel}, minilm; did you mean ${defaultModel}?`,
      ),
    ]);
  });

  test('cover every model of a run: standbys, judges and paraphrasers', async () => {
    const asking = replaceOnce(
      withModel(`{ name: ${defaultModel}, standby: [{ provider: one, model: m }] }`),
      'dimensions:\n',
      `dimensions:
      - { name: sound, kind: judge, prompt: judge.yaml, provider: two, model: m }
      - { name: steady, kind: robustness, of: answer, variable: question, perturbations: [{ kind: paraphrase, provider: three, model: m }] }
`,
    );
    const judge = `apiVersion: perennial.dev/v1
kind: Prompt
metadata: { name: judge }
spec:
  variables: { answer: { type: string, description: what was warningsOf } }
  messages: [{ role: user, template: "{{answer}}" }]
`;
    const lines = await listWarnings(asking, known(), { 'judge.yaml': judge });
    expect(lines.map((line) => /provider (\w+)/.exec(line)?.[1])).toEqual(['one', 'two', 'three']);
  });
});
