import { codeBlocks, listTypeErrors } from './type-errors';

// The second example has the stages that the third one imports.
const examples = codeBlocks('guides/language-lifecycles.md', 'ts').map((text) =>
  text.replace("'../stages'", "'./example-1'"),
);

test('the examples compile, and a stage of a model in one of them does not', () => {
  const wrong = examples.at(2)?.replace('run.bundles(null)', 'run.train(null)') ?? '';
  expect(wrong).toContain('run.train');
  expect(listTypeErrors([...examples, wrong])).toEqual([
    ...examples.map(() => []),
    [expect.stringContaining("'train' does not exist")],
  ]);
});

test('a spec of a language application without its cases does not compile', () => {
  const cases = "        cases: { file: 'cases.ndjson' },\n";
  const [config = ''] = examples;
  expect(config).toContain(cases);
  expect(listTypeErrors([config.replace(cases, '')])).toEqual([
    [expect.stringContaining("Property 'cases' is missing")],
  ]);
});
