import { z } from 'zod';
import { budgetUnits } from '../../../domain/budget/budget';
import type { SearchOutcome } from '../../../domain/prompt-search/outcome';
import type { VariantResult } from '../../../domain/prompt-search/variant';
import { artifact, document, instant } from '../fields';

const result = z.object({
  id: z.string().describe('digest of the variant’s template'),
  cases: z.number(),
  failures: z.number(),
  quality: z.number().describe('mean over its cases; failed cases count as 0'),
  costUsd: z.number().nullable().describe('US dollars per case; null without an answer'),
  latencyMs: z.number().describe('median latency'),
});

const mean = z.object({
  cases: z.number(),
  failures: z.number(),
  mean: z.number().nullable(),
  lower: z.number().describe('95 % confidence interval, valid at any time'),
  upper: z.number(),
});

const outcome = z.object({
  winner: z.object({
    digest: z.string(),
    version: z.number().describe('version of the prompt, on a branch of the search'),
    artifact,
    origin: z.object({ kind: z.string(), parent: z.string().nullable() }),
  }),
  first: z.object({ digest: z.string(), version: z.number() }),
  searched: result.describe('the winner on the search cases, by which it was chosen'),
  confirmed: z
    .object({
      winner: mean,
      first: mean,
      gain: mean,
      optimism: z
        .number()
        .nullable()
        .describe('difference between the result on the search cases and on the held-out cases'),
    })
    .describe('on held-out cases'),
  improved: z.boolean().describe('whether the lower bound of the gain is above 0'),
  front: z
    .array(result.extend({ origin: z.string() }))
    .readonly()
    .describe('not beaten in quality, cost and latency at the same time'),
  variants: z.number(),
  fewer: z
    .array(z.string())
    .readonly()
    .describe('why fewer variants were tried than allowed; empty if all were'),
  tied: z.number().describe('other variants with the winner’s quality on as many cases'),
  questions: z.number(),
  paid: z.object({
    answers: z.number(),
    costUsd: z.number().describe('US dollars'),
    unsettled: z.number().describe('attempts that were sent but whose result was never received'),
  }),
  report: artifact.describe('JSON with every variant'),
});

const progress = z
  .object({
    stage: z.enum(['search', 'confirm']),
    round: z.number().describe('from 1'),
    rounds: z.number(),
    variants: z.number().describe('of this step'),
    cases: z.number().describe('cases per variant in this round'),
    known: z.number().describe('variants proposed so far'),
    questions: z.number().describe('of the previous rounds'),
    pieces: z.object({ done: z.number(), of: z.number() }).describe('of this step'),
    best: result.nullable(),
  })
  .nullable()
  .describe('null if it is not running, or no worker reports progress');

export const promptSearchView = z
  .object({
    id: z.string(),
    prompt: z.string(),
    firstVersion: z.number(),
    status: z.enum(['running', 'done', 'failed', 'cancelled']),
    cause: z.string().nullable().describe('why it ended without a result'),
    quality: z.string(),
    variants: z.number().describe('maximum number of variants'),
    actor: z.string(),
    createdAt: instant,
    endedAt: instant.nullable(),
    outcome: outcome.nullable(),
  })
  .meta({ id: 'PromptSearch' });

export const promptSearchDetail = promptSearchView
  .extend({
    request: document.describe('complete search settings, with all defaults'),
    progress,
    temporalUrl: z.string().nullable(),
  })
  .meta({ id: 'PromptSearchDetail' });

export function outcomeView({
  searched,
  front,
  fewer = [],
  tied,
  paid: { cost, ...paid },
  ...rest
}: SearchOutcome) {
  return {
    ...rest,
    fewer,
    tied,
    searched: resultView(searched),
    front: front.map((each) => ({ ...resultView(each), origin: each.origin })),
    paid: { ...paid, costUsd: cost / budgetUnits.usd },
  };
}

export function resultView({ id, cases, failures, quality, cost, latencyMs }: VariantResult) {
  return {
    id,
    cases,
    failures,
    quality,
    costUsd: cost === Number.MAX_SAFE_INTEGER ? null : cost / budgetUnits.usd,
    latencyMs,
  };
}

export type SearchJson = z.output<typeof promptSearchView>;
export type SearchDetailJson = z.output<typeof promptSearchDetail>;
