import fc from 'fast-check';
import { diffPrompts } from '../../../domain/prompt/diff';
import type { PromptTemplate } from '../../../domain/prompt/prompt';

const prompt = (template: string, description = ''): PromptTemplate => ({
  name: 'p',
  messages: [{ role: 'user', template }],
  variables: { q: { type: 'string', description } },
  fewShot: null,
  answerSchema: null,
});

describe('the difference of two prompts', () => {
  test('has the place and the removed and added lines of each change', () => {
    expect(
      diffPrompts(prompt('Be brief.\n{{q}}'), prompt('Be very brief.\n{{q}}', 'asked')),
    ).toEqual([
      {
        place: 'messages[0].template',
        lines: [
          { sign: '-', text: 'Be brief.' },
          { sign: '+', text: 'Be very brief.' },
          { sign: ' ', text: '{{q}}' },
        ],
      },
      {
        place: 'variables.q.description',
        lines: [
          { sign: '-', text: '' },
          { sign: '+', text: 'asked' },
        ],
      },
    ]);
  });

  test('is empty for equal prompts, and shows an added part as JSON', () => {
    expect(diffPrompts(prompt('{{q}}'), prompt('{{q}}'))).toEqual([]);
    const schema = { ...prompt('{{q}}'), answerSchema: { type: 'object' } };
    expect(diffPrompts(prompt('{{q}}'), schema)).toMatchObject([
      {
        place: 'answerSchema',
        lines: [{ sign: '-' }, { sign: '+', text: '{' }, { sign: '+' }, { sign: '+' }],
      },
    ]);
  });

  test('turns any old text into the new one', () => {
    const text = fc
      .array(fc.constantFrom('a', 'b', 'c', ''), { minLength: 1, maxLength: 8 })
      .map((lines) => lines.join('\n'));
    fc.assert(
      fc.property(text, text, (from, to) => {
        fc.pre(from !== to);
        const lines = diffPrompts(prompt(from), prompt(to))[0]?.lines ?? [];
        const side = (sign: '+' | '-') =>
          lines
            .filter((line) => line.sign === ' ' || line.sign === sign)
            .map((line) => line.text)
            .join('\n');
        expect([side('-'), side('+')]).toEqual([from, to]);
      }),
    );
  });
});
