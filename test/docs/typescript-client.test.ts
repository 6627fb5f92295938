import { codeBlocks, listTypeErrors } from './type-errors';

test('every example compiles, and one with an unknown operation does not', () => {
  const examples = codeBlocks('guides/typescript-client.md', 'ts');
  expect(examples).toHaveLength(4);
  const wrong = examples.at(2)?.replace('GET /models/{model}', 'GET /model/{model}') ?? '';
  expect(listTypeErrors([...examples, wrong], 'mts')).toEqual([
    [],
    [],
    [],
    [],
    expect.arrayContaining([expect.stringContaining('GET /model/{model}')]),
  ]);
});
