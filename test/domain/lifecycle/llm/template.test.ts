import { formatIssue } from '../../../../domain/document/issue-text';
import { parseLifecycle } from '../../../../domain/lifecycle/document';
import { llmLifecycleTemplate } from '../../../../domain/lifecycle/llm/template';

test('the template is a valid lifecycle with cases for each slice', () => {
  const files = llmLifecycleTemplate({ name: 'capitals' });
  const parsed = parseLifecycle({
    document: files['lifecycle.yaml'],
    fileName: 'lifecycle.yaml',
    files,
  });
  if (!parsed.ok) throw new Error(parsed.issues.map(formatIssue).join('\n'));
  expect(parsed.spec).toMatchObject({
    kind: 'LlmLifecycle',
    name: 'capitals',
    promptEval: { quality: 'answer' },
  });
  expect([...parsed.paths].sort()).toEqual([
    'cases.ndjson',
    'prompts/brief.yaml',
    'prompts/plain.yaml',
    'safety.yaml',
  ]);
});

test('the template with an index has documents, prompts with passages, and cases with documents', () => {
  const files = llmLifecycleTemplate({ name: 'capitals', index: true });
  const parsed = parseLifecycle({
    document: files['lifecycle.yaml'],
    fileName: 'lifecycle.yaml',
    files,
    folder: '/here',
  });
  if (!parsed.ok) throw new Error(parsed.issues.map(formatIssue).join('\n'));
  expect(parsed.spec).toMatchObject({
    index: { name: 'capitals-documents', documents: 'documents', variable: 'passages' },
    data: {
      sources: [{ name: 'documents', uri: 'file:///here/data/documents.ndjson', format: 'ndjson' }],
    },
  });
  const lines = (path: string) =>
    (files[path] ?? '')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  const ids = lines('data/documents.ndjson').map(({ id }) => id);
  const named = lines('cases.ndjson').flatMap(
    ({ expected }) => (expected as { readonly documents: readonly string[] }).documents,
  );
  expect(named.filter((id) => !ids.includes(id))).toEqual([]);
  expect(Object.keys(lines('data/documents.ndjson')[0] ?? {})).toEqual([
    'id',
    'text',
    'title',
    'source',
  ]);
});

test('an invalid name is rejected with a suggestion', () => {
  expect(() => llmLifecycleTemplate({ name: 'My Capitals!' })).toThrow('did you mean my-capitals?');
});
