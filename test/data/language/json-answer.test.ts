import { parseJsonAnswer } from '../../../data/language/json-answer';
import type { ChatAnswer } from '../../../domain/chat/chat';

const answer = (text: string): ChatAnswer => ({
  text,
  finish: 'stop',
  usage: { promptTokens: 1, completionTokens: 1 },
  model: 'writer',
  firstTokenMs: null,
  totalMs: 1,
});

describe('an answer that must be JSON', () => {
  const schema = {
    type: 'object',
    properties: { name: { type: 'string', pattern: '^(a+)+$' } },
    required: ['name'],
  };

  test('is parsed, and an error names the path but not the text', () => {
    expect(parseJsonAnswer(answer('{"name":"aa"}'), schema)).toEqual({ name: 'aa' });
    expect(() => parseJsonAnswer(answer('{"name":"b"}'), schema)).toThrow(
      'the JSON answer of writer does not match the schema: invalid_format at /name',
    );
  });

  test('is invalid when a pattern of the schema takes too long', () => {
    const tried = () => parseJsonAnswer(answer(`{"name":"${'a'.repeat(60)}!"}`), schema);
    expect(tried).toThrow(
      'the JSON answer of writer could not be validated against the schema in time',
    );
  });

  test('is invalid when it is nested too deeply', () => {
    const nested = { type: 'array', items: { $ref: '#' } };
    expect(parseJsonAnswer(answer('[[],[[]]]'), nested)).toEqual([[], [[]]]);
    const tried = () => parseJsonAnswer(answer(`${'['.repeat(5_000)}${']'.repeat(5_000)}`), nested);
    expect(tried).toThrow(expect.objectContaining({ type: 'AnswerInvalid' }) as Error);
  });

  test('fails for a stored schema that cannot be converted', () => {
    const tried = () => parseJsonAnswer(answer('1'), { not: { type: 'string' } });
    expect(tried).toThrow(expect.objectContaining({ type: 'InvalidInput' }) as Error);
  });
});
