import { z } from 'zod';
import type { StageRecord } from '../../../db/stage/repository';
import type {
  AnswersSummary,
  ScoreSummary,
} from '../../../domain/language/evaluation/answers-summary';
import type { SearchedPrompts } from '../../../workflows/lifecycle/stages/search-prompts';

const score = z.object({
  mean: z.number().nullable(),
  lower: z.number().nullable().describe('95 % confidence interval, valid at any time'),
  upper: z.number().nullable(),
  cases: z.number(),
  failures: z.number().describe('cases that could not be measured'),
});

export const promptsView = z
  .object({
    chosen: z.string().describe('path of the prompt file'),
    candidates: z
      .array(
        z.object({
          path: z.string(),
          cases: z.number(),
          dimensions: z.record(z.string(), score),
          medianMs: z.number().nullable(),
        }),
      )
      .readonly()
      .describe('in the order of the spec, on the selection cases'),
    searched: z
      .object({
        first: z.string().describe('candidate that the search started from'),
        found: z
          .string()
          .nullable()
          .describe('prompt://name@version; null if nothing was better or the budget was spent'),
        variants: z.number(),
        fewer: z
          .array(z.string())
          .readonly()
          .describe('why fewer variants were tried than allowed; empty if all were'),
        questions: z.number(),
        gain: score.nullable().describe('gain over the starting prompt, on held-out cases'),
        unpaid: z.string().nullable().describe('variants that the budget did not cover'),
      })
      .nullable()
      .describe('null if no search was configured'),
    notShown: z
      .array(z.object({ path: z.string(), against: z.string(), difference: score }))
      .readonly()
      .describe(
        'comparisons on held-out cases whose lower bound is not above 0; the prompt in `against` was kept',
      ),
    confirmed: z
      .object({ path: z.string(), difference: score })
      .nullable()
      .describe(
        'difference between the best and the first prompt on held-out cases; null if the first was the best',
      ),
  })
  .meta({ id: 'ChosenPrompt' });

export const fineTuningView = z
  .object({
    rows: z.object({
      train: z.number(),
      holdout: z.number(),
      leftOut: z.number().describe('examples without a text on one side'),
      tooLong: z
        .number()
        .optional()
        .describe('examples left out because their passages could not be retrieved'),
    }),
    passages: z
      .object({
        index: z.string().describe('name@version'),
        shown: z.number().describe('total over all conversations'),
        without: z.number().describe('examples for which no passages were found or allowed'),
        leftOut: z
          .object({ room: z.number(), policy: z.number() })
          .describe('passages found but not shown, by reason'),
        refused: z
          .record(z.string(), z.number())
          .optional()
          .describe(
            'examples left out because a provider, such as the reranker’s, rejected them or returned no usable result, by reason',
          ),
      })
      .nullable()
      .describe('passages of the index in the examples; null for a bundle without an index'),
    metrics: z
      .record(z.string(), z.number())
      .describe('metrics of the trainer on its held-out rows'),
    facts: z.record(z.string(), z.unknown()),
  })
  .meta({ id: 'FineTuning' });

export type PromptsJson = z.output<typeof promptsView>;
export type FineTuningJson = z.output<typeof fineTuningView>;

interface Chosen {
  readonly chosen: { readonly path: string };
  readonly candidates: readonly { readonly path: string; readonly summary: AnswersSummary }[];
  readonly searched: SearchedPrompts | null;
  readonly notShown?: PromptsJson['notShown'];
  readonly confirmed: { readonly path: string; readonly difference: ScoreSummary } | null;
}

/**
 * From the record of a prompt-eval stage (workflows/lifecycle/stages/prompt-eval.ts); null for any
 * other stage.
 */
export function promptsToJson({ stage, output }: StageRecord): PromptsJson | null {
  const left = (output as { readonly output?: Chosen } | null)?.output;
  if (stage !== 'prompt-eval' || !left) return null;
  const { chosen, candidates, searched, notShown = [], confirmed } = left;
  return {
    chosen: chosen.path,
    candidates: candidates.map(({ path, summary: { cases, dimensions, medianMs } }) => ({
      path,
      cases,
      medianMs,
      dimensions: { ...dimensions },
    })),
    searched: searched ? searchedToJson(searched) : null,
    notShown,
    confirmed,
  };
}

function searchedToJson(searched: SearchedPrompts): PromptsJson['searched'] {
  const { first } = searched;
  if (searched.kind === 'unpaid')
    return {
      first,
      found: null,
      variants: 0,
      fewer: [],
      questions: 0,
      gain: null,
      unpaid: searched.reason,
    };
  const { bundle, outcome } = searched;
  const { variants, fewer = [], questions, confirmed } = outcome;
  return {
    first,
    found: bundle?.path ?? null,
    variants,
    fewer,
    questions,
    gain: confirmed.gain,
    unpaid: null,
  };
}

interface TunedStage {
  readonly rows: FineTuningJson['rows'];
  readonly passages?:
    | (Omit<NonNullable<FineTuningJson['passages']>, 'index'> & {
        readonly index: { readonly name: string; readonly version: number };
      })
    | null;
  readonly result: {
    readonly metrics: Readonly<Record<string, number>>;
    readonly facts: Readonly<Record<string, unknown>>;
  };
}

/**
 * From the record of a fine-tune stage (workflows/lifecycle/stages/fine-tune.ts); null for any
 * other stage.
 */
export function fineTuningToJson({ stage, output }: StageRecord): FineTuningJson | null {
  const left = (output as { readonly output?: TunedStage } | null)?.output;
  if (stage !== 'fine-tune' || !left) return null;
  const { rows, passages = null, result } = left;
  const found = passages && {
    ...passages,
    index: `${passages.index.name}@${passages.index.version}`,
  };
  return { rows, passages: found, metrics: { ...result.metrics }, facts: { ...result.facts } };
}
