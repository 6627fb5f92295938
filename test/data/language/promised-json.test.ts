import { readPromised } from '../../../data/language/promised-json';
import type { ChatAnswer } from '../../../domain/language/chat';

const answer = (text: string): ChatAnswer => ({
  ...{
    text,
    finish: 'stop',
    usage: { promptTokens: 1, completionTokens: 1 },
    model: 'writer',
    firstTokenMs: null,
    totalMs: 1,
  },
});

describe('the JSON that an answer was to be', () => {
  const schema = {
    type: 'object',
    properties: { name: { type: 'string', pattern: '^(a+)+$' } },
    required: ['name'],
  };

  test('is read, and what it is not is named by its place alone', () => {
    expect(readPromised(answer('{"name":"aa"}'), schema)).toEqual({ name: 'aa' });
    expect(() => readPromised(answer('{"name":"b"}'), schema)).toThrow(
      'writer answered JSON, but not of the promised schema: invalid_format at /name',
    );
  });

  test('is given up where a pattern of the schema would take for ever on it', () => {
    const tried = () => readPromised(answer(`{"name":"${'a'.repeat(60)}!"}`), schema);
    expect(tried).toThrow(
      'writer answered JSON that could not be checked by the promised schema in time',
    );
  });

  test('is no answer where it goes deeper than it can be checked', () => {
    const nested = { type: 'array', items: { $ref: '#' } };
    expect(readPromised(answer('[[],[[]]]'), nested)).toEqual([[], [[]]]);
    const tried = () => readPromised(answer(`${'['.repeat(5_000)}${']'.repeat(5_000)}`), nested);
    expect(tried).toThrow(expect.objectContaining({ type: 'AnswerInvalid' }) as Error);
  });

  test('cannot be held to a schema that was accepted before it was tried', () => {
    const tried = () => readPromised(answer('1'), { not: { type: 'string' } });
    expect(tried).toThrow(expect.objectContaining({ type: 'InvalidInput' }) as Error);
  });
});
