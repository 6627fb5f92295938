import type { ArtifactStore } from '../data/artifacts/store';
import { pauseMs } from '../data/llm/pause';
import type { ModelAccess } from '../data/llm/model-access';
import type { FineTuningState } from '../data/llm/provider-fine-tuning';
import { failure } from '../domain/failure';
import type { IdempotencyKey, RunId, Tenant } from '../domain/ids';
import type { FineTuneSpec, LlmLifecycleSpec } from '../domain/llm/llm-lifecycle';
import type { Registry } from '../db/registry';
import { effectOnce } from './effect-once';
import type { PreparedExamples } from './fine-tune';
import { whileBeating } from './heartbeating';

export interface ProviderFineTuneDeps {
  readonly registry: Pick<Registry, 'effects'>;
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
}

const lookMs = 15_000;
/** A look takes no longer than this; then the workflow asks anew. */
const turnMs = 3_600_000;

export function createProviderFineTuneActivities({ registry, artifacts, access }: ProviderFineTuneDeps) {
  return {
    /**
     * Uploads the examples and orders the job, once: killed before the answer came, the next attempt finds file and job by the name that the key gives them. A provider bills
     * what it trains, whoever reads the answer.
     */
    submitFineTuning: (input: SubmitFineTuningInput): Promise<{ readonly job: string }> =>
      whileBeating(({ signal }) =>
        effectOnce(registry.effects, input, async (assertOwned) => {
          const { prepared, model, fineTune, provider, key } = input;
          const [train, holdout] = await Promise.all([artifacts.getBytes(prepared.train), artifacts.getBytes(prepared.holdout)]);
          await assertOwned();
          return access
            .fineTuning(provider)
            .submit({ name: fileName(key), model, train, holdout, hyperparameters: fineTune.params, seed: fineTune.seed }, signal);
        }),
      ),

    /** Looks until it is over, at most an hour. A provider that is away is asked again by the next attempt: the job goes on without us. */
    awaitFineTuning: ({ provider, job }: AwaitFineTuningInput): Promise<FineTuningState> =>
      whileBeating(async ({ signal, report }) => {
        const fineTuning = access.fineTuning(provider);
        for (const until = Date.now() + turnMs; ;) {
          const state = await fineTuning.read(job, signal);
          report(state);
          if (state.kind === 'failed') throw failure('JobFailed', `${provider} did not fine-tune (${job}): ${state.message}`);
          if (state.kind === 'cancelled') throw failure('JobFailed', `${provider} says that the job ${job} was cancelled`);
          if (state.kind === 'succeeded' || Date.now() > until) return state;
          await pauseMs(lookMs, signal);
        }
      }),

    /** Undo of `submitFineTuning`; nothing to end when it ordered nothing, or when the job is over. */
    cancelFineTuning: ({ provider, key }: AtProvider): Promise<void> =>
      whileBeating(({ signal }) => access.fineTuning(provider).cancel(fileName(key), signal)),
  };
}

/** The provider's files are flat, and their names seen by people. */
function fileName(key: IdempotencyKey): string {
  return `perennial-${key.replaceAll(/[^\w.-]/g, '-')}.jsonl`;
}
