/**
 * Answers a set of cases with one prompt, piece by piece. After a lost worker, only the questions
 * in flight are asked again.
 */
import { setHandler, workflowInfo } from '@temporalio/workflow';
import type { ArtifactRef } from '../../domain/artifact';
import type { PromptEvaluationInput, PromptEvaluationOutcome } from './evaluation-messages';
import { promptEvaluationQuery } from './evaluation-messages';
import { showDetails } from '../run/current-details';
import { searchWork } from './activity-proxies';

export async function promptEvaluation(
  input: PromptEvaluationInput,
): Promise<PromptEvaluationOutcome> {
  const { prompt, count: of, casesPerPiece } = input;
  let done = 0;
  setHandler(promptEvaluationQuery, () => ({ done, of }));
  const pieces: ArtifactRef[] = [];
  for (let from = 0; from < of; from += casesPerPiece) {
    const to = Math.min(of, from + casesPerPiece);
    showDetails(`**${prompt}**: ${done} of ${of} cases are answered.`);
    const summary = `${prompt}: cases ${from + 1} to ${to} of ${of}`;
    const execution = `${workflowInfo().firstExecutionRunId}/${from}`;
    pieces.push(
      await searchWork.askEvaluationPiece.executeWithOptions({ summary }, [
        { ...input, from, to, execution },
      ]),
    );
    done = to;
  }
  return searchWork.closePromptEvaluation.executeWithOptions({ summary: `${prompt}: summarise` }, [
    { ...input, pieces },
  ]);
}
