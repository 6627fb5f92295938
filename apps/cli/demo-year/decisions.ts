/** What the engine decided in the year, and why, as the registry has it. */
import type { RolloutStatus } from '../../../domain/rollout/rollout';
import { isFinal } from '../../../domain/run/run';
import type { CliContext } from '../context';
import type { RunJson } from '../run/view';
import type { Month } from './months';

export interface YearDecision {
  readonly month: string;
  readonly run: string;
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
      ...decisionOf(await api.call('GET /runs/{id}', { path: { id } })),
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

function decisionOf(run: RunJson): Omit<YearDecision, 'month'> {
  const { id, actor, request, version } = run;
  const { reason } = request;
  const why = typeof reason === 'string' ? reason : '';
  const trigger = `${actor.replace('retraining:', '')}: ${why}`;
  return { run: id, trigger, version, outcome: outcomeOf(run), reason: reasonOf(run) };
}

function outcomeOf({ status, stages, rollout }: RunJson): string {
  if (!isFinal(status)) return 'still open';
  if (status === 'succeeded') return 'promoted';
  if (rollout) return rolloutWords[rollout.status];
  const last = stages.at(-1)?.name;
  if (status !== 'stopped') return status;
  return last === 'validate' ? 'stopped by the contract' : `stopped by ${last ?? 'a person'}`;
}

const rolloutWords: Readonly<Record<RolloutStatus, string>> = {
  running: 'still open',
  held: 'still open',
  passed: 'promoted',
  promoted: 'promoted',
  rolledBack: 'rolled back',
  aborted: 'aborted',
  superseded: 'superseded',
};

/** The first reason that decided. */
function reasonOf({ verdict, failure, waitingFor, stages }: RunJson): string {
  const given = verdict ?? stages.findLast((stage) => stage.verdict !== null)?.verdict ?? null;
  const decisive = given?.reasons.find(({ outcome }) => (outcome ?? given.kind) === given.kind);
  return failure?.message ?? decisive?.message ?? waitingFor ?? '';
}
