import type { FastifyReply, FastifyRequest } from 'fastify';
import { isFinal } from '../../../domain/run/run';
import type { Registry } from '../../../db/registry';
import type { RunEvent } from '../../../db/run/event-repository';
import type { RunRecord } from '../../../db/run/repository';
import type { RunEventFeed, RunEventSubscription } from './event-feed';

/** Shorter than the idle timeouts of common proxies. */
const keepAliveMilliseconds = 15_000;
const batch = 500;
/** How long a reader may read nothing before its stream is closed. It can continue later. */
const defaultStallMilliseconds = 60_000;
/** The longest time that a stream continues after its key expired or was revoked. */
const keyCheckMilliseconds = 2_000;

export interface EventStreams {
  /**
   * Sends a run's events as server-sent events after `Last-Event-ID`, until the run has ended and
   * all events are sent. The id is the number of the event in its run, so a client that reconnects
   * gets each event once. The last event is `event: end`. The stream closes within seconds after
   * its key is revoked or expires. Of an ended run, the output of its jobs is left out.
   */
  stream(run: RunRecord, request: FastifyRequest, reply: FastifyReply): Promise<void>;
  /** The number of open streams. */
  open(): number;
  /** Closes all streams. Their clients reconnect, to another process. */
  close(): void;
}

export function openEventStreams(
  registry: Pick<Registry, 'runs' | 'events' | 'apiKeys'>,
  feed: RunEventFeed,
  { stallMilliseconds = defaultStallMilliseconds } = {},
): EventStreams {
  /** Open stream → id of the key that opened it. */
  const streams = new Map<AbortController, string>();
  let looking = false;
  /** One query for all streams of this process. They continue while the registry is unavailable. */
  const endOfKeys = async (): Promise<void> => {
    if (looking || streams.size === 0) return;
    looking = true;
    try {
      const ended = new Set(await registry.apiKeys.ended([...new Set(streams.values())]));
      for (const [stream, keyId] of streams) if (ended.has(keyId)) stream.abort();
    } finally {
      looking = false;
    }
  };
  const timer = setInterval(
    () => void endOfKeys().catch(() => undefined),
    keyCheckMilliseconds,
  ).unref();
  let closing = false;
  return {
    async stream(run, request, reply) {
      const raw = begin(request, reply);
      const gone = new AbortController();
      raw.once('close', () => gone.abort());
      // Keep-alives restart the time of a reader that reads.
      raw.setTimeout(stallMilliseconds, () => raw.destroy());
      streams.set(gone, request.caller.id);
      if (closing) gone.abort();
      const subscription = feed.subscribe(run.id);
      try {
        await send(registry, {
          run,
          subscription,
          raw,
          from: readStart(request),
          signal: gone.signal,
        });
      } catch (error) {
        // The client sees a stream without `end` and reconnects with Last-Event-ID.
        request.log.warn(
          { err: error, runId: run.id, traceId: request.traceId },
          'event stream interrupted',
        );
      } finally {
        streams.delete(gone);
        subscription.end();
        if (closing) raw.destroy();
        else raw.end();
      }
    },
    open: () => streams.size,
    close() {
      closing = true;
      clearInterval(timer);
      for (const stream of streams.keys()) stream.abort();
    },
  };
}

type Raw = FastifyReply['raw'];

function begin(request: FastifyRequest, reply: FastifyReply): Raw {
  reply.hijack();
  reply.raw.writeHead(200, {
    ...(reply.getHeaders() as Record<string, string>),
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
    traceparent: request.traceparent,
  });
  // Shows the client that it is connected before the first event.
  reply.raw.flushHeaders();
  return reply.raw;
}

interface Sending {
  readonly run: RunRecord;
  readonly subscription: RunEventSubscription;
  readonly raw: Raw;
  readonly from: number;
  readonly signal: AbortSignal;
}

async function send(
  { runs, events }: Pick<Registry, 'runs' | 'events'>,
  { run, subscription, raw, from, signal }: Sending,
): Promise<void> {
  const { tenant, id } = run;
  let lastSeq = from;
  while (!signal.aborted) {
    // The state is read before the events, because the last event is written in the transaction
    // that ends the run.
    const current = await runs.get({ tenant, id });
    const news = await events.list({ tenant, runId: id, afterSeq: lastSeq, limit: batch });
    const isOver = current === null || isFinal(current.status);
    // An ended run has the output of its jobs in the stored log, and the events may be long.
    for (const event of news)
      if (!isOver || event.kind !== 'job.output') await write(raw, eventText(event), signal);
    lastSeq = news.at(-1)?.seq ?? lastSeq;
    if (news.length === batch) continue;
    if (isOver) {
      return write(
        raw,
        `event: end\ndata: ${JSON.stringify({ status: current?.status ?? 'gone' })}\n\n`,
        signal,
      );
    }
    if ((await subscription.next(keepAliveMilliseconds, signal)) === 'timeout')
      await write(raw, ': keep-alive\n\n', signal);
  }
}

function readStart(request: FastifyRequest): number {
  const given = Number(request.headers['last-event-id'] ?? 0);
  return Number.isSafeInteger(given) && given >= 0 ? given : 0;
}

function eventText({ seq, kind, stage, data, at }: RunEvent): string {
  return `id: ${seq}\nevent: ${kind}\ndata: ${JSON.stringify({ seq, kind, stage, data, at })}\n\n`;
}

/** Waits for a slow reader instead of buffering. */
function write(raw: Raw, text: string, signal: AbortSignal): Promise<void> {
  if (signal.aborted || raw.destroyed || raw.write(text)) return Promise.resolve();
  return new Promise((resolve) => {
    const go = (): void => {
      raw.off('drain', go);
      signal.removeEventListener('abort', go);
      resolve();
    };
    raw.on('drain', go);
    signal.addEventListener('abort', go);
  });
}
