/**
 * The search for a better prompt: propose, ask in pieces, let the best go on to more cases, round
 * after round; then ask the winner and the first prompt the cases that no choice has seen. What a
 * round knows lies in the artifact store, what was answered on the call ledger: whatever dies, at
 * most the questions in flight are asked again.
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
import type { ArtifactRef } from '../../domain/dataset/artifact';
import type { SearchOutcome } from '../../domain/prompt/search/outcome';
import { piecesOf } from '../../domain/prompt/search/state';
import type { PromptSearchInput, PromptSearchProgress, PromptSearchView } from './search-messages';
import { promptSearchQuery } from './search-messages';
import { searchRecords, searchWork } from './activity-proxies';
import { showDetails } from '../run/current-details';
import { messageOf } from '../run/undo';

type SearchView = { -readonly [Key in keyof PromptSearchView]: PromptSearchView[Key] };

export async function promptSearch(input: PromptSearchInput): Promise<SearchOutcome> {
  const shown: SearchView = {
    standing: input.progress?.standing ?? null,
    pieces: { done: 0, of: 0 },
  };
  setHandler(promptSearchQuery, () => shown);
  showDetails(`The search of a better version of **${input.prompt}** is starting.`);
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
    { summary: `${input.prompt}: propose and split the cases` },
    [input],
  );
}

/** One piece after the other: within each as many questions are under way as the input says. */
async function ask(
  input: PromptSearchInput,
  { order, state, standing }: PromptSearchProgress,
  shown: SearchView,
): Promise<readonly ArtifactRef[]> {
  const met = standing.groups.flatMap(({ variants, met: cases }) =>
    Array.from({ length: variants }, () => cases),
  );
  const pieces = piecesOf(met, standing.cases, input.questionsPerPiece);
  const step =
    standing.stage === 'confirm'
      ? 'confirm'
      : `round ${standing.round + 1} of ${standing.rounds.length}`;
  // A search that is begun again is another execution, which waits for what the dead one has in
  // flight.
  const execution = `${workflowInfo().firstExecutionRunId}/${standing.stage}/${standing.round}`;
  const answers: ArtifactRef[] = [];
  for (const [index, piece] of pieces.entries()) {
    shown.pieces = { done: index, of: pieces.length };
    showDetails(
      `The search of a better version of **${input.prompt}** is in ${step}, piece ${index + 1} of ${pieces.length}.`,
    );
    const summary = `${input.prompt}: ${step}, piece ${index + 1} of ${pieces.length}`;
    answers.push(
      await searchWork.askPromptPiece.executeWithOptions({ summary }, [
        { ...named(input), order, state, piece, execution: `${execution}/${index}` },
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
  const summary = `${input.prompt}: end of round ${standing.round + 1} of ${standing.rounds.length}`;
  const next = await searchWork.endPromptRound.executeWithOptions({ summary }, [
    { ...named(input), order, state, answers, execution },
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
    [{ ...named(input), order, state, answers }],
  );
}

/**
 * Its row says why, and nothing is held any more; begun again it pays for what is not on the
 * ledger. Where no cancellation reaches it.
 */
async function giveUp(input: PromptSearchInput, error: unknown): Promise<void> {
  const ended = isCancellation(error)
    ? ({ status: 'cancelled', cause: 'the search was cancelled' } as const)
    : ({ status: 'failed', cause: messageOf(error).slice(0, 1_000) } as const);
  showDetails(`The search ended as **${ended.status}**: ${ended.cause}`);
  try {
    await CancellationScope.nonCancellable(() =>
      searchRecords.endPromptSearch({ ...named(input), ...ended }),
    );
  } catch (failed) {
    // What went wrong first is what to tell.
    log.error('the end of a prompt search was not written down', {
      search: input.search,
      error: messageOf(failed),
    });
  }
}

function named({ tenant, search, prompt, runId, actor }: PromptSearchInput) {
  return { tenant, search, prompt, runId, actor };
}
