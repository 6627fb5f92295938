import fastify, { type FastifyInstance } from 'fastify';
import { checkHost } from '../../../apps/llm-server/host-check';

let app: FastifyInstance;
beforeAll(() => {
  app = fastify();
  checkHost(app);
  app.post('/v1/chat/completions', () => ({}));
});
afterAll(() => app.close());

const ask = async (host: string): Promise<number> =>
  (await app.inject({ method: 'POST', url: '/v1/chat/completions', headers: { host } })).statusCode;

test.each(['evil.example', 'evil.example:8720', '127.0.0.1.evil.example:8720', '169.254.169.254'])(
  'the Host %s is refused',
  async (host) => expect(await ask(host)).not.toBe(200),
);

test.each(['127.0.0.1:8720', 'localhost:8720', '[::1]:8720', '127.0.0.1'])(
  'the Host %s is answered',
  async (host) => expect(await ask(host)).toBe(200),
);
