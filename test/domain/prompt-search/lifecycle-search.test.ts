import { formatIssue } from '../../../domain/document/issue-text';
import { readLlmLifecycle } from '../../../domain/lifecycle/llm/document';
import { toDocument } from '../../../domain/lifecycle/plan';
import { objectDocument } from '../../../domain/document/document';
import { yamlDocument } from '../../../domain/document/yaml-document.schema';

const search = '{ proposers: [{ kind: fewShot, pool: 16 }], variants: 12 }';
const textWith = (promptEval: string) => `apiVersion: perennial.dev/v1
kind: LlmLifecycle
metadata: { name: capitals, owner: ops@wiki.example }
spec:
  model: { name: smollm2-135m-instruct }
  prompt: { candidates: [plain.yaml], input: question }
  cases: { file: cases.ndjson }
  promptEval: ${promptEval}
  evaluate:
    dimensions: [{ name: answer, kind: f1 }, { name: alike, kind: similarity }]
    gates: [{ name: useful, kind: threshold, dimension: answer, min: 0.3 }]
`;
const cases = Array.from(
  { length: 200 },
  (_, index) => `{"id":"${index}","input":{"question":"Who?"},"expected":{"answer":"Ada"}}\n`,
).join('');

function read(promptEval: string) {
  const files = {
    'plain.yaml': `apiVersion: perennial.dev/v1
kind: Prompt
metadata: { name: plain }
spec:
  variables: { question: { type: string } }
  messages: [{ role: user, template: "{{question}}" }]
`,
    'cases.ndjson': cases,
  };
  return {
    files,
    parsed: readLlmLifecycle(yamlDocument(textWith(promptEval), 'lifecycle.yaml'), files),
  };
}

test('a search needs one prompt, and reads the same when it is written out', () => {
  const { files, parsed } = read(`{ quality: answer, search: ${search} }`);
  if (!parsed.ok) throw new Error(parsed.issues.map(formatIssue).join('\n'));
  expect(parsed.value.promptEval).toMatchObject({
    quality: 'answer',
    search: {
      proposers: [{ kind: 'fewShot', sizes: [2, 4, 8], pool: 16 }],
      variants: 12,
      halving: { firstCases: 8, eta: 3 },
      budgetUsd: null,
    },
  });
  expect(readLlmLifecycle(objectDocument(toDocument(parsed.value), 'again'), files)).toEqual(
    parsed,
  );
});

test.each([
  [
    'one prompt without a search',
    '{ quality: answer }',
    'spec.promptEval has only one candidate to choose from',
    'more candidates, or a search',
  ],
  [
    'a quality that a search cannot optimize',
    `{ quality: alike, search: ${search} }`,
    'a search cannot optimize alike, of kind similarity',
    '',
  ],
  [
    'a pool that is larger than the search slice',
    '{ quality: answer, search: { proposers: [{ kind: fewShot, pool: 100 }] } }',
    'the search needs 108 cases',
    'a larger cases.search',
  ],
  [
    'a key that only searches outside a lifecycle have',
    '{ quality: answer, search: { proposers: [{ kind: fewShot }], confirm: 0.3 } }',
    'confirm',
    '',
  ],
])('%s is rejected with its place', (_, promptEval, detail, expected) => {
  const { parsed } = read(promptEval);
  const said = parsed.ok ? [] : parsed.issues.map(formatIssue);
  expect(said).toEqual([expect.stringContaining(detail)]);
  expect(said[0]).toMatch(/^lifecycle\.yaml:8:/);
  expect(said[0]).toContain(expected);
});
