import { formatIssue } from '../../../domain/issue-text';
import { parseLifecycle } from '../../../domain/lifecycle-document';
import { llmLifecycleTemplate } from '../../../domain/llm/llm-lifecycle-template';

test('a language application to start from is valid as it stands, and leaves cases for each of its slices', () => {
  const files = llmLifecycleTemplate({ name: 'capitals' });
  const parsed = parseLifecycle({ document: files['lifecycle.yaml'], fileName: 'lifecycle.yaml', files });
  if (!parsed.ok) throw new Error(parsed.issues.map(formatIssue).join('\n'));
  expect(parsed.spec).toMatchObject({ kind: 'LlmLifecycle', name: 'capitals', promptEval: { quality: 'answer' } });
  expect([...parsed.paths].sort()).toEqual(['cases.ndjson', 'prompts/brief.yaml', 'prompts/plain.yaml', 'safety.yaml']);
});

test('a name that cannot be one is refused with a better one', () => {
  expect(() => llmLifecycleTemplate({ name: 'My Capitals!' })).toThrow('did you mean my-capitals?');
});
