import { z } from 'zod';
import type { StageRecord } from '../../../db/repositories/stages';
import type { AnswersSummary, ScoreSummary } from '../../../domain/llm/evaluation/answered';
import type { SearchedPrompts } from '../../../workflows/stages/search-prompts';

const score = z.object({
  mean: z.number().nullable(),
  lower: z.number().nullable().describe('of the interval that holds 95 %, however often it is looked at'),
  upper: z.number().nullable(),
  cases: z.number(),
  failures: z.number().describe('cases that could not be measured'),
});

export const promptsView = z
  .object({
    chosen: z.string().describe('path of its file'),
    candidates: z
      .array(z.object({ path: z.string(), cases: z.number(), dimensions: z.record(z.string(), score), medianMs: z.number().nullable() }))
      .readonly()
      .describe('in the order of the spec, on the cases that the choice went by'),
    searched: z
      .object({
        first: z.string().describe('the candidate that the search began with'),
        found: z.string().nullable().describe('prompt://name@version; null where nothing was better, or its budget was spent'),
        variants: z.number(),
        fewer: z.array(z.string()).readonly().describe('why fewer variants were tried than were allowed; empty where as many were'),
        questions: z.number(),
        gain: score.nullable().describe('of what was found over the one that it began with, on cases that no choice has seen'),
        unpaid: z.string().nullable().describe('what its budget did not pay for'),
      })
      .nullable()
      .describe('null where no search was asked for'),
    notShown: z
      .array(z.object({ path: z.string(), against: z.string(), difference: score }))
      .readonly()
      .describe('comparisons on cases that no choice has seen whose lower bound is not above 0: the prompt under against stayed'),
    confirmed: z
      .object({ path: z.string(), difference: score })
      .nullable()
      .describe('the best minus the first on cases that no choice has seen; null where the first was the best'),
  })
  .meta({ id: 'ChosenPrompt' });

export const fineTuningView = z
  .object({
    rows: z.object({
      train: z.number(),
      holdout: z.number(),
      leftOut: z.number().describe('without a text on one side'),
      tooLong: z.number().optional().describe('left out: no passages could be looked up for them'),
    }),
    passages: z
      .object({
        index: z.string().describe('name@version'),
        shown: z.number().describe('in all conversations together'),
        without: z.number().describe('examples that nothing was found for, or nothing that may be shown'),
        leftOut: z.object({ room: z.number(), policy: z.number() }).describe('found and not shown, by why not'),
        refused: z
          .record(z.string(), z.number())
          .optional()
          .describe('examples left out because a provider, such as the reranker’s, refused them or said nothing of use, by why'),
      })
      .nullable()
      .describe('what the examples were given of the index; null for a bundle without one'),
    metrics: z.record(z.string(), z.number()).describe('of the trainer, on rows that it held out'),
    facts: z.record(z.string(), z.unknown()),
  })
  .meta({ id: 'FineTuning' });

export type PromptsJson = z.output<typeof promptsView>;
export type FineTuningJson = z.output<typeof fineTuningView>;

interface Chosen {
  readonly chosen: { readonly path: string };
  readonly candidates: readonly { readonly path: string; readonly summary: AnswersSummary }[];
  readonly searched?: SearchedPrompts | null;
  readonly notShown?: PromptsJson['notShown'];
  readonly confirmed: { readonly path: string; readonly difference: ScoreSummary } | null;
}

/** Of a record that a prompt-eval stage left (workflows/stages/prompt-eval.ts); null for any other. */
export function promptsToJson({ stage, output }: StageRecord): PromptsJson | null {
  const left = (output as { readonly output?: Chosen } | null)?.output;
  if (stage !== 'prompt-eval' || !left) return null;
  const { chosen, candidates, searched, notShown = [], confirmed } = left;
  return {
    chosen: chosen.path,
    candidates: candidates.map(({ path, summary: { cases, dimensions, medianMs } }) => ({
      ...{ path, cases, medianMs },
      dimensions: { ...dimensions },
    })),
    searched: searched ? searchedToJson(searched) : null,
    notShown,
    confirmed,
  };
}

function searchedToJson(searched: SearchedPrompts): PromptsJson['searched'] {
  const { first } = searched;
  if (searched.kind === 'unpaid') return { first, found: null, variants: 0, fewer: [], questions: 0, gain: null, unpaid: searched.reason };
  const { bundle, outcome } = searched;
  const { variants, fewer = [], questions, confirmed } = outcome;
  return { first, found: bundle?.path ?? null, variants, fewer, questions, gain: confirmed.gain, unpaid: null };
}

interface TunedStage {
  readonly rows: FineTuningJson['rows'];
  readonly passages?:
    | (Omit<NonNullable<FineTuningJson['passages']>, 'index'> & {
        readonly index: { readonly name: string; readonly version: number };
      })
    | null;
  readonly result: { readonly metrics: Readonly<Record<string, number>>; readonly facts: Readonly<Record<string, unknown>> };
}

/** Of a record that a fine-tune stage left (workflows/stages/fine-tune.ts); null for any other. */
export function fineTuningToJson({ stage, output }: StageRecord): FineTuningJson | null {
  const left = (output as { readonly output?: TunedStage } | null)?.output;
  if (stage !== 'fine-tune' || !left) return null;
  const { rows, passages = null, result } = left;
  const found = passages && { ...passages, index: `${passages.index.name}@${passages.index.version}` };
  return { rows, passages: found, metrics: { ...result.metrics }, facts: { ...result.facts } };
}
