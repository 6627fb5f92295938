/**
 * The text of a run that waits for approvals, as its workflow records it, and what the text names.
 * Both are here, so that they fit.
 */
import type { VoterRole } from './ballot';

export interface ApprovalWait {
  /** What people approve, such as `churn@7`. */
  readonly what: string;
  /** The scope that a vote needs. */
  readonly role: VoterRole;
  /** RFC 3339. */
  readonly until: string;
  /** The stage that waits. */
  readonly stage: string;
}

export function approvalWaitText({
  what,
  role,
  until,
  stage,
  required,
  runId,
}: ApprovalWait & { readonly required: number; readonly runId: string }): string {
  const approvals = required === 1 ? '1 approval' : `${required} approvals`;
  return (
    `${approvals} of ${what} (scope ${role}) until ${until}; ` +
    `perennial run approve ${runId} --stage ${stage}`
  );
}

/** The open approvals in the text of a run, which may wait for more than one thing. */
export function approvalWaits(text: string): readonly ApprovalWait[] {
  return [...text.matchAll(waits)].map(([, what = '', role, until = '', stage = '']) => ({
    what,
    role: role === 'admin' ? 'admin' : 'approver',
    until,
    stage,
  }));
}

const waits =
  /(?<!\d)\d+ approvals? of (\S.*?) \(scope (approver|admin)\) until (\S+); perennial run approve \S* --stage ([\w-]+)/g;
