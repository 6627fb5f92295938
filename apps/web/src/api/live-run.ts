/**
 * The events of a run as they happen. A lost connection is opened again after the last event that
 * arrived, so that none is missing.
 */
import { createParser } from 'eventsource-parser';
import { useEffect, useState } from 'react';
import { refusalIn, RefusedCall } from './client';
import { noEvents, withEvents, type Connection, type LiveEvent, type LiveRun } from './live-state';

/** Shown once for so many milliseconds, however many events arrive. */
const flushMilliseconds = 150;
const retryMilliseconds = 1000;
/** A window that is not seen keeps its connection for so long. */
const hiddenMilliseconds = 5_000;

export function useLiveRun(runId: string): LiveRun {
  const [state, setState] = useState<LiveRun>(noEvents);
  useEffect(() => {
    setState(noEvents);
    const end = new AbortController();
    let current = noEvents;
    let arrived: LiveEvent[] = [];
    let timer: number | undefined;
    const flush = (): void => {
      timer = undefined;
      current = withEvents(current, arrived);
      arrived = [];
      setState(current);
    };
    const show = (connection: Connection): void => {
      current = { ...current, connection };
      timer ??= window.setTimeout(flush, flushMilliseconds);
    };
    void follow(runId, end.signal, show, (event) => {
      arrived.push(event);
      timer ??= window.setTimeout(flush, flushMilliseconds);
    });
    return () => {
      end.abort();
      window.clearTimeout(timer);
    };
  }, [runId]);
  return state;
}

/**
 * Browsers open at most six connections to one address over HTTP/1.1, so a window that is not seen
 * gives its connection back. It continues after its last event when it is seen again.
 */
async function follow(
  runId: string,
  signal: AbortSignal,
  show: (connection: Connection) => void,
  onEvent: (event: LiveEvent) => void,
): Promise<void> {
  let lastId = 0;
  const isLeft = (): boolean => signal.aborted;
  while (!isLeft()) {
    await untilSeen(signal);
    const unseen = abortedWhenUnseen(signal);
    try {
      const isOver = await readEvents(runId, lastId, unseen.signal, show, (event) => {
        if (event.seq <= lastId) return;
        lastId = event.seq;
        onEvent(event);
      });
      if (isOver) {
        show('ended');
        return;
      }
    } catch (error) {
      if (isLeft()) return;
      if (unseen.signal.aborted) {
        show('connecting');
        continue;
      }
      const status = error instanceof RefusedCall ? error.status : null;
      if (status !== null && status < 500 && status !== 429) {
        show('refused');
        return;
      }
    } finally {
      unseen.end();
    }
    show('lost');
    await new Promise((resume) => setTimeout(resume, retryMilliseconds));
  }
}

/** True after the last event of the run, false if the connection ended before. */
async function readEvents(
  runId: string,
  lastId: number,
  signal: AbortSignal,
  show: (connection: Connection) => void,
  onEvent: (event: LiveEvent) => void,
): Promise<boolean> {
  const response = await fetch(`/api/v1/runs/${encodeURIComponent(runId)}/events`, {
    credentials: 'same-origin',
    headers: { accept: 'text/event-stream', 'last-event-id': String(lastId) },
    signal,
  });
  if (!response.ok || response.body === null) throw await refusalIn(response);
  show('live');
  const over: { isOver: boolean } = { isOver: false };
  const parser = createParser({
    onEvent: ({ event, data }) => {
      if (event === 'end') over.isOver = true;
      else onEvent(JSON.parse(data) as LiveEvent);
    },
  });
  const decoder = new TextDecoder();
  const reader = response.body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return over.isOver;
    parser.feed(decoder.decode(value, { stream: true }));
  }
}

function untilSeen(signal: AbortSignal): Promise<void> {
  if (!document.hidden) return Promise.resolve();
  return new Promise((resolve) => {
    const look = (): void => {
      if (document.hidden && !signal.aborted) return;
      document.removeEventListener('visibilitychange', look);
      signal.removeEventListener('abort', look);
      resolve();
    };
    document.addEventListener('visibilitychange', look);
    signal.addEventListener('abort', look);
  });
}

function abortedWhenUnseen(signal: AbortSignal): {
  readonly signal: AbortSignal;
  readonly end: () => void;
} {
  const unseen = new AbortController();
  let timer: number | undefined;
  const look = (): void => {
    window.clearTimeout(timer);
    if (document.hidden) timer = window.setTimeout(() => unseen.abort(), hiddenMilliseconds);
  };
  document.addEventListener('visibilitychange', look);
  return {
    signal: AbortSignal.any([signal, unseen.signal]),
    end() {
      window.clearTimeout(timer);
      document.removeEventListener('visibilitychange', look);
    },
  };
}
