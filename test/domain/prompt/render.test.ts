import fc from 'fast-check';
import { isPerennialError } from '../../../domain/failure';
import type { PromptTemplate } from '../../../domain/prompt/prompt';
import { renderPrompt } from '../../../domain/prompt/render';

const prompt: PromptTemplate = {
  name: 'wiki-answer',
  messages: [
    {
      role: 'system',
      template: 'At most {{words}} words.{{#passages}}\n[{{@}}] {{.}}{{/passages}}',
    },
    { role: 'user', template: 'Q: {{question}}' },
  ],
  variables: {
    words: { type: 'number', description: '' },
    passages: { type: 'list', description: '' },
    question: { type: 'string', description: '' },
  },
  fewShot: {
    use: 'b',
    template: 'Q: {{question}}',
    sets: {
      a: { include: [], examples: [{ input: { question: 'one?' }, output: '1' }] },
      b: { include: ['a', 'a'], examples: [{ input: { question: 'two?' }, output: '2' }] },
    },
  },
  answerSchema: null,
};
const values = {
  words: 5,
  passages: ['Rome is in Italy.', 'Ada {{question}} \\{{'],
  question: 'where?',
};

function listIssues(render: () => unknown) {
  try {
    render();
  } catch (error) {
    if (isPerennialError(error)) return { type: error.type, issues: error.issues };
    throw error;
  }
  throw new Error('rendered');
}

describe('rendering a prompt', () => {
  test('fills the messages, numbers list items, and adds each example once before the question', () => {
    expect(renderPrompt(prompt, values)).toEqual([
      {
        role: 'system',
        content: 'At most 5 words.\n[1] Rome is in Italy.\n[2] Ada {{question}} \\{{',
      },
      { role: 'user', content: 'Q: one?' },
      { role: 'assistant', content: '1' },
      { role: 'user', content: 'Q: two?' },
      { role: 'assistant', content: '2' },
      { role: 'user', content: 'Q: where?' },
    ]);
  });

  test('inserts any text unchanged, and never parses it as a template', () => {
    const plain: PromptTemplate = {
      ...prompt,
      fewShot: null,
      variables: { question: { type: 'string', description: '' } },
      messages: [{ role: 'user', template: '{{question}}' }],
    };
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.constant('{{question}} \\{{ {{#x}}')), (question) => {
        expect(renderPrompt(plain, { question })).toEqual([{ role: 'user', content: question }]);
      }),
    );
  });

  test('reports every missing, unknown or wrongly typed value', () => {
    expect(
      listIssues(() => renderPrompt(prompt, { words: '5', passages: 'x', questoin: 'where?' })),
    ).toEqual({
      type: 'InvalidInput',
      issues: [
        { pointer: '/words', detail: 'words must be a number' },
        { pointer: '/passages', detail: 'passages must be a list of texts' },
        { pointer: '/questoin', detail: 'unknown variable questoin', didYouMean: 'question' },
        { pointer: '', detail: 'the variable question has no value' },
      ],
    });
  });

  test('rejects an unchecked template with few-shot sets that include each other', () => {
    const circle = {
      ...prompt,
      fewShot: {
        use: 'a',
        template: 'Q: {{question}}',
        sets: { a: { include: ['a'], examples: [] } },
      },
    };
    expect(listIssues(() => renderPrompt(circle, values)).issues).toMatchObject([
      { detail: 'few-shot sets include each other: a → a' },
    ]);
  });

  test('reports an unknown variable with the name of an object property', () => {
    const odd: PromptTemplate = {
      ...prompt,
      fewShot: null,
      variables: {},
      messages: [{ role: 'user', template: '{{constructor}}' }],
    };
    expect(listIssues(() => renderPrompt(odd, {})).issues).toMatchObject([
      { detail: 'unknown variable constructor' },
    ]);
  });
});
