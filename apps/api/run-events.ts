import type { FastifyReply, FastifyRequest } from 'fastify';
import { isFinal } from '../../domain/run';
import type { RunEvent } from '../../db/repositories/events';
import type { RunRecord } from '../../db/repositories/runs';
import type { RouteDeps } from './server';

/** Shorter than the idle timeouts of common proxies. */
const keepAliveMilliseconds = 15_000;
const batch = 500;

/**
 * A run's events as server-sent events, from the one after `Last-Event-ID`, until the run has ended and everything was sent.
 * The id is the event's number in its run, so a client that reconnects misses nothing and sees nothing twice.
 */
export async function streamRunEvents(
  { registry, feed }: RouteDeps,
  run: RunRecord,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  let lastSeq = startOf(request);
  reply.hijack();
  const { raw } = reply;
  raw.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    connection: 'keep-alive',
    'x-accel-buffering': 'no',
    traceparent: request.traceparent,
  });
  const gone = new AbortController();
  raw.on('close', () => gone.abort());
  try {
    while (!gone.signal.aborted) {
      // The state is read before the events: whatever ended the run wrote its event in the same transaction.
      const current = await registry.runs.get({ tenant: run.tenant, id: run.id });
      const events = await registry.events.list({ tenant: run.tenant, runId: run.id, afterSeq: lastSeq, limit: batch });
      for (const event of events) await write(raw, eventText(event));
      lastSeq = events.at(-1)?.seq ?? lastSeq;
      if (events.length === batch) continue;
      if (current === null || isFinal(current.status)) {
        await write(raw, `event: end\ndata: ${JSON.stringify({ status: current?.status ?? 'gone' })}\n\n`);
        break;
      }
      await feed.wait(run.id, keepAliveMilliseconds, gone.signal);
      await write(raw, ': keep-alive\n\n');
    }
  } catch (error) {
    // The client sees the stream end without `end` and comes back with Last-Event-ID.
    request.log.warn({ err: error, runId: run.id, traceId: request.traceId }, 'event stream broke off');
  } finally {
    raw.end();
  }
}

function startOf(request: FastifyRequest): number {
  const given = Number(request.headers['last-event-id'] ?? 0);
  return Number.isSafeInteger(given) && given >= 0 ? given : 0;
}

function eventText({ seq, kind, stage, data, at }: RunEvent): string {
  return `id: ${seq}\nevent: ${kind}\ndata: ${JSON.stringify({ seq, kind, stage, data, at })}\n\n`;
}

/** Waits for a slow reader instead of buffering for it. */
function write(raw: FastifyReply['raw'], text: string): Promise<void> {
  if (raw.destroyed || raw.write(text)) return Promise.resolve();
  return new Promise((resolve) => {
    const go = (): void => {
      raw.off('drain', go);
      raw.off('close', go);
      resolve();
    };
    raw.on('drain', go);
    raw.on('close', go);
  });
}
