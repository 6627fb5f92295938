import { codeBlocks, listTypeErrors } from './type-errors';

test('the example compiles, and one with an unknown class of failure does not', () => {
  const examples = codeBlocks('guides/jobs.md', 'ts');
  const wrong = examples.map((text) => text.replace("'JobFailed'", "'JobSlow'"));
  expect(listTypeErrors([...examples, ...wrong])).toEqual([
    ...examples.map(() => []),
    [expect.stringContaining('JobSlow')],
  ]);
});
