import { parse, stringify } from 'yaml';
import { toPromptDocument, readPrompt, readStoredPrompt } from '../../../domain/prompt/document';

const head = 'apiVersion: perennial.dev/v1\nkind: Prompt\nmetadata: { name: wiki-answer }\n';
const whole = `${head}spec:
  variables:
    question: { description: what a reader asks }
    passages: { type: list }
  messages:
    - { role: system, template: "Answer from the passages.\\n{{#passages}}[{{@}}] {{.}}\\n{{/passages}}" }
    - { role: user, template: "{{question}}" }
  fewShot:
    use: both
    sets:
      places: { examples: [{ input: { question: Where is Rome? }, output: "Italy [1]" }] }
      both: { include: [places], examples: [{ input: { question: Who was Ada? }, output: A mathematician }] }
`;

describe('a prompt document', () => {
  test('is read with its defaults, and reads the same when it is written', () => {
    const read = readPrompt(whole, 'prompt.yaml');
    if (!read.ok) throw new Error(JSON.stringify(read.issues));
    expect(read.value).toMatchObject({
      name: 'wiki-answer',
      variables: { question: { type: 'string' }, passages: { type: 'list' } },
      fewShot: { use: 'both', template: '{{question}}' },
      answerSchema: null,
    });
    expect(readPrompt(stringify(toPromptDocument(read.value)), 'again.yaml')).toEqual(read);
    expect(readPrompt(parse(whole), 'body')).toEqual(read);
  });

  test('allows system messages of callers only if set, and otherwise keeps its digest', () => {
    const refusing = readPrompt(
      whole.replace('spec:', 'spec:\n  callerSystemMessages: refused'),
      'prompt.yaml',
    );
    expect(refusing).toEqual(readPrompt(whole, 'prompt.yaml'));
    const allowing = readPrompt(
      whole.replace('spec:', 'spec:\n  callerSystemMessages: allowed'),
      'prompt.yaml',
    );
    if (!allowing.ok) throw new Error(JSON.stringify(allowing.issues));
    expect(allowing.value.callerSystemMessages).toBe('allowed');
    expect(readPrompt(stringify(toPromptDocument(allowing.value)), 'again.yaml')).toEqual(allowing);
  });

  test.each([
    [
      'an unknown variable',
      ['"{{question}}"', '"{{qestion}}"'],
      {
        pointer: '/spec/messages/1/template',
        detail: 'unknown variable qestion',
        didYouMean: 'question',
        line: 10,
      },
    ],
    [
      'an invalid answer schema',
      ['  fewShot:\n', '  answer: { schema: { type: nothing } }\n  fewShot:\n'],
      {
        pointer: '/spec/answer/schema',
        detail: expect.stringContaining(
          'spec.answer.schema is not a valid JSON Schema: ',
        ) as string,
        line: 11,
      },
    ],
    [
      'an answer schema that cannot be enforced',
      [
        '  fewShot:\n',
        '  answer: { schema: { type: object, unevaluatedProperties: false } }\n  fewShot:\n',
      ],
      {
        pointer: '/spec/answer/schema',
        detail: 'spec.answer.schema cannot be enforced: unevaluatedProperties is not supported',
      },
    ],
    [
      'an unused variable',
      ['passages: { type: list }', 'passages: { type: list }\n    extra: {}'],
      { pointer: '/spec/variables/extra', detail: 'no template uses the variable extra' },
    ],
    [
      'few-shot sets that include each other',
      ['places: { examples', 'places: { include: [both], examples'],
      {
        pointer: '/spec/fewShot/sets/places/include',
        detail: 'few-shot sets include each other: places → both → places',
      },
    ],
    [
      'an unknown few-shot set',
      ['use: both', 'use: boht'],
      { pointer: '/spec/fewShot/use', detail: 'there is no few-shot set boht', didYouMean: 'both' },
    ],
    [
      'an example without a value',
      ['{ question: Who was Ada? }', '{}'],
      {
        pointer: '/spec/fewShot/sets/both/examples/0/input',
        detail: 'the variable question has no value',
      },
    ],
    [
      'a list inserted as one value',
      ['"{{question}}"', '"{{question}} {{passages}}"'],
      { detail: 'passages is a list: write {{#passages}}{{.}}{{/passages}}' },
    ],
    [
      'a value repeated as a list',
      ['"{{question}}"', '"{{#question}}{{.}}{{/question}}"'],
      { detail: '{{#question}} repeats a list, but question is a string' },
    ],
    [
      'a list that is not closed',
      ['{{/passages}}', ''],
      { detail: '{{#passages}} is not closed by {{/passages}}' },
    ],
    [
      'an item outside of a list',
      ['"{{question}}"', '"{{question}} {{.}}"'],
      { detail: '{{.}} is outside of a list' },
    ],
    [
      'braces that are not closed',
      ['"{{question}}"', '"{{question}} {{ x"'],
      { detail: '{{ at character 14 is not closed; write \\{{ for two braces' },
    ],
    [
      'no user message',
      ['role: user', 'role: assistant'],
      { detail: 'there is no message with the role user' },
    ],
    [
      'an unknown key',
      ['role: user,', 'rol: user,'],
      { detail: 'unknown key spec.messages[1].rol', didYouMean: 'role' },
    ],
  ])('with %s is rejected with its place', (_name, [from, to], issue) => {
    const broken = whole.replace(from ?? '', to ?? '');
    expect(broken).not.toBe(whole);
    const read = readPrompt(broken, 'prompt.yaml');
    expect(read.ok ? [] : read.issues).toContainEqual(expect.objectContaining(issue));
  });

  test('that was stored is read without the checks of new documents', () => {
    const stored = whole.replace(
      '  fewShot:\n',
      '  answer: { schema: { type: object, unevaluatedProperties: false } }\n  fewShot:\n',
    );
    expect(readPrompt(stored, 'prompt.yaml').ok).toBe(false);
    expect(readStoredPrompt(stored, 'prompt.yaml')).toMatchObject({
      ok: true,
      value: { answerSchema: { unevaluatedProperties: false } },
    });
  });
});
