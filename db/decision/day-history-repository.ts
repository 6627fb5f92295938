import type { RunId, Tenant } from '../../domain/ids';
import type { CanarySpec } from '../../domain/rollout/canary';
import type { MetricName } from '../../domain/evaluation/metrics/names';
import type { DayPeriod } from '../../domain/statistics/day-history';
import type { Database } from '../connection';

export interface DayHistoryRepository {
  /**
   * Daily differences in a metric between candidates and champions of a model, newest first: of
   * holdouts whose decision is recorded, and of ended rollouts. `before`: only those from before
   * this run, so that a retry reads the same.
   */
  list(input: {
    readonly tenant: Tenant;
    readonly model: string;
    readonly metric: CanarySpec['quality']['metric'] | MetricName;
    readonly before?: RunId;
  }): Promise<readonly DayPeriod[]>;
}

/** Overlapping periods are left out later, so more are read than are used. */
const maxPeriods = 100;
const secondsOfDay = 86_400;

export function createDayHistoryRepository({ sql }: Database): DayHistoryRepository {
  return {
    async list({ tenant, model, metric, before }) {
      const until =
        before === undefined
          ? sql`'infinity'::timestamptz`
          : sql`(select created_at from runs where tenant_id = ${tenant} and id = ${before})`;
      const holdouts = await sql<
        { at: string; from: string; until: string; values: readonly number[] }[]
      >`
        select d.created_at as at, e.body -> 'judged' ->> 'from' as from,
          e.body -> 'judged' ->> 'until' as until,
          e.body -> 'counterparts' -> 'champion' -> 'byDay' -> ${metric}::text as values
        from holdout_attempts a
        join decisions d on d.tenant_id = a.tenant_id and d.id = a.decision
        join evidence e on e.tenant_id = d.tenant_id and e.digest = d.evidence
        where a.tenant_id = ${tenant} and a.model = ${model} and d.created_at < ${until}
          and e.body -> 'counterparts' -> 'champion' -> 'byDay' -> ${metric}::text is not null
        order by d.created_at desc limit ${maxPeriods}`;
      const rollouts = await sql<{ at: string; days: RolloutDays }[]>`
        select ended_at as at, state -> 'evidence' -> 'quality' -> 'days' as days from rollouts
        where tenant_id = ${tenant} and model = ${model} and ended_at is not null
          and ended_at < ${until}
          and spec -> 'quality' ->> 'metric' = ${metric}
          and state -> 'evidence' -> 'quality' -> 'days' -> 'recent' is not null
        order by ended_at desc limit ${maxPeriods}`;
      return [
        ...holdouts.map(({ at, from, until, values }) => ({
          at,
          period: {
            kind: 'holdout' as const,
            from: toCalendarDay(from),
            until: toCalendarDay(until),
            values,
          },
        })),
        ...rollouts.map(({ at, days: { recent, closedBefore } }) => ({
          at,
          period: {
            kind: 'rollout' as const,
            from: closedBefore - recent.length,
            until: closedBefore,
            values: recent,
          },
        })),
      ]
        .sort((a, b) => Date.parse(b.at) - Date.parse(a.at))
        .map(({ period }) => period);
    },
  };
}

interface RolloutDays {
  readonly recent: readonly number[];
  readonly closedBefore: number;
}

/** The calendar day of a date, as `Calendar` numbers days. */
function toCalendarDay(date: string): number {
  return Date.parse(date) / 1000 / secondsOfDay;
}
