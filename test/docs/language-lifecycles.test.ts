import { codeBlocks, typeErrorsOf } from './type-errors';

// The second example has the stages that the third one imports.
const examples = codeBlocks('guides/language-lifecycles.md', 'ts').map((text) =>
  text.replace("'../stages'", "'./example-1'"),
);

test('the examples compile, and a stage of a model in one of them does not', () => {
  const wrong = examples.at(2)?.replace('run.bundles(null)', 'run.train(null)') ?? '';
  expect(wrong).toContain('run.train');
  expect(typeErrorsOf([...examples, wrong])).toEqual([
    ...examples.map(() => []),
    [expect.stringContaining("'train' does not exist")],
  ]);
});
