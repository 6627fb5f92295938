import { ApplicationFailure, condition, setHandler } from '@temporalio/workflow';
import type { RunId, Tenant } from '../../domain/ids';
import type { Command, SignedCommand } from '../../domain/command';
import { approvalWaitText } from '../../domain/run/approval-wait';
import type { Ballot, VoterRole } from '../../domain/run/ballot';
import { formatSeconds } from '../../domain/duration';
import type { RunStatus, StageSummary } from '../../domain/run/run';
import type { Verdict } from '../../domain/verdict';
import { registryWrites } from '../activity-proxies';
import { admitCommand } from './admission';
import type { OpenRolloutState } from '../../domain/rollout/progress';
import type { RunState, Vote } from './messages';
import {
  approveUpdate,
  pauseUpdate,
  rejectUpdate,
  recordsChangedSignal,
  resumeUpdate,
  rolloutChangedSignal,
  statusQuery,
} from './messages';
import { showRunDetails } from './current-details';
import { markChanged, type RecordWatch } from './record-watch';
import { describeStatus } from './search-attributes';

/** The state of a run that commands change and queries show. Plain data; the workflow owns it. */
export interface RunControl {
  runId: RunId | null;
  tenant: Tenant;
  status: RunStatus;
  stage: string | null;
  stages: StageSummary[];
  waitingFor: string | null;
  /** What the open waits of the run wait for, the oldest first. */
  waits: Set<OpenWait>;
  pausedBy: Command | null;
  /** What people vote on; null while the run waits for no vote. */
  ballot: Ballot | null;
  votes: Vote[];
  rejection: Vote | null;
  /** The latest state that the run's open rollout has sent. */
  rollout: OpenRolloutState | null;
  /** The waits for records of the registry, the oldest first. */
  watches: Set<RecordWatch>;
  /** The built-in stages that were called. Their names are fixed, so each is called once. */
  builtInCalls: Set<string>;
  /** The number of stages that have begun and not ended. */
  openStages: number;
  /** The stage that failed last, and its error. */
  failedStage: { readonly name: string; readonly error: unknown } | null;
  /** Whether the function of the lifecycle has ended. */
  isBodyOver: boolean;
}

interface OpenWait {
  text: string;
}

/** Installs the handlers. Called first, so that they handle a command in the first task. */
export function openControl(tenant: Tenant): RunControl {
  const control: RunControl = {
    runId: null,
    tenant,
    status: 'running',
    stage: null,
    stages: [],
    waitingFor: null,
    waits: new Set(),
    pausedBy: null,
    ballot: null,
    votes: [],
    rejection: null,
    rollout: null,
    watches: new Set(),
    builtInCalls: new Set(),
    openStages: 0,
    failedStage: null,
    isBodyOver: false,
  };
  const view = (): RunState => ({
    runId: control.runId,
    status: control.status,
    stage: control.stage,
    stages: control.stages,
    waitingFor: control.waitingFor,
    approvals: control.votes,
    ballot: control.ballot?.stage ?? null,
  });
  setHandler(statusQuery, view);
  setHandler(rolloutChangedSignal, (state) => {
    control.rollout = state;
  });
  setHandler(recordsChangedSignal, (changed) => {
    markChanged(control.watches, changed);
  });
  setHandler(pauseUpdate, async (command) => {
    const { name: actor, keyId } = await admitCommand({
      tenant,
      verb: 'run.pause',
      command,
      vote: null,
    });
    control.pausedBy ??= { actor, keyId, reason: command.order.reason };
    return view();
  });
  setHandler(resumeUpdate, async (command) => {
    await admitCommand({ tenant, verb: 'run.resume', command, vote: null });
    control.pausedBy = null;
    return view();
  });
  setHandler(approveUpdate, async (command) => {
    const vote = await recordVote(control, 'run.approve', command);
    if (!control.votes.some(({ holderId }) => holderId === vote.holderId)) control.votes.push(vote);
    return view();
  });
  setHandler(rejectUpdate, async (command) => {
    control.rejection ??= await recordVote(control, 'run.reject', command);
    return view();
  });
  return control;
}

/** Holds a paused run between two stages and shows that it is paused. */
export async function waitWhilePaused(control: RunControl): Promise<void> {
  while (control.pausedBy) {
    const { actor, reason } = control.pausedBy;
    await changeStatus(
      control,
      'paused',
      `paused by ${actor}${reason ? ` (${reason})` : ''}; ` +
        `perennial run resume ${control.runId ?? ''}`,
    );
    await condition(() => control.pausedBy === null);
    await showOpenWaits(control);
  }
}

export interface ApprovalRule {
  readonly required: number;
  readonly role: VoterRole;
  readonly timeoutSeconds: number;
}

export interface ApprovalSubject {
  readonly ballot: Ballot;
  /** What people approve, such as `churn@7`. */
  readonly what: string;
  /** Whether a decision is no longer needed, for example because the rollout ended. */
  readonly isSettled: () => boolean;
}

/** The votes of one ballot. */
export interface VoteResult {
  /** Null when `isSettled` became true before a decision. A timeout is not an approval. */
  readonly verdict: Verdict | null;
  readonly votes: readonly Vote[];
}

/**
 * Waits for the required approvals. One ballot at a time is open in a run, and no vote counts for
 * two.
 */
export async function awaitVotes(
  control: RunControl,
  rule: ApprovalRule,
  subject: ApprovalSubject,
): Promise<VoteResult> {
  const { ballot } = subject;
  // Each end of a ballot continues every waiting one, and the first of them takes its place.
  while (control.ballot !== null) {
    await condition(() => control.ballot === null || subject.isSettled());
    if (subject.isSettled()) return { verdict: null, votes: [] };
  }
  control.ballot = ballot;
  control.votes = [];
  control.rejection = null;
  try {
    return await whileWaiting(control, (wait) => countVotes(control, rule, subject, wait));
  } finally {
    // After a cancel too, so that an undo is not held up by it.
    if (control.ballot === ballot) control.ballot = null;
  }
}

async function countVotes(
  control: RunControl,
  rule: ApprovalRule,
  subject: ApprovalSubject,
  wait: Wait,
): Promise<VoteResult> {
  const { required, role, timeoutSeconds } = rule;
  const { ballot, what, isSettled } = subject;
  const { votes } = control;
  const until = new Date(Date.now() + timeoutSeconds * 1000).toISOString();
  const { stage } = ballot;
  await wait.show(
    approvalWaitText({ what, role, until, stage, required, runId: control.runId ?? '' }),
  );
  const isDecided = await condition(
    () => control.rejection !== null || votes.length >= required || isSettled(),
    timeoutSeconds * 1000,
    { summary: `approval of ${what}: ${formatSeconds(timeoutSeconds)}` },
  );
  // Before any other wait, because the next ballot clears the rejection.
  const verdict = judgeApproval(rule, subject, { votes, rejection: control.rejection, isDecided });
  control.ballot = null;
  await wait.end();
  return { verdict, votes };
}

interface CountedVotes {
  readonly votes: readonly Vote[];
  readonly rejection: Vote | null;
  readonly isDecided: boolean;
}

function judgeApproval(
  { required, timeoutSeconds }: ApprovalRule,
  { what, isSettled }: ApprovalSubject,
  { votes, rejection, isDecided }: CountedVotes,
): Verdict | null {
  if (rejection) {
    const { actor, comment } = rejection;
    const message = `${actor} rejected ${what}${comment ? `: ${comment}` : ''}`;
    return { kind: 'failed', reasons: [{ gate: 'approval', code: 'approval.rejected', message }] };
  }
  if (isSettled()) return null;
  if (!isDecided) {
    const message = `${votes.length} of ${required} approvals within ${formatSeconds(timeoutSeconds)}`;
    const reasons = [{ gate: 'approval', code: 'approval.timeout', message }];
    return { kind: 'inconclusive', reasons };
  }
  const message = `approved by ${votes.map((vote) => vote.actor).join(', ')}`;
  return { kind: 'passed', reasons: [{ gate: 'approval', code: 'approval.given', message }] };
}

export interface Wait {
  /** Shows what it waits for now. */
  show(text: string): Promise<void>;
  /** The run is shown as running unless it waits for something else. */
  end(): Promise<void>;
}

/**
 * Shows what a call of the run waits for while `work` lasts. Several may wait at once. After an
 * error or a cancellation, the next change of the status leaves it out.
 */
export async function whileWaiting<Result>(
  control: RunControl,
  work: (wait: Wait) => Promise<Result>,
): Promise<Result> {
  const wait: OpenWait = { text: '' };
  try {
    return await work({
      async show(text) {
        if (control.waits.has(wait) && wait.text === text) return;
        wait.text = text;
        control.waits.add(wait);
        await showOpenWaits(control);
      },
      async end() {
        if (control.waits.delete(wait)) await showOpenWaits(control);
      },
    });
  } finally {
    control.waits.delete(wait);
  }
}

/** A pause is shown before them. */
async function showOpenWaits(control: RunControl): Promise<void> {
  if (control.status === 'paused' && control.pausedBy) return;
  const [status, waitingFor] =
    control.waits.size > 0
      ? (['waiting', describeWaits(control.waits)] as const)
      : (['running', null] as const);
  if (control.status === status && control.waitingFor === waitingFor) return;
  await changeStatus(control, status, waitingFor);
}

/** Only the oldest waits, because each change of the text is recorded. */
function describeWaits(waits: ReadonlySet<OpenWait>): string {
  const texts = [...waits].map(({ text }) => text);
  const more = texts.length > shownWaits ? ['more'] : [];
  return [...texts.slice(0, shownWaits), ...more].join('; also: ');
}

const shownWaits = 3;

/** Records the status in the registry, and shows it in the Temporal Web UI. */
export async function changeStatus(
  control: RunControl,
  status: RunStatus,
  waitingFor: string | null,
): Promise<void> {
  if (control.status !== status) describeStatus(status);
  control.status = status;
  control.waitingFor = waitingFor;
  showRunDetails({ ...control, verdict: null, failure: null });
  if (control.runId)
    await registryWrites.recordRunStatus({
      tenant: control.tenant,
      runId: control.runId,
      status,
      waitingFor,
    });
}

async function recordVote(
  control: RunControl,
  verb: 'run.approve' | 'run.reject',
  command: SignedCommand,
): Promise<Vote> {
  const { tenant, ballot } = control;
  const notWaiting = () =>
    ApplicationFailure.nonRetryable('this run is not waiting for an approval', 'Conflict');
  if (ballot === null) throw notWaiting();
  const {
    name: actor,
    keyId,
    holderId,
    scope,
  } = await admitCommand({ tenant, verb, command, vote: ballot });
  // This wait may have ended, and another begun, while the vote was being checked.
  if (control.ballot !== ballot) throw notWaiting();
  return { actor, keyId, holderId, scope, comment: command.order.reason };
}
