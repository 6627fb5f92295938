import { FormData } from 'undici';
import { z } from 'zod';
import { failure, isPerennialError } from '../../../domain/failure';
import type { Endpoint } from './endpoint';
import { readWire } from './wire';

/**
 * What is to be learnt, under a name that is this job's alone: by it a second submission finds the
 * first.
 */
export interface FineTuningOrder {
  /** A file name of the caller's key. */
  readonly name: string;
  readonly model: string;
  /** JSONL of conversations that end with the answer wanted. */
  readonly train: Uint8Array;
  readonly holdout: Uint8Array;
  readonly hyperparameters: Readonly<Record<string, unknown>>;
  readonly seed: number;
}

export type FineTuningState =
  | { readonly kind: 'running'; readonly status: string }
  | { readonly kind: 'succeeded'; readonly model: string; readonly trainedTokens: number | null }
  | { readonly kind: 'failed'; readonly message: string }
  | { readonly kind: 'cancelled' };

/**
 * A provider's own fine-tuning, by the API that OpenAI has and others speak: `/files` and
 * `/fine_tuning/jobs`.
 */
export interface ProviderFineTuning {
  /**
   * Finds the job of an earlier submission by its training file. The provider has no idempotency
   * keys: two at the very same moment could make two, which the caller's claim prevents.
   */
  submit(order: FineTuningOrder, signal: AbortSignal): Promise<{ readonly job: string }>;
  read(job: string, signal: AbortSignal): Promise<FineTuningState>;
  /** Ends the job of this name; fine when there is none, or when it is over. */
  cancel(name: string, signal: AbortSignal): Promise<void>;
}

const file = z.object({ id: z.string(), filename: z.string().nullish() });
const files = z.object({ data: z.array(file), has_more: z.boolean().nullish() });
const job = z.object({
  id: z.string(),
  status: z.string(),
  training_file: z.string().nullish(),
  fine_tuned_model: z.string().nullish(),
  trained_tokens: z.number().nullish(),
  error: z.object({ message: z.string().nullish() }).nullish(),
});
const jobs = z.object({ data: z.array(job), has_more: z.boolean().nullish() });
type ProviderJob = z.output<typeof job>;

/** More pages of an account's files and jobs than these hold are somebody else's history. */
const mostPages = 50;
const over = ['succeeded', 'failed', 'cancelled'];

export function providerFineTuning(name: string, endpoint: Endpoint): ProviderFineTuning {
  const get = (path: string, signal: AbortSignal, query: Readonly<Record<string, string>> = {}) =>
    endpoint.json({ path, body: null, model: null, signal, query });

  return {
    async submit(order, signal) {
      const before = await jobNamed(order.name, signal);
      if (before) return { job: before.id };
      const body = {
        model: order.model,
        training_file: await uploaded(order.name, order.train, signal),
        validation_file: await uploaded(`holdout-${order.name}`, order.holdout, signal),
        seed: order.seed,
        method: { type: 'supervised', supervised: { hyperparameters: order.hyperparameters } },
        metadata: { perennial: order.name },
      };
      const made = await endpoint.json({
        path: '/fine_tuning/jobs',
        body,
        model: order.model,
        signal,
      });
      return { job: readWire(job, made, name, 'fine-tuning job').id };
    },

    async read(id, signal) {
      return stateOf(
        readWire(
          job,
          await get(`/fine_tuning/jobs/${encodeURIComponent(id)}`, signal),
          name,
          'fine-tuning job',
        ),
      );
    },

    async cancel(of, signal) {
      const found = await jobNamed(of, signal);
      if (!found || over.includes(found.status)) return;
      await endpoint
        .json({
          path: `/fine_tuning/jobs/${encodeURIComponent(found.id)}/cancel`,
          body: {},
          model: null,
          signal,
        })
        .catch((error: unknown) => {
          // It may have ended in this moment.
          if (!isPerennialError(error) || error.type !== 'ProviderRefused') throw error;
        });
    },
  };

  async function jobNamed(of: string, signal: AbortSignal): Promise<ProviderJob | null> {
    const training = await fileNamed(of, signal);
    return training === null
      ? null
      : find('/fine_tuning/jobs', jobs, ({ training_file: its }) => its === training, signal);
  }

  async function fileNamed(of: string, signal: AbortSignal): Promise<string | null> {
    return (
      (
        await find('/files', files, ({ filename }) => filename === of, signal, {
          purpose: 'fine-tune',
        })
      )?.id ?? null
    );
  }

  async function find<T extends { readonly id: string }>(
    path: string,
    schema: z.ZodType<{
      readonly data: readonly T[];
      readonly has_more?: boolean | null | undefined;
    }>,
    matches: (each: T) => boolean,
    signal: AbortSignal,
    query: Readonly<Record<string, string>> = {},
  ): Promise<T | null> {
    let after: Readonly<Record<string, string>> = {};
    for (let page = 0; page < mostPages; page += 1) {
      const { data, has_more: more } = readWire(
        schema,
        await get(path, signal, { limit: '100', ...query, ...after }),
        name,
        'list',
      );
      const found = data.find(matches);
      if (found) return found;
      const last = data.at(-1);
      if (!more || !last) return null;
      after = { after: last.id };
    }
    return null;
  }

  async function uploaded(of: string, bytes: Uint8Array, signal: AbortSignal): Promise<string> {
    const before = await fileNamed(of, signal);
    if (before !== null) return before;
    const form = new FormData();
    form.set('purpose', 'fine-tune');
    form.set('file', new Blob([bytes], { type: 'application/jsonl' }), of);
    return readWire(
      file,
      await endpoint.json({ path: '/files', body: null, form, model: null, signal }),
      name,
      'file',
    ).id;
  }
}

function stateOf({
  status,
  fine_tuned_model: model,
  trained_tokens: tokens,
  error,
}: ProviderJob): FineTuningState {
  if (status === 'succeeded') {
    if (!model)
      throw failure(
        'AnswerLost',
        'the provider says that its fine-tuning succeeded, and names no model',
      );
    return { kind: 'succeeded', model, trainedTokens: tokens ?? null };
  }
  if (status === 'failed')
    return { kind: 'failed', message: error?.message ?? 'the provider gives no reason' };
  return status === 'cancelled' ? { kind: 'cancelled' } : { kind: 'running', status };
}
