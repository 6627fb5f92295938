import {
  ChildWorkflowCancellationType,
  ChildWorkflowFailure,
  executeChild,
  ParentClosePolicy,
  workflowInfo,
} from '@temporalio/workflow';
import type { WrittenBundle } from '../../../activities/language/bundle-version';
import { spentMessage } from '../../../domain/budget/budget';
import type { SearchOutcome } from '../../../domain/prompt-search/outcome';
import { runBudgets, searchScope } from '../../../domain/budget/run-budget';
import { registryWrites, llmWork } from '../../activity-proxies';
import type { promptSearch } from '../../prompt/search';
import {
  promptSearchWorkflow,
  searchOfRun,
  type PromptSearchInput,
} from '../../prompt/search-messages';
import { builtInQueue } from '../../run/built-in-queue';
import { childAttributes } from '../../run/search-attributes';
import type { LlmRun } from '../stage';
import { readMessage, readType } from '../../run/undo';
import { requireLlmFile } from './llm-questions';

/** The result of a search for a better prompt. `first` is the path of its first prompt. */
export type SearchedPrompts =
  /** `bundle` is null when no prompt was better than the first one. */
  | {
      readonly kind: 'found';
      readonly first: string;
      readonly bundle: WrittenBundle | null;
      readonly outcome: Omit<SearchOutcome, 'front'>;
    }
  | { readonly kind: 'unpaid'; readonly first: string; readonly reason: string };

/** Minutes of a small embedded model. After a lost worker, a piece is read from the call ledger. */
const questionsPerPiece = 500;

/**
 * Searches for a better prompt than `first` on the search slice. When the search's own budget is
 * spent, the run continues with the prompts that it has.
 */
export async function searchPrompts(
  run: LlmRun,
  first: WrittenBundle,
  index: { readonly name: string; readonly version: number } | null,
): Promise<SearchedPrompts> {
  const { tenant, runId, lifecycle: model, spec, files } = run.plan;
  const { workflowId, firstExecutionRunId } = workflowInfo();
  const described = await llmWork.describeSearch({
    tenant,
    runId,
    bundle: first.manifest,
    cases: requireLlmFile(run, spec.cases.file),
    spec,
  });
  const input: PromptSearchInput = {
    ...described,
    tenant,
    runId,
    actor: `run:${runId}`,
    questionsPerPiece,
    roundsPerExecution: null,
    progress: null,
    search: searchOfRun(runId),
    parallel: spec.evaluate.parallel,
    budgets: runBudgets(runId, spec.budget),
  };
  try {
    const { front: _, ...outcome } = await executeChild<typeof promptSearch>(promptSearchWorkflow, {
      // The id contains the execution: the search of a lost execution may still be ending.
      workflowId: `${workflowId}/prompt-search/${firstExecutionRunId}`,
      args: [input],
      cancellationType: ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
      parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
      typedSearchAttributes: childAttributes({ tenant, model }),
      staticSummary: `search for a better prompt than ${first.path}`,
      ...builtInQueue(run.plan),
    });
    if (outcome.winner.digest === first.prompt.digest)
      return { kind: 'found', first: first.path, bundle: null, outcome };
    const candidates = [`prompt://${described.prompt}@${outcome.winner.version}`];
    const written = await registryWrites.writeBundles({
      tenant,
      runId,
      model,
      spec: { ...spec, prompt: { ...spec.prompt, candidates } },
      files,
      index,
    });
    return { kind: 'found', first: first.path, bundle: written[0] ?? null, outcome };
  } catch (error) {
    const isOwn =
      error instanceof ChildWorkflowFailure &&
      readType(error) === 'BudgetSpent' &&
      readMessage(error).startsWith(spentMessage(searchScope(runId)));
    // A spent budget of the run or of an operator also fails the stages that follow.
    if (isOwn) return { kind: 'unpaid', first: first.path, reason: readMessage(error) };
    throw error;
  }
}
