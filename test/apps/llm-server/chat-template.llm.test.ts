import { openChatTemplate } from '../../../apps/llm-server/chat-template';
import { templateModel } from '../../support/language/template-model';

const open = (source: string) => openChatTemplate(templateModel(source));
const question = [{ role: 'user', content: 'hello' }] as const;
const readText = async (source: string): Promise<string> =>
  String.fromCodePoint(...(await open(source)).tokenize(question));

describe('a hostile chat template, in the interpreter that the server uses', () => {
  test.each([
    [
      'nested loops',
      '{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}',
    ],
    ['a list of four billion numbers', '{{ range(4000000000) | length }}'],
    [
      'loops that depend on the conversation',
      '{% for m in messages %}{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}{% endfor %}',
    ],
  ])('is ended: %s', async (_, source) => {
    await expect(open(source)).rejects.toThrow('it did not end within 1 s');
  });

  test('cannot double a text without end', async () => {
    const doubling =
      '{% set n = namespace(s="x") %}{% for i in range(25) %}{% set n.s = n.s ~ n.s %}{% endfor %}';
    await expect(open(`${doubling}{{ n.s }}`)).rejects.toThrow(/it made \d+ characters/);
  });

  test.each([
    'messages.constructor',
    'messages["__proto__"]',
    '"".constructor',
    'range.constructor',
    'messages[0].__class__',
    'process',
    'require',
    'globalThis',
  ])('reaches no attribute or global of JavaScript: %s', async (expression) => {
    expect(await readText(`[{{ ${expression} }}]`)).toBe('[]');
  });

  test.each(['messages.constructor("return process")()', 'range.constructor("return 1")()'])(
    'calls nothing: %s',
    async (expression) => {
      const template = await open(`{{ ${expression} }}`);
      expect(() => template.tokenize(question)).toThrow('Cannot call something');
    },
  );

  test('changes no prototype', async () => {
    await readText('{% set n = namespace() %}{% set n.__proto__ = {"polluted": "yes"} %}');
    expect(({} as { readonly polluted?: string }).polluted).toBeUndefined();
  });

  test('sees no text of a message, only a mark', async () => {
    const source = '{% if messages[0].content == "hello" %}seen{% else %}not seen{% endif %}';
    expect(await readText(source)).toBe('not seen');
  });
});
