/** What the demo asks of the engine, and what it waits for. It starts no run itself. */
import { setTimeout as pause } from 'node:timers/promises';
import { isOpenRollout } from '../../../domain/rollout/rollout';
import { isFinal } from '../../../domain/run/run';
import type { RetrainingJson } from '../../api/retraining/view';
import { CliError } from '../cli-error';
import type { CliContext } from '../context';
import type { RunJson } from '../run/view';

export interface YearEngine {
  /** Tells the engine that data were delivered. Returns what it did, in words. */
  announce(id: string): Promise<string>;
  /**
   * Waits until no run trains: the automatic run has ended, or has opened its rollout, which needs
   * requests. With `queued`, also until a queued run has started.
   */
  settle(options?: {
    readonly queued?: boolean;
    /** Called once when a run trains, with its id. */
    readonly onTraining?: ((run: string) => Promise<void>) | undefined;
  }): Promise<void>;
  /** The versions that the runs registered, with the revision of the run. */
  versions(): Promise<readonly { readonly version: number; readonly revision: string }[]>;
}

const lookMs = 500;
/** Longer than a training on a busy machine, with a restart of the worker. */
const patienceMs = 1_200_000;

export function openEngine(
  context: CliContext,
  {
    lifecycle,
    event,
    signal,
  }: { readonly lifecycle: string; readonly event: string; readonly signal: AbortSignal },
): YearEngine {
  const api = context.api();
  const path = { name: lifecycle };
  return {
    async announce(id) {
      const body = { specversion: '1.0', id, source: '/demo/year', type: event };
      const { receipts } = await sendEvent(context, body);
      const [receipt] = receipts;
      if (receipt === undefined)
        throw new CliError(`${lifecycle} does not subscribe to ${event}`, 1);
      return `${receipt.outcome}: ${receipt.why}`;
    },

    async settle({ queued = false, onTraining } = {}) {
      const until = Date.now() + patienceMs;
      let isTold = false;
      while (!signal.aborted) {
        const brakes = await api.call('GET /lifecycles/{name}/retraining', { path });
        const run =
          brakes.run === null
            ? null
            : await api.call('GET /runs/{id}', { path: { id: brakes.run } });
        const stage = run?.stages.at(-1);
        if (!isTold && run && stage?.name === 'train' && stage.status === 'running') {
          isTold = true;
          await onTraining?.(run.id);
        }
        if (isSettled(brakes, run, queued)) return;
        if (Date.now() > until)
          throw new CliError(`the run ${brakes.run ?? ''} of ${lifecycle} does not end`, 1);
        await pause(lookMs, undefined, { signal }).catch(() => undefined);
      }
    },

    async versions() {
      const runs = await api.list('GET /runs', { query: { lifecycle } }, maxRuns);
      return runs.flatMap(({ version, revision }) =>
        version === null ? [] : [{ version, revision }],
      );
    },
  };
}

const maxRuns = 500;

function isSettled(
  { status, queued }: RetrainingJson,
  run: RunShown | null,
  untilStarted: boolean,
): boolean {
  if (run !== null)
    return isFinal(run.status)
      ? !untilStarted
      : run.rollout !== null && isOpenRollout(run.rollout.status);
  return !untilStarted || queued === null || status === 'held' || status === 'stopped';
}

type RunShown = Pick<RunJson, 'status'> & { readonly rollout: RunJson['rollout'] };

interface Receipts {
  readonly receipts: readonly { readonly outcome: string; readonly why: string }[];
}

async function sendEvent({ settings }: CliContext, event: object): Promise<Receipts> {
  const answer = await fetch(`${settings.apiUrl ?? ''}/api/v1/events`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${settings.apiKey ?? ''}`,
      'content-type': 'application/cloudevents+json',
    },
    body: JSON.stringify(event),
  });
  const text = await answer.text();
  if (answer.status !== 202)
    throw new CliError(`the API refused an event with ${answer.status}: ${text.slice(0, 300)}`, 1);
  return JSON.parse(text) as Receipts;
}
