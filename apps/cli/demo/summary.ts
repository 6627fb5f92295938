/** The results of the demo, as a table and as the last JSON line. */
import { count, interval, formatSigned } from '../../../domain/format';
import type { RolloutStatus } from '../../../domain/rollout/rollout';
import type { Verdict } from '../../../domain/verdict';
import { hadNoAssignedRequests, type RolloutJson } from '../rollout/view';
import type { RunJson } from '../run/view';
import { table } from '../terminal';
import type { Round } from './round';

/** The last line of `npm start -- --once --json`. */
export interface DemoSummary {
  readonly runs: readonly DemoRun[];
  readonly champion: {
    readonly model: string;
    readonly version: number;
    readonly digest: string;
  } | null;
  /** Rollback of the harmful rollout. */
  readonly rollback: {
    readonly model: string;
    /** Versions. */
    readonly from: number;
    readonly to: number;
    readonly secondsToFullTraffic: number | null;
    readonly failedRequests: number;
  } | null;
  /** Rows of July that were answered. */
  readonly predictions: number;
  readonly seconds: number;
}

export interface DemoRun {
  readonly id: string;
  readonly lifecycle: string;
  readonly status: string;
  readonly verdict: RunJson['verdict'];
  readonly version: number | null;
  readonly stages: readonly {
    readonly name: string;
    readonly seconds: number;
    readonly reused: boolean;
  }[];
  /** Null if there was no champion to compare with. */
  readonly rollout: {
    readonly verdict: Verdict | null;
    /**
     * For requests that the challenger answered, or for the shadow if none of them has a label.
     */
    readonly pairs: number;
    /** Bounds of the difference in loss, challenger minus champion. */
    readonly lower: number | null;
    readonly upper: number | null;
  } | null;
}

export interface NamedRound extends Round {
  readonly name: string;
}

export function demoRun({ run, rollout }: Round): DemoRun {
  const { id, lifecycle, status, verdict, version, stages } = run;
  const measured = rollout && measuredIn(rollout);
  return {
    id,
    lifecycle,
    status,
    verdict,
    version,
    stages: stages.map((stage) => ({
      name: stage.name,
      seconds: hundredths(stage.seconds),
      reused: stage.reusedFrom !== null,
    })),
    rollout: rollout &&
      measured && {
        verdict: rollout.verdict,
        pairs: measured.n,
        lower: measured.lower,
        upper: measured.upper,
      },
  };
}

/**
 * The difference on which the rollout decided, or that of the shadow if no request that the
 * challenger answered had a label.
 */
function measuredIn({
  quality,
  shadow,
}: Pick<RolloutJson, 'quality' | 'shadow'>): NonNullable<RolloutJson['shadow']> {
  return quality.n > 0 ? quality : (shadow ?? quality);
}

/** Null unless harm was detected and rolled back. */
export function readRollback({ rollout, traffic }: Round): DemoSummary['rollback'] {
  if (!rollout?.rollback || rollout.verdict?.kind !== 'failed') return null;
  const { from, to, secondsToFullTraffic } = rollout.rollback;
  return {
    model: rollout.model,
    from,
    to,
    secondsToFullTraffic,
    failedRequests: traffic?.failed ?? 0,
  };
}

export function roundsTable(rounds: readonly NamedRound[]): string {
  const header = [
    'RUN',
    'VERSION',
    'VERDICT',
    'DIFFERENCE IN LOSS',
    'PAIRS',
    'REQUESTS',
    'LABELS',
    'BACK AFTER',
    'SECONDS',
  ];
  return table(header, rounds.map(roundRow));
}

function roundRow({ name, run, rollout, traffic }: NamedRound): readonly string[] {
  const version = run.version === null ? '' : `@${run.version}`;
  const row = (difference: string, pairs: string, back: string) => [
    ...[name, version, endText(run, rollout), difference, pairs],
    ...[
      traffic === null ? '' : count(traffic.requests),
      traffic === null ? '' : count(traffic.labels),
      back,
    ],
    sumSeconds(run).toFixed(1),
  ];
  if (rollout === null) return row('no canary', '', '');
  const { n, estimate, lower, upper } = measuredIn(rollout);
  const difference =
    n === 0 ? 'no labels were due' : `${formatSigned(estimate)} (${interval({ lower, upper })})`;
  const back = hadNoAssignedRequests(rollout) ? null : rollout.rollback?.secondsToFullTraffic;
  return row(difference, count(n), back == null ? '' : `${back.toFixed(2)} s`);
}

/** The verdict, and where the traffic went. */
function endText({ verdict, status }: RunJson, rollout: RolloutJson | null): string {
  const word = verdict?.kind ?? status;
  return rollout === null ? word : `${word}, ${rolloutWords[rollout.status]}`;
}

const rolloutWords: Readonly<Record<RolloutStatus, string>> = {
  running: 'running',
  held: 'held',
  passed: 'not yet promoted',
  promoted: 'promoted',
  rolledBack: 'rolled back',
  aborted: 'aborted',
  superseded: 'superseded',
};

function sumSeconds({ stages }: RunJson): number {
  return stages.reduce((sum, { seconds }) => sum + seconds, 0);
}

export function hundredths(seconds: number): number {
  return Math.round(seconds * 100) / 100;
}
