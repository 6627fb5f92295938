import type { FastifyReply, FastifyRequest } from 'fastify';
import { isFinal } from '../../../domain/run/run';
import type { Registry } from '../../../db/registry';
import type { RunEvent } from '../../../db/run/event-repository';
import type { RunRecord } from '../../../db/run/repository';
import type { RunEventFeed, RunEventSubscription } from './event-feed';

/** Shorter than the idle timeouts of common proxies. */
const keepAliveMilliseconds = 15_000;
const batch = 500;
/** A stream whose key has ended goes on for so long at most. */
const keyCheckMilliseconds = 2_000;

export interface EventStreams {
  /**
   * A run's events as server-sent events, from the one after `Last-Event-ID`, until the run has
   * ended and everything was sent. The id is the event's number in its run, so a client that
   * reconnects misses nothing and sees nothing twice. Ends with `event: end`. Breaks off within
   * seconds when the key is revoked or expires.
   */
  stream(run: RunRecord, request: FastifyRequest, reply: FastifyReply): Promise<void>;
  /** Streams open now. */
  open(): number;
  /** Breaks all streams off: their clients come back, to another process. */
  close(): void;
}

export function openEventStreams(
  registry: Pick<Registry, 'runs' | 'events' | 'apiKeys'>,
  feed: RunEventFeed,
): EventStreams {
  /** With the id of the key that each was opened with. */
  const streams = new Map<AbortController, string>();
  let looking = false;
  /** One question for all streams of this process. While the registry is away they go on. */
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
      streams.set(gone, request.caller.id);
      if (closing) gone.abort();
      const subscription = feed.subscribe(run.id);
      try {
        await send(registry, {
          run,
          subscription,
          raw,
          from: startOf(request),
          signal: gone.signal,
        });
      } catch (error) {
        // The client sees the stream end without `end` and comes back with Last-Event-ID.
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
  // So that the client knows it is connected while there is nothing to tell.
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
    // The state is read before the events: whatever ended the run wrote its event in the same
    // transaction.
    const current = await runs.get({ tenant, id });
    const news = await events.list({ tenant, runId: id, afterSeq: lastSeq, limit: batch });
    for (const event of news) await write(raw, eventText(event), signal);
    lastSeq = news.at(-1)?.seq ?? lastSeq;
    if (news.length === batch) continue;
    if (current === null || isFinal(current.status)) {
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

function startOf(request: FastifyRequest): number {
  const given = Number(request.headers['last-event-id'] ?? 0);
  return Number.isSafeInteger(given) && given >= 0 ? given : 0;
}

function eventText({ seq, kind, stage, data, at }: RunEvent): string {
  return `id: ${seq}\nevent: ${kind}\ndata: ${JSON.stringify({ seq, kind, stage, data, at })}\n\n`;
}

/** Waits for a slow reader instead of buffering for it. */
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
