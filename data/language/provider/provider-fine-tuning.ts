import { FormData } from 'undici';
import { z } from 'zod';
import { failure, isPerennialError } from '../../../domain/failure';
import type { Endpoint } from './endpoint';
import { parseResponse } from './wire';

/** One fine-tuning job. Its unique name lets a second submission find the first. */
export interface FineTuningOrder {
  /** The file name of the training data, derived from the job's key. */
  readonly name: string;
  readonly model: string;
  /** JSONL; each line is a conversation that ends with the expected answer. */
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
 * Fine-tuning at the provider, by OpenAI's API (`/files` and `/fine_tuning/jobs`), which other
 * providers also implement.
 */
export interface ProviderFineTuning {
  /**
   * Submit a job, or return the job of an earlier submission, found by its training file. The API
   * has no idempotency keys, so the caller must prevent two submissions at the same moment.
   */
  submit(order: FineTuningOrder, signal: AbortSignal): Promise<{ readonly job: string }>;
  read(job: string, signal: AbortSignal): Promise<FineTuningState>;
  /** Cancel the job of this name. Does nothing when there is none or it has ended. */
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

/** An account's files and jobs beyond these pages are too old to be this job's. */
const maxPages = 50;
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
        training_file: await uploadFile(order.name, order.train, signal),
        validation_file: await uploadFile(`holdout-${order.name}`, order.holdout, signal),
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
      return { job: parseResponse(job, made, name, 'fine-tuning job').id };
    },

    async read(id, signal) {
      return toFineTuningState(
        parseResponse(
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
          // The job may have ended in the meantime.
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
    for (let page = 0; page < maxPages; page += 1) {
      const { data, has_more: more } = parseResponse(
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

  async function uploadFile(of: string, bytes: Uint8Array, signal: AbortSignal): Promise<string> {
    const before = await fileNamed(of, signal);
    if (before !== null) return before;
    const form = new FormData();
    form.set('purpose', 'fine-tune');
    form.set('file', new Blob([bytes], { type: 'application/jsonl' }), of);
    return parseResponse(
      file,
      await endpoint.json({ path: '/files', body: null, form, model: null, signal }),
      name,
      'file',
    ).id;
  }
}

function toFineTuningState({
  status,
  fine_tuned_model: model,
  trained_tokens: tokens,
  error,
}: ProviderJob): FineTuningState {
  if (status === 'succeeded') {
    if (!model)
      throw failure(
        'AnswerLost',
        'the provider reports that the fine-tuning job succeeded but names no model',
      );
    return { kind: 'succeeded', model, trainedTokens: tokens ?? null };
  }
  if (status === 'failed')
    return { kind: 'failed', message: error?.message ?? 'the provider gave no reason' };
  return status === 'cancelled' ? { kind: 'cancelled' } : { kind: 'running', status };
}
