import fastify, { type FastifyInstance, type FastifyRequest } from 'fastify';
import { get, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { openEventStreams, type EventStreams } from '../../../../apps/api/events/events';
import type { RunEvent } from '../../../../db/run/event-repository';
import type { RunRecord } from '../../../../db/run/repository';
import { until } from '../../../support/time/until';

let app: FastifyInstance;
let streams: EventStreams;
let reads: number;

/** A run that has an endless number of long events. */
beforeEach(async () => {
  reads = 0;
  const run = { id: 'run_1', tenant: 'default', status: 'running' } as unknown as RunRecord;
  const eventAt = (seq: number) =>
    ({
      seq,
      kind: 'train.metrics',
      stage: 'train',
      data: { text: 'x'.repeat(50_000) },
      at: '',
    }) as RunEvent;
  streams = openEventStreams(
    {
      runs: { get: () => Promise.resolve(run) },
      events: {
        list: ({ afterSeq = 0 }: { readonly afterSeq?: number }) => {
          reads += 1;
          return Promise.resolve(
            Array.from({ length: 500 }, (_, at) => eventAt(afterSeq + at + 1)),
          );
        },
      },
      apiKeys: { ended: () => Promise.resolve([]) },
    } as unknown as Parameters<typeof openEventStreams>[0],
    { subscribe: () => ({ end: () => undefined }) } as unknown as Parameters<
      typeof openEventStreams
    >[1],
    { stallMilliseconds: 300 },
  );
  app = fastify();
  app.decorateRequest('traceparent', '');
  app.get('/events', async (request, reply) => {
    request.caller = { id: 'key_1' } as FastifyRequest['caller'];
    await streams.stream(run, request, reply);
    return reply;
  });
  await app.listen({ port: 0 });
});
afterEach(async () => {
  streams.close();
  await app.close();
});

test('a stream whose reader reads nothing is closed, and was read from the registry only in part', async () => {
  const { port } = app.server.address() as AddressInfo;
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    get({ port, path: '/events', agent: false }, resolve).once('error', reject);
  });
  expect(response.statusCode).toBe(200);
  expect(streams.open()).toBe(1);
  await until(() => streams.open() === 0);
  expect(reads).toBeLessThan(5);
});
