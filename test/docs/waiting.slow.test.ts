import { codeBlocks, listTypeErrors } from './type-errors';

const examples = codeBlocks('guides/waiting.md', 'ts');

test('the examples compile, and one with the wrong name of an event does not', () => {
  const [wrong = ''] = examples
    .filter((text) => text.includes("waitFor('labels_ready'"))
    .map((text) => text.replace("waitFor('labels_ready'", "waitFor('labels'"));
  expect(listTypeErrors([...examples, wrong])).toEqual([
    ...examples.map(() => []),
    [expect.stringContaining('not assignable to parameter of type')],
  ]);
});
