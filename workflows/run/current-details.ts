/**
 * Shows in the Temporal Web UI, under User Metadata, what a workflow does, what it waits for or
 * why it ended. The text is Markdown. It is not part of the history.
 */
import { setCurrentDetails } from '@temporalio/workflow';
import type { Failure, RunStatus } from '../../domain/run/run';
import type { Verdict } from '../../domain/verdict';
import { versionName, type ModelVersionRef } from '../../domain/model/model';

export interface RunDetails {
  readonly status: RunStatus;
  /**
   * The version that the run ended with: its candidate, the winner of an A/B rollout, or the
   * unchanged champion.
   */
  readonly version?: Pick<ModelVersionRef, 'model' | 'version'> | null;
  readonly stage: string | null;
  readonly waitingFor: string | null;
  readonly verdict: Verdict | null;
  readonly failure: Failure | null;
}

export function showRunDetails(run: RunDetails): void {
  setCurrentDetails(runDetails(run));
}

/** Sets the details of workflows that a run starts: a study, a rollout or an index build. */
export function showDetails(sentence: string): void {
  setCurrentDetails(sentence);
}

const maxReasons = 10;

function runDetails({
  status,
  version = null,
  stage,
  waitingFor,
  verdict,
  failure,
}: RunDetails): string {
  const where = stage === null ? '' : ` in stage ${stage}`;
  if (failure) return failureDetails(status, failure);
  if (waitingFor !== null) return `The run is **${status}**${where}. It waits for: ${waitingFor}`;
  if (status === 'pending' || status === 'running')
    return stage === null ? 'The run is starting.' : `Stage **${stage}** is running.`;
  const reasons = (verdict?.reasons ?? []).slice(-maxReasons).map(({ message }) => `- ${message}`);
  return [
    `The run ended as **${status}**${verdict === null ? '' : `, verdict **${verdict.kind}**`}.`,
    ...(version === null ? [] : [`- Model version: **${versionName(version)}**`]),
    ...reasons,
  ].join('\n');
}

function failureDetails(
  status: RunStatus,
  { type, message, stage, next, needsOperator = [] }: Failure,
): string {
  const where = stage === undefined ? '' : ` in stage **${stage}**`;
  return [
    `The run ended as **${status}**${where}.`,
    `- ${type}: ${message}`,
    ...(next === undefined ? [] : [`- Next step: ${next}`]),
    ...needsOperator.map(
      (undo) => `- Needs an operator: undoing ${undo.what} failed: ${undo.message}`,
    ),
  ].join('\n');
}
