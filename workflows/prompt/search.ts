/**
 * The search for a better prompt. Each round proposes variants, asks cases in pieces, and gives the
 * best variants more cases. At the end, the winner and the first prompt answer the confirm cases,
 * which no choice has used. State is in the artifact store and answers are on the call ledger, so
 * after a lost worker only the questions in flight are asked again.
 */
import {
  allHandlersFinished,
  CancellationScope,
  condition,
  continueAsNew,
  isCancellation,
  log,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { ArtifactRef } from '../../domain/artifact';
import type { SearchOutcome } from '../../domain/prompt-search/outcome';
import { searchBatches } from '../../domain/prompt-search/state';
import type { PromptSearchInput, PromptSearchProgress, PromptSearchView } from './search-messages';
import { promptSearchQuery } from './search-messages';
import { searchRecords, searchWork } from './activity-proxies';
import { showDetails } from '../run/current-details';
import { readMessage } from '../run/undo';

type SearchView = { -readonly [Key in keyof PromptSearchView]: PromptSearchView[Key] };

export async function promptSearch(input: PromptSearchInput): Promise<SearchOutcome> {
  const shown: SearchView = {
    standing: input.progress?.standing ?? null,
    pieces: { done: 0, of: 0 },
  };
  setHandler(promptSearchQuery, () => shown);
  showDetails(`The search for a better version of **${input.prompt}** is starting.`);
  try {
    let progress = input.progress ?? (await open(input));
    for (let rounds = 0; ; rounds += 1) {
      shown.standing = progress.standing;
      if (workflowInfo().continueAsNewSuggested || rounds === input.roundsPerExecution) {
        await condition(allHandlersFinished);
        return await continueAsNew<typeof promptSearch>({ ...input, progress });
      }
      const answers = await ask(input, progress, shown);
      if (progress.standing.stage === 'confirm') {
        const outcome = await keep(input, progress, answers);
        showDetails(`The search ended: ${input.prompt}@${outcome.winner.version} is the winner.`);
        return outcome;
      }
      progress = await endRound(input, progress, answers);
    }
  } catch (error) {
    if (error instanceof Error && error.name === 'ContinueAsNew') throw error;
    await giveUp(input, error);
    throw error;
  }
}

async function open({ progress: _, ...input }: PromptSearchInput): Promise<PromptSearchProgress> {
  return searchWork.openPromptSearch.executeWithOptions(
    { summary: `${input.prompt}: propose variants and split the cases` },
    [input],
  );
}

/** Asks one piece after the other; within a piece, `parallel` questions are in flight. */
async function ask(
  input: PromptSearchInput,
  { order, state, standing }: PromptSearchProgress,
  shown: SearchView,
): Promise<readonly ArtifactRef[]> {
  const met = standing.groups.flatMap(({ variants, met: cases }) =>
    Array.from({ length: variants }, () => cases),
  );
  const pieces = searchBatches(met, standing.cases, input.questionsPerPiece);
  const step =
    standing.stage === 'confirm'
      ? 'confirm'
      : `round ${standing.round + 1} of ${standing.rounds.length}`;
  // A restarted search is another execution, which waits for the requests that the lost one has in
  // flight.
  const execution = `${workflowInfo().firstExecutionRunId}/${standing.stage}/${standing.round}`;
  const answers: ArtifactRef[] = [];
  for (const [index, piece] of pieces.entries()) {
    shown.pieces = { done: index, of: pieces.length };
    const place = `${step}, piece ${index + 1} of ${pieces.length}`;
    showDetails(`The search for a better version of **${input.prompt}** is in ${place}.`);
    const summary = `${input.prompt}: ${place}`;
    answers.push(
      await searchWork.askPromptPiece.executeWithOptions({ summary }, [
        { ...nameSearch(input), order, state, piece, execution: `${execution}/${index}` },
      ]),
    );
  }
  shown.pieces = { done: pieces.length, of: pieces.length };
  return answers;
}

async function endRound(
  input: PromptSearchInput,
  { order, state, standing }: PromptSearchProgress,
  answers: readonly ArtifactRef[],
): Promise<PromptSearchProgress> {
  const execution = `${workflowInfo().firstExecutionRunId}/end/${standing.round}`;
  const round = `round ${standing.round + 1} of ${standing.rounds.length}`;
  const summary = `${input.prompt}: end of ${round}`;
  const next = await searchWork.endPromptRound.executeWithOptions({ summary }, [
    { ...nameSearch(input), order, state, answers, execution },
  ]);
  return { order, ...next };
}

function keep(
  input: PromptSearchInput,
  { order, state }: PromptSearchProgress,
  answers: readonly ArtifactRef[],
): Promise<SearchOutcome> {
  return searchWork.keepPromptSearch.executeWithOptions(
    { summary: `${input.prompt}: keep the winner` },
    [{ ...nameSearch(input), order, state, answers }],
  );
}

/**
 * Records the cause and releases reservations. A restart pays only for answers that are not on the
 * call ledger. Not cancellable.
 */
async function giveUp(input: PromptSearchInput, error: unknown): Promise<void> {
  const ended = isCancellation(error)
    ? ({ status: 'cancelled', cause: 'the search was cancelled' } as const)
    : ({ status: 'failed', cause: readMessage(error).slice(0, 1_000) } as const);
  showDetails(`The search ended as **${ended.status}**: ${ended.cause}`);
  try {
    await CancellationScope.nonCancellable(() =>
      searchRecords.endPromptSearch({ ...nameSearch(input), ...ended }),
    );
  } catch (failed) {
    // The first failure is the one to report.
    log.error('could not record the end of a prompt search', {
      search: input.search,
      error: readMessage(failed),
    });
  }
}

function nameSearch({ tenant, search, prompt, runId, actor }: PromptSearchInput) {
  return { tenant, search, prompt, runId, actor };
}
