/**
 * One run of a demo. If it opens a rollout, callers send requests and labels until the run has
 * ended.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { isFinal } from '../../../domain/run/run';
import { isOpenRollout } from '../../../domain/rollout/rollout';
import { ApiError } from '../../client/api-error';
import type { CliContext } from '../context';
import type { ReplayEnd } from '../serving/replay/replay';
import type { RolloutJson } from '../rollout/view';
import type { RunJson } from '../run/view';
import { watchRun } from '../watch';

export interface RoundOptions {
  readonly lifecycle: string;
  /** Event time, if the lifecycle has one. */
  readonly until?: string;
  readonly reason: string;
  readonly traffic: Traffic;
  readonly signal: AbortSignal;
  /** Called when the run is accepted; from then on it has its own revision. */
  readonly onAccepted?: () => Promise<void>;
}

export interface Traffic {
  readonly what: string;
  readonly send: (signal: AbortSignal) => Promise<ReplayEnd>;
}

export interface Round {
  readonly run: RunJson;
  readonly rollout: RolloutJson | null;
  /** Null if there was no rollout to watch. */
  readonly traffic: ReplayEnd | null;
}

const lookMs = 250;
/** Time after the last label, because the rollout polls at least every five seconds. */
const patienceMs = 30_000;

export async function playRound(context: CliContext, options: RoundOptions): Promise<Round> {
  const api = context.api();
  const { terminal } = context;
  const { lifecycle, until, reason, signal, onAccepted } = options;
  const started = await api.call('POST /lifecycles/{name}/runs', {
    path: { name: lifecycle },
    body: { ...(until === undefined ? {} : { until }), reason },
  });
  terminal.say(
    `${started.id} started${started.temporalUrl === null ? '' : `: ${started.temporalUrl}`}`,
  );
  await onAccepted?.();
  const over = new AbortController();
  const watched = watchRun(context, started.id).finally(() => over.abort());
  const sending = sendTraffic(context, started.id, {
    ...options,
    signal: AbortSignal.any([signal, over.signal]),
  });
  const [run, sent] = await Promise.all([watched, sending]);
  if (sent === null) return { run, rollout: null, traffic: null };
  return {
    run,
    traffic: sent.traffic,
    rollout: await api.call('GET /models/{model}/rollouts/{id}', {
      path: { model: lifecycle, id: sent.rollout },
    }),
  };
}

/**
 * From the opening of the rollout to the end of the run. A rollout that is undecided when the
 * replayed traffic ends is not waited for.
 */
async function sendTraffic(
  context: CliContext,
  runId: string,
  { lifecycle, traffic, signal }: RoundOptions,
): Promise<{ readonly rollout: string; readonly traffic: ReplayEnd } | null> {
  const rollout = await openedRollout(context, runId, signal);
  if (rollout === null) return null;
  context.terminal.say(`          ${traffic.what}`);
  const sent = await traffic.send(signal);
  await pause(patienceMs, undefined, { signal }).catch(() => undefined);
  if (!signal.aborted)
    await abortOpenRollout(context, lifecycle, 'the traffic has ended without a decision');
  return { rollout: rollout.id, traffic: sent };
}

async function openedRollout(
  context: CliContext,
  runId: string,
  signal: AbortSignal,
): Promise<{ readonly id: string } | null> {
  const api = context.api();
  while (!signal.aborted) {
    const { rollout, status } = await api.call('GET /runs/{id}', { path: { id: runId } });
    if (rollout) return rollout;
    if (isFinal(status)) return null;
    await pause(lookMs);
  }
  return null;
}

/** Also a rollout that an earlier, killed start left open. */
export async function abortOpenRollout(
  context: CliContext,
  model: string,
  reason: string,
): Promise<void> {
  const api = context.api();
  const [newest] = await api
    .list('GET /models/{model}/rollouts', { path: { model } }, 1)
    .catch((error: unknown) => {
      // The model does not exist yet.
      if (error instanceof ApiError && error.status === 404) return [];
      throw error;
    });
  if (newest === undefined || !isOpenRollout(newest.status)) return;
  await api.call('POST /models/{model}/rollout/abort', {
    path: { model },
    headers: { 'idempotency-key': `abort-${newest.id}` },
    body: { reason },
  });
}
