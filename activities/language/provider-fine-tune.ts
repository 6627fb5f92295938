import { activityInfo } from '@temporalio/activity';
import type { ArtifactStore } from '../../data/artifact/store';
import { withinProviderTime } from '../../data/language/provider/attempt';
import { sleepMs } from '../../data/language/provider/pause';
import type { ModelAccess } from '../../data/language/model-access';
import type {
  FineTuningState,
  ProviderFineTuning,
} from '../../data/language/provider/provider-fine-tuning';
import { failure } from '../../domain/failure';
import type { IdempotencyKey, RunId, Tenant } from '../../domain/ids';
import type { FineTuneSpec, LlmLifecycleSpec } from '../../domain/lifecycle/llm/llm-lifecycle';
import type { Registry } from '../../db/registry';
import { withIdempotencyKey } from '../run/idempotent-effect';
import { withHeartbeat } from '../run/heartbeat';
import type { PreparedExamples } from './prepare-examples';
import {
  unavailableTooLong,
  trackUnavailability,
  type UnavailabilityTracker,
  type UnavailableProvider,
} from './provider-absence';

export interface ProviderFineTuneDeps {
  readonly registry: Pick<Registry, 'effects' | 'events'>;
  readonly artifacts: Pick<ArtifactStore, 'getBytes'>;
  readonly access: Pick<ModelAccess, 'fineTuning'>;
}

interface AtProvider {
  readonly tenant: Tenant;
  readonly runId: RunId;
  readonly key: IdempotencyKey;
  readonly provider: string;
}

export interface SubmitFineTuningInput extends AtProvider {
  readonly prepared: PreparedExamples;
  readonly model: LlmLifecycleSpec['model']['name'];
  readonly fineTune: FineTuneSpec;
}

export interface AwaitFineTuningInput extends AtProvider {
  readonly job: string;
  /** RFC 3339; set when the provider was unavailable at the end of the previous turn. */
  readonly awaySince: string | null;
  /** Seconds that the provider may be unavailable. */
  readonly patienceSeconds: number;
}

export type FineTuningTurn = FineTuningState | UnavailableProvider;

const pace = {
  lookMs: 15_000,
  /** Time limit of one status request. */
  answerMs: 60_000,
  /** Time limit of one submission, including the upload of examples. */
  orderMs: 600_000,
  /** Time limit of one attempt; then the workflow calls the activity again. */
  turnMs: 3_600_000,
  /** Time between two events about an unavailable provider. */
  tellMs: 600_000,
};

export function createProviderFineTuneActivities(
  { registry, artifacts, access }: ProviderFineTuneDeps,
  { lookMs, answerMs, orderMs, turnMs, tellMs } = pace,
) {
  return {
    /**
     * Uploads the examples and submits the job once. If an attempt ends before the answer, the next
     * one finds file and job by the name that derives from the key. An unavailable provider is
     * retried for as long as the stage may take, looking for the job first each time.
     */
    submitFineTuning: (input: SubmitFineTuningInput): Promise<{ readonly job: string }> => {
      const before = activityInfo().heartbeatDetails as UnavailableProvider | undefined;
      return withHeartbeat(({ signal, report }) =>
        withIdempotencyKey(registry.effects, input, async (assertOwned) => {
          const { prepared, model, fineTune, provider, key } = input;
          const [train, holdout] = await Promise.all([
            artifacts.getBytes(prepared.train),
            artifacts.getBytes(prepared.holdout),
          ]);
          const order = {
            name: fileName(key),
            model,
            train,
            holdout,
            hyperparameters: fineTune.params,
            seed: fineTune.seed,
          };
          const absence = findAbsence(input, {
            job: null,
            since: before?.since ?? null,
            patienceSeconds: fineTune.compute.timeoutSeconds,
          });
          for (;;) {
            await assertOwned();
            const at = new Date().toISOString();
            try {
              const submit = (timed: AbortSignal) =>
                access.fineTuning(provider).submit(order, timed);
              const made = await withinProviderTime(
                orderMs,
                signal,
                `${provider} did not accept the job`,
                submit,
              );
              absence.over();
              return made;
            } catch (error) {
              const { state, retryAfterMs } = absence.seen(error, at);
              report(state);
              absence.endure(state);
              await sleepMs(Math.max(lookMs, retryAfterMs), signal);
            }
          }
        }),
      );
    },

    /**
     * Follows the job to its end, for at most an hour. An unavailable provider does not fail it,
     * because the job continues there. It fails when the provider was unavailable for longer than
     * the stage may take; the next attempt and the next turn get the start of that time.
     */
    awaitFineTuning: (input: AwaitFineTuningInput): Promise<FineTuningTurn> => {
      const before = activityInfo().heartbeatDetails as FineTuningTurn | undefined;
      return withHeartbeat(async ({ signal, report }) => {
        const { provider, job, patienceSeconds } = input;
        const fineTuning = access.fineTuning(provider);
        const since =
          before === undefined ? input.awaySince : before.kind === 'away' ? before.since : null;
        const absence = findAbsence(input, { job, since, patienceSeconds });
        for (const until = Date.now() + turnMs; ;) {
          const { state, retryAfterMs } = await look(fineTuning, job, absence, signal);
          report(state);
          if (state.kind === 'away') absence.endure(state);
          else {
            absence.over();
            if (state.kind === 'failed')
              throw failure(
                'JobFailed',
                `${provider} failed to fine-tune the model (${job}): ${state.message}`,
              );
            if (state.kind === 'cancelled')
              throw failure('JobFailed', `the fine-tuning job ${job} was cancelled at ${provider}`);
            if (state.kind === 'succeeded') return state;
          }
          if (Date.now() >= until) return state;
          await sleepMs(Math.min(Math.max(lookMs, retryAfterMs), turnMs), signal);
        }
      });
    },

    /** Undo of `submitFineTuning`. Does nothing if there is no job or it has ended. */
    cancelFineTuning: ({ provider, key }: AtProvider): Promise<void> =>
      withHeartbeat(({ signal }) => access.fineTuning(provider).cancel(fileName(key), signal)),
  };

  async function look(
    fineTuning: ProviderFineTuning,
    job: string,
    absence: UnavailabilityTracker,
    signal: AbortSignal,
  ): Promise<{ readonly state: FineTuningTurn; readonly retryAfterMs: number }> {
    const at = new Date().toISOString();
    try {
      const state = await withinProviderTime(
        answerMs,
        signal,
        `the status of job ${job} did not arrive`,
        (timed) => fineTuning.read(job, timed),
      );
      return { state, retryAfterMs: 0 };
    } catch (error) {
      return absence.seen(error, at);
    }
  }

  /** `job` is null before the submission. A failed event is ignored. */
  function findAbsence(
    { tenant, runId, key, provider }: AtProvider,
    {
      job,
      since,
      patienceSeconds,
    }: {
      readonly job: string | null;
      readonly since: string | null;
      readonly patienceSeconds: number;
    },
  ): UnavailabilityTracker {
    return trackUnavailability({
      since,
      patienceSeconds,
      tellMs,
      tell: (kind, data) => {
        const told = { provider, ...(job !== null && { job }), ...data };
        registry.events
          .append({ tenant, runId, kind, stage: key.split('/')[1], data: told })
          .catch(() => undefined);
      },
      givenUp: (away) => {
        const what =
          job === null ? 'and accepted no job' : `and the result of job ${job} is unknown`;
        const first =
          job === null
            ? 'perennial run rerun --from fine-tune'
            : `check job ${job} at ${provider}; perennial run rerun --from fine-tune`;
        return unavailableTooLong(
          `${provider} has been unavailable since ${away.since}, longer than the stage may take, ` +
            `${what}: ${away.reason}`,
          `${first} submits a new job; spec.fineTune.compute.timeout sets a longer limit`,
        );
      },
    });
  }
}

/** The provider has no folders, and people see its file names. */
function fileName(key: IdempotencyKey): string {
  return `perennial-${key.replaceAll(/[^\w.-]/g, '-')}.jsonl`;
}
