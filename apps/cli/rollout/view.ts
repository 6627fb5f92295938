/** A rollout as the API returns it, and its text for a terminal. */
import { formatSeconds } from '../../../domain/duration';
import { count, figure, interval, percent, formatSigned } from '../../../domain/format';
import type { HistoryPoint } from '../../../domain/rollout/history';
import { spanText } from '../../../domain/rollout/reasons';
import type { RolloutRollback, RolloutStatus } from '../../../domain/rollout/rollout';
import { isOpenRollout } from '../../../domain/rollout/rollout';
import type { Reason, Verdict } from '../../../domain/verdict';
import type { ExitCode } from '../cli-error';
import { judgedText, judgeText, judgeTrouble, labelLines } from './judge-view';
import { drawSequence } from './sequence-drawing';
import { shareLines, type SharesJson } from './share-lines';
import type { Paint } from '../terminal';
import { table, wrapText } from '../terminal';
import { reasonLines, type Verbosity } from '../decision/verdict-view';
import type { RolloutSummaryJson } from '../../api/rollout/view';
import type { RolloutJudgeJson } from '../../api/rollout/judge-view';

interface ArmJson {
  readonly requests: number;
  readonly errors: number;
  readonly assigned: number;
  readonly slow: number;
  readonly ripe: number;
  readonly labelled: number;
}

export interface RolloutJson extends RolloutSummaryJson {
  readonly quality: {
    readonly metric: string;
    readonly rule: 'nonInferiority' | 'superiority';
    readonly limit: number;
    readonly comparison: 'pairs' | 'arms';
    readonly effectiveEntities?: number | null;
    readonly n: number;
    readonly estimate: number | null;
    readonly lower: number | null;
    readonly upper: number | null;
  };
  /** The shadow’s result, once the challenger answers requests. */
  readonly shadow: {
    readonly n: number;
    readonly estimate: number | null;
    readonly lower: number | null;
    readonly upper: number | null;
  } | null;
  readonly reasons: readonly Reason[];
  readonly remaining: {
    readonly observations: number | null;
    readonly seconds: number | null;
  } | null;
  readonly traffic: {
    readonly total: { readonly champion: ArmJson; readonly challenger: ArmJson };
  } | null;
  readonly test: {
    readonly alpha: number;
    readonly maxDurationSeconds: number;
    readonly extendedSeconds: number;
  };
  /** Arms of an A/B rollout. */
  readonly arms:
    | readonly {
        readonly version: number;
        readonly role: 'champion' | 'challenger';
        readonly share: number;
        readonly entities: number;
        /** Requests of the entities of this arm; null once the counts are deleted. */
        readonly requests: number | null;
        readonly stopped: boolean;
        readonly outcome: 'passed' | 'failed' | 'inconclusive' | null;
        readonly n: number;
        readonly estimate: number | null;
        readonly lower: number | null;
        readonly upper: number | null;
      }[]
    | null;
  /** Shares of a bandit. */
  readonly shares: SharesJson | null;
  readonly winner: number | null;
  readonly rollback: RolloutRollback | null;
  readonly judge: RolloutJudgeJson | null;
  readonly history: readonly HistoryPoint[];
  readonly eventStartedAt: string | null;
  readonly eventNow: string | null;
  readonly temporalUrl: string | null;
}

export interface DrawingSize {
  readonly columns: number;
  /** Rows of the chart. */
  readonly rows: number;
}

/** 3 if the rollout ended without a promotion. */
export function exitCodeOfRollout({ status }: Pick<RolloutSummaryJson, 'status'>): ExitCode {
  return status === 'promoted' || isOpenRollout(status) ? 0 : 3;
}

export function describeRollout(
  rollout: RolloutJson,
  page: DrawingSize,
  paint: Paint,
  { verbose = false }: Verbosity = {},
): string {
  const { id, model, champion, challenger, status, verdict, quality, waitingFor, temporalUrl } =
    rollout;
  const wrap = (text: string, indent = '  ') => wrapText(text, { columns: page.columns, indent });
  const unit = quality.comparison === 'pairs' ? 'labelled pairs' : 'labelled answers per arm';
  const limitName = quality.rule === 'nonInferiority' ? 'margin' : 'required';
  const drawing = drawSequence(
    { history: rollout.history, limit: quality.limit, limitName, unit },
    page,
    paint,
  );
  // Without a verdict, show the current reasons.
  const current: Verdict = verdict ?? { kind: 'inconclusive', reasons: rollout.reasons };
  const trouble = rollout.judge && isOpenRollout(status) ? judgeTrouble(rollout.judge) : '';
  const lines = [
    `${paint.bold(`${model}@${challenger} beside @${champion}`)}  ${paintRolloutStatus(status, paint)}  ${id}`,
    ...wrap(whereText(rollout)),
    ...wrap(timeText(rollout)),
    ...wrap(attemptText(rollout)),
    '',
    ...(drawing.length === 0
      ? wrap(`${unmeasuredText(rollout)}; no difference in ${quality.metric} to draw`)
      : [
          `${quality.metric} of @${challenger} minus that of @${champion}; positive is worse`,
          ...drawing,
        ]),
    '',
    ...(verdict === null ? [] : [`verdict: ${verdict.kind}`]),
    ...reasonLines(current, paint, { verbose, columns: page.columns }),
    ...armLines(rollout),
    ...shareLines(rollout.shares, quality),
    ...trafficLines(rollout),
    ...(rollout.judge
      ? [judgeText(rollout.judge), ...labelLines(rollout.judge, rollout.model)].flatMap((line) =>
          wrap(line),
        )
      : []),
    ...(trouble === '' ? [] : wrap(paint.yellow(trouble))),
    ...(waitingFor === null ? [] : wrap(paint.yellow(`waits for: ${waitingFor}`))),
    ...wrap(remainingText(rollout)),
    ...wrap(rollbackText(rollout)),
    paint.dim(`run ${rollout.runId}${temporalUrl === null ? '' : `  ${temporalUrl}`}`),
  ];
  return lines.join('\n');
}

/** `step 2 of 4, 5 %`, or the share of a bandit: `62 % (between 5 % and 95 %)`. */
export function stepText({
  step,
  steps,
  method,
  weight,
}: Pick<RolloutSummaryJson, 'step' | 'steps' | 'method' | 'weight'>): string {
  if (method === 'bandit') {
    const limits = `between ${steps.join(' % and ')} %`;
    return weight === 0 ? `a share ${limits}` : `a share of ${percent(weight)} (${limits})`;
  }
  const share = steps[step] ?? 0;
  return `step ${step + 1} of ${steps.length}, ${share === 0 ? 'shadow' : `${share} %`}`;
}

/** The progress of a rollout, one fact per line: step and quality, judge, and remaining needs. */
export function progressLines(rollout: RolloutJson): readonly string[] {
  const { metric, comparison, n, estimate, lower, upper, effectiveEntities } = rollout.quality;
  const held = rollout.status === 'running' ? '' : ` (${rollout.status})`;
  const entities =
    effectiveEntities == null
      ? ''
      : ` of ${count(Math.floor(effectiveEntities))} effective entities`;
  const unit = comparison === 'pairs' ? 'pairs' : `labelled answers${entities} per arm`;
  const found =
    n === 0
      ? unmeasuredText(rollout)
      : `${metric} ${formatSigned(estimate)} (${interval({ lower, upper })}), ${count(n)} ${unit}`;
  const judged = rollout.judge ? [judgedText(rollout.judge), judgeTrouble(rollout.judge)] : [];
  return [`${stepText(rollout)}${held}: ${found}`, ...judged, remainingText(rollout)].filter(
    Boolean,
  );
}

/** The reason distinguishes no label at all from none since the challenger answers requests. */
function unmeasuredText({ reasons }: Pick<RolloutJson, 'reasons'>): string {
  return (
    reasons.find(({ code }) => code === 'quality.notMeasured')?.message ??
    'no labels of both versions are due yet'
  );
}

export function paintRolloutStatus(status: RolloutStatus, paint: Paint): string {
  if (status === 'promoted' || status === 'passed') return paint.green(status);
  if (status === 'rolledBack' || status === 'aborted') return paint.red(status);
  return status === 'running' ? status : paint.yellow(status);
}

function whereText({ status, weight, ...rollout }: RolloutJson): string {
  if (!isOpenRollout(status)) {
    const ended =
      rollout.method === 'bandit' ? 'ended' : `ended in ${stepText({ ...rollout, weight })}`;
    return `${ended}${promotedText({ ...rollout, status })}`;
  }
  const steps = rollout.steps.map((share) => (share === 0 ? 'shadow' : `${share} %`)).join(' → ');
  const parked =
    status === 'passed' && weight === 0
      ? '; its answers are not returned until it is promoted'
      : '';
  const where = stepText({ ...rollout, weight });
  return `${methodTexts[rollout.method]}${where}${rollout.method === 'bandit' ? '' : ` (${steps})`}${parked}`;
}

function promotedText({
  status,
  winner,
  challenger,
  champion,
}: Pick<RolloutJson, 'status' | 'winner' | 'challenger' | 'champion'>): string {
  return status === 'promoted'
    ? `; @${winner ?? challenger} became the champion in place of @${champion}`
    : '';
}

const methodTexts: Readonly<Record<RolloutSummaryJson['method'], string>> = {
  canary: '',
  shadow: 'shadow: ',
  blueGreen: 'blue/green: ',
  ab: 'A/B: ',
  bandit: 'bandit: ',
};

function attemptText({ attempt, test }: RolloutJson): string {
  if (attempt < 2) return '';
  return `attempt ${attempt} of these two versions; its share of alpha is ${figure(test.alpha)}`;
}

function timeText({ eventStartedAt, eventNow, startedAt, test }: RolloutJson): string {
  if (eventStartedAt === null || eventNow === null)
    return `open since ${startedAt}, no traffic yet`;
  const elapsed = (Date.parse(eventNow) - Date.parse(eventStartedAt)) / 1000;
  const allowed = test.maxDurationSeconds + test.extendedSeconds;
  const extended =
    test.extendedSeconds > 0
      ? `, including an extension of ${formatSeconds(test.extendedSeconds)}`
      : '';
  return `${spanText(elapsed)} of ${formatSeconds(allowed)} of event time${extended}, now ${eventNow}`;
}

function trafficLines({
  traffic,
  champion,
  challenger,
  weight,
  arms,
}: RolloutJson): readonly string[] {
  if (traffic === null || arms !== null) return [];
  const { total } = traffic;
  const row = (name: string, share: number, arm: ArmJson) => [
    ...[
      name,
      percent(share),
      count(arm.requests),
      count(arm.errors),
      count(arm.assigned),
      count(arm.slow),
    ],
    ...[count(arm.ripe), count(arm.labelled)],
  ];
  const header = ['ARM', 'SHARE', 'SCORED', 'FAILED', 'ASSIGNED', 'SLOW', 'DUE', 'LABELLED'];
  const rows = [
    row(`champion @${champion}`, 1 - weight, total.champion),
    row(`challenger @${challenger}`, weight, total.challenger),
  ];
  return ['', ...table(header, rows).split('\n'), ''];
}

/** Each version of an A/B rollout with its share of entities and its difference to the champion. */
function armLines({ arms, quality: { metric }, winner }: RolloutJson): readonly string[] {
  if (arms === null) return [];
  const total = arms.reduce((sum, { entities }) => sum + entities, 0);
  const header = ['VERSION', 'PLANNED', 'SHARE', 'ENTITIES', 'REQUESTS', `${metric} − champion`];
  const rows = arms.map(({ version, role, estimate, lower, upper, ...arm }) => [
    [
      `@${version}`,
      ...(role === 'champion' ? ['champion'] : []),
      ...(version === winner ? ['winner'] : []),
      ...(arm.stopped ? ['stopped'] : []),
    ].join(' '),
    percent(arm.share),
    total === 0 ? '' : percent(arm.entities / total),
    count(arm.entities),
    arm.requests === null ? '' : count(arm.requests),
    estimate === null ? '' : `${formatSigned(estimate)} (${interval({ lower, upper })})`,
  ]);
  return ['', ...table(header, rows).split('\n'), ''];
}

/** Empty if nothing more is needed. Times are event time. */
function remainingText(
  rollout: Pick<
    RolloutJson,
    'remaining' | 'status' | 'test' | 'eventStartedAt' | 'eventNow' | 'quality'
  >,
): string {
  const { remaining, status, quality } = rollout;
  if (remaining === null || !isOpenRollout(status)) return '';
  const { observations, seconds } = remaining;
  if (observations === null)
    return quality.n === 0
      ? 'needs labels before the remaining time can be forecast'
      : `more labels alone are not enough at the current difference in ${quality.metric}`;
  const left = secondsLeft(rollout);
  if (left === 0) return 'the maximum duration is over';
  if (seconds === null || seconds > left)
    return `needs more than the remaining ${spanText(left)} at the current rate`;
  const labels = observations === 0 ? '' : ` and ${count(observations)} labels`;
  return `needs about ${spanText(seconds)}${labels} more at the current rate`;
}

function secondsLeft({
  test,
  eventStartedAt,
  eventNow,
}: Pick<RolloutJson, 'test' | 'eventStartedAt' | 'eventNow'>): number {
  const elapsed =
    eventStartedAt === null || eventNow === null
      ? 0
      : (Date.parse(eventNow) - Date.parse(eventStartedAt)) / 1000;
  return Math.max(0, test.maxDurationSeconds + test.extendedSeconds - elapsed);
}

/** Whether no request was assigned to the challenger, so that a rollback moves no traffic. */
export function hadNoAssignedRequests({ traffic }: Pick<RolloutJson, 'traffic'>): boolean {
  return traffic?.total.challenger.assigned === 0;
}

function rollbackText({ rollback, challenger, traffic }: RolloutJson): string {
  if (rollback === null) return '';
  if (hadNoAssignedRequests({ traffic })) return `@${challenger} had no traffic to return`;
  const { to, secondsToFullTraffic: seconds, unconfirmed } = rollback;
  if (seconds !== null) return `all traffic was with @${to} after ${seconds.toFixed(2)} s`;
  return `all traffic goes to @${to}; not confirmed by ${unconfirmed.join(', ')}, until its lease expires`;
}
