/** Waits for people in the middle of a run, as a stage in its records. */
import type { Verdict } from '../../domain/verdict';
import type { VoterRole } from '../../domain/run/ballot';
import { runStage, type Run } from '../lifecycle/stage';
import { awaitVotes } from '../run/control';
import { StoppedByVerdict } from '../run/verdict';
import { nextCall, refusal, parseSeconds, type StageCalls } from './stage-calls';

export interface ApprovalOptions {
  /** What people approve. It is shown to them. */
  readonly reason: string;
  /** A duration such as `7d`. A timeout is not an approval. */
  readonly timeout: string;
  /** The number of approvals by different people, 1 to 10. Default 1. */
  readonly required?: number;
  /** The scope that an approval needs. Default `approver`. */
  readonly role?: VoterRole;
}

export interface Approval {
  /** The names of the keys that approved. */
  readonly approvedBy: readonly string[];
}

/** @throws StoppedByVerdict when a person rejected it, or too few approved it in time. */
export async function callApprove(
  run: Run,
  calls: StageCalls,
  options: ApprovalOptions,
): Promise<Approval> {
  const { reason, timeout, required = 1, role = 'approver' } = options;
  checkApproval({ ...options, required, role });
  const timeoutSeconds = parseSeconds('run.approve: timeout', timeout);
  const name = nextCall(calls, 'approve');
  const { runId, lifecycle: model } = run.plan;
  const ballot = { runId, model, version: null, stage: name, role };
  const inputs = () => ({ reason, required, role, timeoutSeconds });
  const { output, verdict } = await runStage(
    run,
    { name, inputs, cached: false },
    async (): Promise<{ readonly output: Approval; readonly verdict: Verdict }> => {
      const { verdict: waited, votes } = await awaitVotes(
        run.control,
        { required, role, timeoutSeconds },
        { ballot, what: `"${reason}"`, isSettled: () => false },
      );
      const approvedBy = votes.map(({ actor }) => actor);
      return { output: { approvedBy }, verdict: waited ?? noDecision };
    },
  );
  if (verdict?.kind !== 'passed') throw new StoppedByVerdict(verdict ?? noDecision);
  return output;
}

function checkApproval({
  reason,
  required,
  role,
}: Required<Omit<ApprovalOptions, 'timeout'>>): void {
  if (reason.trim() === '' || reason.length > 500)
    throw refusal(
      `run.approve: reason has ${reason.length} characters`,
      'say in 1 to 500 characters what people approve',
    );
  if (!Number.isInteger(required) || required < 1 || required > 10)
    throw refusal(
      `run.approve: required cannot be ${String(required)}`,
      'use a whole number from 1 to 10',
    );
  if (!roles.includes(role))
    throw refusal(`run.approve: role cannot be ${JSON.stringify(role)}`, 'use approver or admin');
}

const roles: readonly VoterRole[] = ['approver', 'admin'];

/** A missing verdict must not count as passed (I10). */
const noDecision: Verdict = {
  kind: 'inconclusive',
  reasons: [{ gate: 'approval', code: 'approval.timeout', message: 'no decision was recorded' }],
};
