import { openChatTemplate } from '../../../apps/llm-server/chat-template';
import { templateModel } from '../../support/language/template-model';

/** An interpreter whose templates do what their source is named after. */
const jinja = (render: (source: string, messages: readonly unknown[]) => string) => () =>
  Promise.resolve({
    Template: class {
      readonly source: string;
      constructor(source: string) {
        this.source = source;
      }
      render({ messages }: { readonly messages: readonly unknown[] }): string {
        return render(this.source, messages);
      }
    },
  });

const endless = (): string => {
  for (;;);
};
const messages = [
  { role: 'user', content: 'one' },
  { role: 'assistant', content: 'two' },
] as const;

describe('a chat template of a GGUF file', () => {
  test('that never ends is refused at the start, within seconds', async () => {
    const startedAt = performance.now();
    await expect(openChatTemplate(templateModel('x'), jinja(endless))).rejects.toMatchObject({
      status: 500,
      code: 'chat_template_unusable',
      message: expect.stringContaining('it did not end within 1 s') as string,
    });
    expect(performance.now() - startedAt).toBeLessThan(10_000);
  });

  test('that never ends for some conversations fails those, and answers others', async () => {
    const template = await openChatTemplate(
      templateModel('x'),
      jinja((_, { length }) => (length > 1 ? endless() : 'ok')),
    );
    expect(() => template.tokenize(messages)).toThrow('it did not end within 1 s');
    expect(template.tokenize(messages.slice(0, 1))).toHaveLength(2);
  });

  test('that writes without end is refused', async () => {
    const long = jinja(() => 'x'.repeat(1_000_000));
    await expect(openChatTemplate(templateModel('x'), long)).rejects.toThrow(
      'it made 1000000 characters; at most 266240 are used',
    );
  });

  test('of megabytes is refused before it is parsed', async () => {
    await expect(
      openChatTemplate(templateModel('x'.repeat(300_000)), jinja(endless)),
    ).rejects.toThrow('it has 300000 bytes; at most 262144 are read');
  });

  test('that rejects a conversation is an error of the caller', async () => {
    const template = await openChatTemplate(
      templateModel('x'),
      jinja((_, { length }) => {
        if (length > 1) throw new Error('roles must alternate');
        return 'ok';
      }),
    );
    expect(() => template.tokenize(messages)).toThrow(
      "messages: the model's chat template rejects them: roles must alternate",
    );
  });
});
