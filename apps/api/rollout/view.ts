import { z } from 'zod';
import type { DaysReading, MetricReading } from '../../../domain/rollout/judging/verdict';
import { readMethod, rolloutMethods } from '../../../domain/rollout/method';
import { versionName } from '../../../domain/model/model';
import { isOpenRollout, rolloutStatuses } from '../../../domain/rollout/rollout';
import { readAttempt } from '../../../domain/rollout/judging/attempts';
import { findQuality } from '../../../domain/rollout/judging/readings';
import type { RolloutRecord, RolloutTraffic } from '../../../db/rollout/records';
import { rolloutWorkflowId } from '../../../workflows/run/messages';
import type { LifecycleClient } from '../../temporal-clients/lifecycle-client';
import { judgeNow } from './current-verdict';
import { instant, reason, verdict } from '../fields';
import { rolloutJudge } from './judge-view';
import { rolloutShares, sharesToJson } from './shares-view';

const bounds = {
  estimate: z.number().nullable(),
  lower: z.number().nullable(),
  upper: z.number().nullable(),
};
const outcome = z.enum(['passed', 'failed', 'inconclusive']);

const quality = z.object({
  metric: z
    .string()
    .describe(
      'logloss, brier or mae; for a language application exact-loss, f1-loss, label-loss, caller-loss or judge-loss',
    ),
  rule: z.enum(['nonInferiority', 'superiority']),
  margin: z.number(),
  limit: z.number().describe('limit for the bounds: the margin; negative for superiority'),
  comparison: z.enum(['pairs', 'arms']),
  outcome,
  n: z
    .number()
    .describe(
      'labelled pairs of the shadow, or of the time since the challenger answers requests; with arms, labelled answers of the smaller arm',
    ),
  ...bounds,
  effectiveEntities: z
    .number()
    .nullable()
    .describe(
      'with arms, how many entities of equal weight would be as certain, in the smaller arm; null for pairs',
    ),
  days: z
    .object({ n: z.number(), ...bounds })
    .nullable()
    .describe('the same over days of event time, if quality must hold across days'),
});

const guardrail = z.object({
  version: z.number().describe('the challenger; an A/B rollout may have several'),
  metric: z.string(),
  max: z
    .number()
    .describe(
      'errors, blocked, format: maximum share; latency_ms, first_token_ms: milliseconds; tokens: tokens',
    ),
  quantile: z.number().nullable(),
  limit: z.number().describe('maximum share of such requests, or of requests above max'),
  outcome,
  n: z.number().describe('requests of the challenger in the current step'),
  ...bounds,
});

const arm = z.object({
  requests: z.number().describe('scoring requests sent to it'),
  errors: z.number(),
  assigned: z.number().describe('requests of its entities'),
  fallbacks: z.number().describe('assigned requests that it failed and the champion answered'),
  slow: z.number(),
  ripe: z.number().describe('assigned requests whose labels are due'),
  labelled: z.number().describe('due labels that arrived'),
});
const arms = z.object({ champion: arm, challenger: arm });

const armView = z.object({
  version: z.number(),
  role: z.enum(['champion', 'challenger']),
  share: z.number().describe('planned share of entities, 0 to 1'),
  entities: z.number().describe('entities that were assigned to it'),
  requests: z
    .number()
    .nullable()
    .describe(
      'requests of its entities, also those that the champion answered instead; null once the counts are deleted',
    ),
  stopped: z.boolean().describe('harm took its traffic'),
  outcome: outcome.nullable().describe('its quality; null for the champion'),
  n: z.number().describe('labelled answers of the smaller of its arm and the champion’s'),
  ...bounds,
});

const rollback = z.object({
  from: z.number(),
  to: z.number(),
  secondsToFullTraffic: z
    .number()
    .nullable()
    .describe(
      'seconds of wall-clock time from the detection of harm until every live gateway served only the champion; null until all have confirmed',
    ),
  unconfirmed: z
    .array(z.string())
    .readonly()
    .describe('gateways with a lease that have not confirmed'),
});

const summary = z.object({
  id: z.string(),
  model: z.string(),
  champion: z.number(),
  challenger: z.number(),
  runId: z.string(),
  status: z.enum(rolloutStatuses),
  attempt: z
    .number()
    .describe('number of rollouts that compared these two versions, this one included'),
  method: z
    .enum(['canary', ...rolloutMethods])
    .describe('how it moves traffic: by steps, never, all at once, by fixed shares, or daily'),
  steps: z
    .array(z.number())
    .readonly()
    .describe('percent of entities; 0 is shadow; of a bandit the least and the greatest share'),
  step: z.number().describe('index into steps'),
  weight: z.number().describe('the challenger’s share of entities now, 0 to 1'),
  verdict: verdict.nullable().describe('decision of the rollout; null before'),
  decision: z.string().nullable(),
  waitingFor: z.string().nullable(),
  startedAt: instant,
  endedAt: instant.nullable(),
});

export const trafficHistory = z
  .object({
    items: z
      .array(
        z.object({
          from: instant.describe('begin of the part, in event time'),
          step: z.number().int(),
          champion: z.number().int().describe('requests that were assigned to the champion'),
          challenger: z.number().int(),
          championErrors: z.number().int(),
          challengerErrors: z.number().int(),
        }),
      )
      .readonly()
      .describe('at most 200 parts of equal length; parts without requests are left out'),
  })
  .meta({ id: 'RolloutTrafficHistory' });

export const rolloutSummary = summary.meta({ id: 'RolloutSummary' });

export const rolloutView = summary
  .extend({
    quality,
    shadow: z
      .object({ n: z.number(), ...bounds })
      .nullable()
      .describe(
        'What the labelled pairs of the shadow showed, once the challenger answers requests; they do not count toward a promotion.',
      ),
    guardrails: z.array(guardrail).readonly(),
    reasons: z
      .array(reason)
      .readonly()
      .describe('current result of each metric, then what the rollout waits for'),
    remaining: z
      .object({ observations: z.number().nullable(), seconds: z.number().nullable() })
      .nullable()
      .describe(
        'further labelled requests and seconds of event time at the current rate; null inside: never at this rate',
      ),
    traffic: z
      .object({ step: arms, total: arms })
      .nullable()
      .describe('null if nothing was recorded'),
    test: z.object({
      alpha: z.number(),
      minSamples: z.number(),
      minDurationSeconds: z.number(),
      maxDurationSeconds: z.number(),
      extendedSeconds: z.number().describe('seconds added to maxDurationSeconds by people'),
      onInconclusive: z.enum(['rollback', 'hold']),
    }),
    arms: z
      .array(armView)
      .readonly()
      .nullable()
      .describe('of an A/B rollout with traffic: the challengers, then the champion'),
    shares: rolloutShares.nullable().describe('of a bandit with traffic: how its share moved'),
    winner: z
      .number()
      .nullable()
      .describe('the version that an A/B rollout promotes; null before, and for other methods'),
    rollback: rollback.nullable(),
    judge: rolloutJudge.nullable().describe('judge of the answers, if quality is judged'),
    history: z
      .array(z.object({ n: z.number(), eventTime: instant, ...bounds, estimate: z.number() }))
      .readonly()
      .describe('history of the quality reading, oldest first, at most 201 points'),
    stepStartedAt: instant,
    eventStartedAt: instant.nullable().describe('event time of the first request'),
    eventNow: instant.nullable().describe('latest event time'),
    temporalUrl: z.string().nullable(),
  })
  .meta({ id: 'Rollout' });

export function summaryToJson(rollout: RolloutRecord): z.output<typeof rolloutSummary> {
  const {
    id,
    model,
    champion,
    challenger,
    runId,
    status,
    spec,
    step,
    weight,
    verdict: decided,
    decisionId,
    waitingFor,
  } = rollout;
  const { startedAt, endedAt } = rollout;
  const at = {
    status,
    attempt: readAttempt(spec),
    method: readMethod(spec),
    steps: spec.steps,
    step,
    weight,
  };
  return {
    id,
    model,
    champion,
    challenger,
    runId,
    ...at,
    verdict: decided,
    decision: decisionId,
    waitingFor,
    startedAt,
    endedAt,
  };
}

export function rolloutToJson(
  rollout: RolloutRecord,
  traffic: RolloutTraffic,
  judge: z.output<typeof rolloutJudge> | null,
  lifecycles: Pick<LifecycleClient, 'url'>,
): z.output<typeof rolloutView> {
  const { spec, state, status, stepStartedAt, eventStartedAt, extendedSeconds } = rollout;
  const outlook = judgeNow(rollout);
  const readings = outlook?.readings ?? [];
  const waits =
    outlook?.kind === 'continue' || outlook?.kind === 'expired' ? outlook.remaining : null;
  const { alpha, minSamples, minDurationSeconds } = spec.test;
  const { maxDurationSeconds, onInconclusive } = spec;
  return {
    ...summaryToJson(rollout),
    quality: qualityToJson(rollout, findQuality(readings)),
    shadow: shadowToJson(readings.find(({ role }) => role === 'shadow')),
    guardrails: guardrailsToJson(rollout, readings),
    reasons: outlook?.reasons ?? [],
    remaining: isOpenRollout(status) ? waits : null,
    traffic: isOnRecord(traffic) ? { step: traffic.step, total: traffic.total } : null,
    test: {
      alpha,
      minSamples,
      minDurationSeconds,
      maxDurationSeconds,
      extendedSeconds,
      onInconclusive,
    },
    arms: armsToJson(rollout, readings, traffic),
    shares: sharesToJson(rollout),
    winner: rollout.winner,
    rollback: rollout.rollback,
    judge,
    history: state.history,
    stepStartedAt,
    eventStartedAt,
    eventNow: traffic.eventNow ?? rollout.eventNow,
    temporalUrl: lifecycles.url(rolloutWorkflowId(rollout)),
  };
}

function qualityToJson(
  { spec, paired }: RolloutRecord,
  reading: MetricReading | undefined,
): z.output<typeof quality> {
  const { metric, rule, margin } = spec.quality;
  const limit = rule === 'nonInferiority' ? margin : -margin;
  const days: DaysReading | null = reading?.days ?? null;
  return {
    metric,
    rule,
    margin,
    comparison: paired ? 'pairs' : 'arms',
    ...readingToJson(reading, limit),
    effectiveEntities: reading?.effectiveEntities ?? null,
    days,
  };
}

/** Each guardrail of each challenger. */
function guardrailsToJson(
  { model, challenger, spec }: RolloutRecord,
  readings: readonly MetricReading[],
): z.output<typeof rolloutView>['guardrails'] {
  return [challenger, ...(spec.against ?? [])].flatMap((version) => {
    const name = versionName({ model, version });
    return spec.guardrails.map((each) => {
      const { quantile = null } = each as { readonly quantile?: number };
      const limit = quantile === null ? each.max : Number((1 - quantile).toPrecision(12));
      const reading = readings.find(
        ({ arm: of = name, metric }) => of === name && metric === each.name,
      );
      const { name: metric, max } = each;
      return { version, metric, max, quantile, ...readingToJson(reading, limit) };
    });
  });
}

function armsToJson(
  { champion, state: { evidence } }: RolloutRecord,
  readings: readonly MetricReading[],
  traffic: RolloutTraffic,
): z.output<typeof rolloutView>['arms'] {
  if (!evidence?.ab) return null;
  const counted = traffic.ab ? [traffic.ab.champion, ...traffic.ab.challengers] : [];
  const { entities, stopped } = evidence.ab;
  return entities.map(({ arm: name, share, n: assigned }) => {
    const version = Number(name.slice(name.lastIndexOf('@') + 1));
    const isChampion = version === champion;
    const own = readings.filter((reading) => reading.arm === name);
    const { limit: _, outcome: found, ...measured } = readingToJson(findQuality(own), 0);
    return {
      version,
      role: isChampion ? 'champion' : 'challenger',
      share,
      entities: assigned,
      requests: isOnRecord(traffic)
        ? (counted.find((arm) => arm.version === version)?.counts.assigned ?? null)
        : null,
      stopped: stopped.includes(name),
      outcome: isChampion ? null : found,
      ...measured,
    };
  });
}

function shadowToJson(reading: MetricReading | undefined): z.output<typeof rolloutView>['shadow'] {
  if (reading === undefined) return null;
  const { n, estimate, lower, upper } = reading;
  return { n, estimate, lower, upper };
}

function readingToJson(reading: MetricReading | undefined, limit: number) {
  const {
    outcome: said = 'inconclusive',
    n = 0,
    estimate = null,
    lower = null,
    upper = null,
  } = reading ?? {};
  // Without observations, the bounds are those of the metric's range, which measure nothing.
  const found = n === 0 ? { estimate: null, lower: null, upper: null } : { estimate, lower, upper };
  return { limit: reading?.limit ?? limit, outcome: said, n, ...found };
}

/** The counts are deleted with the run's details. Zeros would wrongly say that no traffic came. */
function isOnRecord({ total }: RolloutTraffic): boolean {
  return total.champion.requests + total.challenger.requests > 0;
}

export type RolloutSummaryJson = z.output<typeof rolloutSummary>;
