import Fastify from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { serializeResponse } from '../../../apps/api/response';
import { problemHandler } from '../../../apps/http/problem';

const view = z.object({ id: z.string(), items: z.array(z.object({ rows: z.number() })) });

/** What an API with this one route responds, whose handler finds `record`. */
async function respond(record: object) {
  const app = Fastify().withTypeProvider<ZodTypeProvider>();
  app.setSerializerCompiler(serializeResponse);
  const answerProblem = problemHandler();
  app.setErrorHandler((error, request, reply) => {
    answerProblem(error as Error, request, reply);
  });
  app.get(
    '/things',
    { schema: { response: { 200: view } } },
    () => record as z.output<typeof view>,
  );
  const { statusCode, body } = await app.inject('/things');
  await app.close();
  return { statusCode, body };
}

describe('a response', () => {
  test('has nothing that its schema does not name, at any depth', async () => {
    const record = { id: 'a', secret: 'x', items: [{ rows: 1, secret: 'y' }] };
    expect(await respond(record)).toEqual({
      statusCode: 200,
      body: '{"id":"a","items":[{"rows":1}]}',
    });
  });

  test('that does not fit its schema is an unexpected error, and nothing of the record is sent', async () => {
    const { statusCode, body } = await respond({ id: 'secret', items: [{ rows: 'secret' }] });
    expect(statusCode).toBe(500);
    expect(body).toContain('unexpected error');
    expect(body).not.toContain('secret');
  });
});
