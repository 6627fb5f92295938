import { activityInfo } from '@temporalio/activity';
import type { ArtifactStore } from '../../data/artifact/store';
import { withinProviderTime } from '../../data/language/provider/attempt';
import { pauseMs } from '../../data/language/provider/pause';
import type { ModelAccess } from '../../data/language/model-access';
import type {
  FineTuningState,
  ProviderFineTuning,
} from '../../data/language/provider/provider-fine-tuning';
import { failure } from '../../domain/failure';
import type { IdempotencyKey, RunId, Tenant } from '../../domain/ids';
import type { FineTuneSpec, LlmLifecycleSpec } from '../../domain/language/lifecycle/llm-lifecycle';
import type { Registry } from '../../db/registry';
import { effectOnce } from '../run/effect-once';
import { whileBeating } from '../run/heartbeating';
import type { PreparedExamples } from './prepare-examples';
import { awayTooLong, watchAbsence, type Absence, type AwayProvider } from './provider-absence';

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
  /** RFC 3339: the provider was away when the last turn ended. */
  readonly awaySince: string | null;
  /** For how long it may be away. */
  readonly patienceSeconds: number;
}

export type SeenFineTuning = FineTuningState | AwayProvider;

const pace = {
  lookMs: 15_000,
  /** That one look may take. */
  answerMs: 60_000,
  /** That one order may take, with the upload of its examples. */
  orderMs: 600_000,
  /** An attempt looks no longer than this; then the workflow asks anew. */
  turnMs: 3_600_000,
  /** How often people are told that a provider is still away. */
  tellMs: 600_000,
};

export function createProviderFineTuneActivities(
  { registry, artifacts, access }: ProviderFineTuneDeps,
  { lookMs, answerMs, orderMs, turnMs, tellMs } = pace,
) {
  return {
    /**
     * Uploads the examples and orders the job, once: killed before the answer came, the next
     * attempt finds file and job by the name that the key gives them. A provider bills what it
     * trains, whoever reads the answer. One that is away is asked again for as long as the stage
     * may take, and looked at for the job first each time.
     */
    submitFineTuning: (input: SubmitFineTuningInput): Promise<{ readonly job: string }> => {
      const before = activityInfo().heartbeatDetails as AwayProvider | undefined;
      return whileBeating(({ signal, report }) =>
        effectOnce(registry.effects, input, async (assertOwned) => {
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
          const absence = absenceOf(input, {
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
                `${provider} did not take its order`,
                submit,
              );
              absence.over();
              return made;
            } catch (error) {
              const { state, retryAfterMs } = absence.seen(error, at);
              report(state);
              absence.endure(state);
              await pauseMs(Math.max(lookMs, retryAfterMs), signal);
            }
          }
        }),
      );
    },

    /**
     * Looks until it is over, at most an hour. A provider that is away ends nothing: its job goes
     * on without us, and to give it up would throw away what it has nearly made. It is asked again
     * until it has been away for longer than the stage may take; since when, the next attempt and
     * the next turn know.
     */
    awaitFineTuning: (input: AwaitFineTuningInput): Promise<SeenFineTuning> => {
      const before = activityInfo().heartbeatDetails as SeenFineTuning | undefined;
      return whileBeating(async ({ signal, report }) => {
        const { provider, job, patienceSeconds } = input;
        const fineTuning = access.fineTuning(provider);
        const since =
          before === undefined ? input.awaySince : before.kind === 'away' ? before.since : null;
        const absence = absenceOf(input, { job, since, patienceSeconds });
        for (const until = Date.now() + turnMs; ;) {
          const { state, retryAfterMs } = await look(fineTuning, job, absence, signal);
          report(state);
          if (state.kind === 'away') absence.endure(state);
          else {
            absence.over();
            if (state.kind === 'failed')
              throw failure(
                'JobFailed',
                `${provider} did not fine-tune (${job}): ${state.message}`,
              );
            if (state.kind === 'cancelled')
              throw failure('JobFailed', `${provider} says that the job ${job} was cancelled`);
            if (state.kind === 'succeeded') return state;
          }
          if (Date.now() >= until) return state;
          await pauseMs(Math.min(Math.max(lookMs, retryAfterMs), turnMs), signal);
        }
      });
    },

    /**
     * Undo of `submitFineTuning`; nothing to end when it ordered nothing, or when the job is over.
     */
    cancelFineTuning: ({ provider, key }: AtProvider): Promise<void> =>
      whileBeating(({ signal }) => access.fineTuning(provider).cancel(fileName(key), signal)),
  };

  async function look(
    fineTuning: ProviderFineTuning,
    job: string,
    absence: Absence,
    signal: AbortSignal,
  ): Promise<{ readonly state: SeenFineTuning; readonly retryAfterMs: number }> {
    const at = new Date().toISOString();
    try {
      const state = await withinProviderTime(
        answerMs,
        signal,
        `a look at the job ${job} did not end`,
        (timed) => fineTuning.read(job, timed),
      );
      return { state, retryAfterMs: 0 };
    } catch (error) {
      return absence.seen(error, at);
    }
  }

  /** `job`: null while it is not ordered. What cannot be told is no reason to stop. */
  function absenceOf(
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
  ): Absence {
    return watchAbsence({
      ...{ since, patienceSeconds, tellMs },
      tell: (kind, data) => {
        const told = { provider, ...(job !== null && { job }), ...data };
        registry.events
          .append({ tenant, runId, kind, stage: key.split('/')[1], data: told })
          .catch(() => undefined);
      },
      givenUp: (away) => {
        const which =
          job === null ? 'without having taken its order' : `and its job ${job} with it`;
        const first =
          job === null
            ? 'perennial run rerun --from fine-tune'
            : 'look at the job there; perennial run rerun --from fine-tune';
        return awayTooLong(
          `${provider} is away since ${away.since}, for longer than the stage may take, ${which}: ${away.reason}`,
          `${first} orders another, spec.fineTune.compute.timeout waits for longer`,
        );
      },
    });
  }
}

/** The provider's files are flat, and their names seen by people. */
function fileName(key: IdempotencyKey): string {
  return `perennial-${key.replaceAll(/[^\w.-]/g, '-')}.jsonl`;
}
