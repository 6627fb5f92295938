import { z } from 'zod';
import { budgetUnits } from '../../../domain/budget';
import type { SearchOutcome } from '../../../domain/llm/search/outcome';
import type { VariantResult } from '../../../domain/llm/search/variant';
import { artifact, document, instant } from './fields';

const result = z.object({
  id: z.string().describe('the digest of the variant’s template'),
  cases: z.number(),
  failures: z.number(),
  quality: z.number().describe('the mean over its cases, failed ones as 0'),
  costUsd: z.number().nullable().describe('US dollars a case; null where nothing was answered'),
  latencyMs: z.number().describe('the median'),
});

const mean = z.object({
  cases: z.number(),
  failures: z.number(),
  mean: z.number().nullable(),
  lower: z.number().describe('of 95 %, whenever one looks'),
  upper: z.number(),
});

const outcome = z.object({
  winner: z.object({
    digest: z.string(),
    version: z.number().describe('of the prompt, on a branch of the search'),
    artifact,
    origin: z.object({ kind: z.string(), parent: z.string().nullable() }),
  }),
  first: z.object({ digest: z.string(), version: z.number() }),
  searched: result.describe('the winner on the cases of the search, by which it was chosen'),
  confirmed: z
    .object({
      winner: mean,
      first: mean,
      gain: mean,
      optimism: z.number().nullable().describe('what the search promised and was not kept'),
    })
    .describe('on cases that no choice has seen'),
  improved: z.boolean().describe('the gain is surely above 0'),
  front: z
    .array(result.extend({ origin: z.string() }))
    .readonly()
    .describe('not beaten in quality, cost and latency at once'),
  variants: z.number(),
  fewer: z.array(z.string()).readonly().describe('why fewer variants were tried than were allowed; empty where as many were'),
  tied: z.number().describe('other variants with the quality of the winner on as many cases'),
  questions: z.number(),
  paid: z.object({
    answers: z.number(),
    costUsd: z.number().describe('US dollars'),
    unsettled: z.number().describe('attempts that were sent and whose result was never received'),
  }),
  report: artifact.describe('JSON: every variant'),
});

const progress = z
  .object({
    stage: z.enum(['search', 'confirm']),
    round: z.number().describe('from 1'),
    rounds: z.number(),
    variants: z.number().describe('of this step'),
    cases: z.number().describe('that each of them is asked up to'),
    known: z.number().describe('variants ever proposed'),
    questions: z.number().describe('of the rounds before'),
    pieces: z.object({ done: z.number(), of: z.number() }).describe('of this step'),
    best: result.nullable(),
  })
  .nullable()
  .describe('null when it does not run, or no worker says how far it is');

export const promptSearchView = z
  .object({
    id: z.string(),
    prompt: z.string(),
    firstVersion: z.number(),
    status: z.enum(['running', 'done', 'failed', 'cancelled']),
    cause: z.string().nullable().describe('why it ended without an outcome'),
    quality: z.string(),
    variants: z.number().describe('at most so many'),
    actor: z.string(),
    createdAt: instant,
    endedAt: instant.nullable(),
    outcome: outcome.nullable(),
  })
  .meta({ id: 'PromptSearch' });

export const promptSearchDetail = promptSearchView
  .extend({ request: document.describe('what is searched, with every default'), progress, temporalUrl: z.string().nullable() })
  .meta({ id: 'PromptSearchDetail' });

export function outcomeView({ searched, front, fewer = [], tied = 0, paid: { cost, ...paid }, ...rest }: SearchOutcome) {
  return {
    ...{ ...rest, fewer, tied },
    searched: resultView(searched),
    front: front.map((each) => ({ ...resultView(each), origin: each.origin })),
    paid: { ...paid, costUsd: cost / budgetUnits.usd },
  };
}

export function resultView({ id, cases, failures, quality, cost, latencyMs }: VariantResult) {
  return { id, cases, failures, quality, costUsd: cost === Number.MAX_SAFE_INTEGER ? null : cost / budgetUnits.usd, latencyMs };
}

export type SearchJson = z.output<typeof promptSearchView>;
export type SearchDetailJson = z.output<typeof promptSearchDetail>;
