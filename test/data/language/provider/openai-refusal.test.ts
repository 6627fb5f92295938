/**
 * A model of OpenAI's protocol that refuses in the field `refusal`, on a real server, whole and
 * streamed.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { openModelAccess } from '../../../../data/language/model-access';
import { noSecret, providerAt, question, tenant } from '../../../support/provider/model-access';

const refusal = 'I cannot help with that.';
let server: Server;
beforeEach(async () => {
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (part: Buffer) => (body += part.toString()));
    request.on('end', () => {
      if ((JSON.parse(body) as { readonly stream?: boolean }).stream !== true) {
        response.setHeader('content-type', 'application/json');
        response.end(
          JSON.stringify({
            model: 'm',
            choices: [{ message: { content: null, refusal }, finish_reason: 'stop' }],
          }),
        );
        return;
      }
      response.setHeader('content-type', 'text/event-stream');
      const pieces = [
        { role: 'assistant', refusal: 'I cannot ' },
        { refusal: 'help with that.' },
      ].map((delta) => ({
        delta,
        finish_reason: null,
      }));
      for (const choice of [...pieces, { delta: {}, finish_reason: 'stop' }]) {
        response.write(
          `data: ${JSON.stringify({ model: 'm', choices: [{ index: 0, ...choice }] })}\n\n`,
        );
      }
      response.end('data: [DONE]\n\n');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(() => new Promise((resolve) => server.close(resolve)));

test.each([undefined, () => undefined])(
  'a refusal is a filtered answer (streamed: %p)',
  async (onText) => {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
    const access = openModelAccess([providerAt(url)], noSecret);
    const { answer } = await access.chat([{ provider: 'scripted', model: 'm' }], question('?'), {
      tenant,
      ...(onText && { onText }),
    });
    expect(answer.finish).toBe('filtered');
    await access.close();
  },
);
