import { withNullForNaN } from '../../../../apps/gateway/inference/infer-body';

test.each<[string, string, string]>([
  ['a missing number', '[1, NaN,NaN]', '[1, null,null]'],
  ['a member', '{"NaN":NaN}', '{"NaN":null}'],
  ['text', '["NaN", "a \\" NaN"]', '["NaN", "a \\" NaN"]'],
  ['a text that does not end', '[NaN, "a \\" NaN', '[null, "a \\" NaN'],
])('%s', (_what, text, json) => {
  expect(withNullForNaN(text)).toBe(json);
});

test('reads ten megabytes of quotes in one pass', () => {
  const text = `[NaN, "${'\\"'.repeat(5_000_000)}`;
  expect(withNullForNaN(text)).toHaveLength(text.length + 1);
});
