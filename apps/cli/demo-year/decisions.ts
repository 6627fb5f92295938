/** What the engine decided in the year, and why, as the registry has it. */
import { isUnchanged } from '../../../domain/verdict';
import { isFinal } from '../../../domain/run/run';
import type { CliContext } from '../context';
import type { RunJson } from '../run/view';
import type { Month } from './months';

export interface YearDecision {
  readonly month: string;
  readonly run: string;
  /** Digest of the run's revision. */
  readonly revision: string;
  /** What started the run. */
  readonly trigger: string;
  readonly version: number | null;
  readonly outcome: string;
  readonly reason: string;
}

export interface YearIncident {
  readonly month: string;
  readonly kind: string;
  readonly title: string;
  readonly engineDid: string;
  /** Why it was resolved; null while it is open. */
  readonly because: string | null;
}

/** When the requests of a month began, in wall-clock time. */
export interface StartedMonth {
  readonly month: Month;
  readonly wallMs: number;
}

export async function readDecisions(
  context: CliContext,
  { lifecycle, starts }: { readonly lifecycle: string; readonly starts: readonly StartedMonth[] },
): Promise<{
  readonly decisions: readonly YearDecision[];
  readonly incidents: readonly YearIncident[];
}> {
  const api = context.api();
  const monthAt = (instant: string): string =>
    starts.filter(({ wallMs }) => wallMs <= Date.parse(instant)).at(-1)?.month.name ?? '';
  const runs = await api.list('GET /runs', { query: { lifecycle } }, most);
  const decisions: YearDecision[] = [];
  for (const { id, createdAt } of [...runs].reverse())
    decisions.push({
      month: monthAt(createdAt),
      ...toYearDecision(await api.call('GET /runs/{id}', { path: { id } })),
    });
  const raised = await api.list('GET /incidents', { query: { model: lifecycle } }, most);
  const incidents = [...raised].reverse().map(({ openedAt, kind, title, story, because }) => ({
    month: monthAt(openedAt),
    kind,
    title,
    engineDid: story.engineDid,
    because,
  }));
  return { decisions, incidents };
}

const most = 1_000;

export type DecidedRun = Pick<
  RunJson,
  | 'id'
  | 'actor'
  | 'revision'
  | 'request'
  | 'version'
  | 'status'
  | 'verdict'
  | 'failure'
  | 'waitingFor'
  | 'stages'
  | 'rollout'
>;

export function toYearDecision(run: DecidedRun): Omit<YearDecision, 'month'> {
  const { id, actor, revision, request, version } = run;
  const { reason } = request;
  const why = typeof reason === 'string' ? reason : '';
  const trigger = `${actor.replace('retraining:', '')}: ${why}`;
  return {
    run: id,
    revision,
    trigger,
    version,
    outcome: describeOutcome(run),
    reason: describeReason(run),
  };
}

function describeOutcome({ status, verdict, stages, rollout }: DecidedRun): string {
  if (!isFinal(status)) return 'still open';
  if (status === 'succeeded') return isUnchanged(verdict) ? 'already the champion' : 'promoted';
  if (rollout) return rollout.verdict?.kind === 'failed' ? 'rolled back' : 'undecided on traffic';
  const last = stages.at(-1)?.name;
  if (status !== 'stopped') return status;
  if (last === 'validate') return 'stopped by the contract';
  return verdict?.kind === 'failed' ? 'stopped by a gate' : 'undecided offline';
}

/** What the rollout showed, or else what stopped the run before it. */
function describeReason({ verdict, failure, waitingFor, stages, rollout }: DecidedRun): string {
  const last = stages.findLast((stage) => stage.verdict !== null)?.verdict ?? null;
  const given = rollout?.verdict ?? verdict ?? last;
  const decisive = given?.reasons.filter(({ outcome }) => (outcome ?? given.kind) === given.kind);
  const quality = decisive?.find(({ gate }) => gate === 'quality' || gate === 'no-worse');
  return failure?.message ?? (quality ?? decisive?.at(0))?.message ?? waitingFor ?? '';
}
