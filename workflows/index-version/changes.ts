/**
 * Applies what changed in an index's documents to every version that answers or may, one after the
 * other, and compacts them: after many changes, and when none has come for a while. One an index,
 * for as long as there is something to do.
 */
import {
  ActivityFailure,
  allHandlersFinished,
  condition,
  continueAsNew,
  isCancellation,
  log,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import { formatSeconds } from '../../domain/duration';
import type { IndexChangesInput, WaitingChanges } from './messages';
import { documentsChangedSignal, indexChangesQuery } from './messages';
import { indexRecords, indexWork } from './activity-proxies';
import { showDetails } from '../run/current-details';
import { messageOf, typeOf } from '../run/undo';

export async function indexChanges(input: IndexChangesInput): Promise<void> {
  const { tenant, index, maxDocumentBytes, budgetLookSeconds = 300 } = input;
  let heard = 1;
  let waiting = input.waiting ?? null;
  setHandler(indexChangesQuery, () => ({ waiting }));
  setHandler(documentsChangedSignal, () => {
    heard += 1;
  });
  // A signal that arrives while changes are applied asks for one round more: the change that it
  // tells of may have come too late for this one.
  for (let round = 1, taken = 0; taken < heard || waiting !== null; round += 1) {
    if (workflowInfo().continueAsNewSuggested || round > (input.roundsPerExecution ?? Infinity)) {
      await condition(allHandlersFinished);
      return continueAsNew<typeof indexChanges>(
        waiting === null && !input.waiting ? input : { ...input, waiting },
      );
    }
    taken = heard;
    showDetails(`Changed documents of **${index}** are being applied.`);
    const more = () => heard > taken;
    const versions = await indexRecords.listIndexFollowers({ tenant, index });
    const unpaid: { readonly version: number; readonly reason: string }[] = [];
    const failed: unknown[] = [];
    for (const version of versions) {
      const end = await applied(version);
      if (end.kind === 'unpaid') unpaid.push({ version, reason: end.reason });
      else if (end.kind === 'failed') failed.push(end.error);
      else if (input.compaction) await compact(version, input.compaction.atLeast);
    }
    waiting = waitingOf(unpaid, waiting);
    // Who waits for budget is not left for it.
    if (failed.length > 0 && waiting === null) throw failed[0];
    if (waiting !== null) {
      showDetails(`Changes of **${index}** wait for budget: ${waiting.reason}`);
      await condition(more, budgetLookSeconds * 1000, {
        summary: `budget of ${index} is checked again: ${formatSeconds(budgetLookSeconds)}`,
      });
      continue;
    }
    if (!input.compaction) continue;
    const { idleSeconds } = input.compaction;
    showDetails(
      `All changes of **${index}** are applied. It compacts after ${formatSeconds(idleSeconds)} without a change.`,
    );
    const summary = `compact ${index} after ${formatSeconds(idleSeconds)} without a change`;
    if (await condition(more, idleSeconds * 1000, { summary })) continue;
    for (const version of versions) if (!more()) await compact(version, 1);
  }

  /**
   * What a version has not taken up stays in order in the registry: until there is budget again, or
   * the next change. Other versions do not wait for it.
   */
  async function applied(version: number): Promise<AppliedChange> {
    const summary = `${index}@${version}: changed documents`;
    try {
      while (
        (
          await indexWork.applyIndexChanges.executeWithOptions({ summary }, [
            { tenant, index, version, maxDocumentBytes },
          ])
        ).more
      );
      return { kind: 'applied' };
    } catch (error) {
      if (!(error instanceof ActivityFailure) || isCancellation(error)) throw error;
      if (typeOf(error) === 'BudgetSpent') return { kind: 'unpaid', reason: messageOf(error) };
      // A version whose embedder has changed must not block the changes of the version that
      // replaced it.
      return { kind: 'failed', error };
    }
  }

  /**
   * Found all the same where it fails, only slower; changes that come meanwhile wait for it, so it
   * is not tried again and again.
   */
  async function compact(version: number, atLeast: number): Promise<void> {
    try {
      const summary = `${index}@${version}: compact what changed`;
      await indexWork.compactIndexVersion.executeWithOptions(
        { summary, retry: { maximumAttempts: 2 } },
        [{ tenant, index, version, atLeast }],
      );
    } catch (error) {
      if (isCancellation(error)) throw error;
      log.warn('changes were not compacted', { index, version, error: messageOf(error) });
    }
  }
}

type AppliedChange =
  | { readonly kind: 'applied' }
  | { readonly kind: 'unpaid'; readonly reason: string }
  /**
   * For good, or for as long as was waited: the workflow ends by it once the other versions had
   * their turn.
   */
  | { readonly kind: 'failed'; readonly error: unknown };

function waitingOf(
  unpaid: readonly { readonly version: number; readonly reason: string }[],
  before: WaitingChanges | null,
): WaitingChanges | null {
  const [first] = unpaid;
  if (first === undefined) return null;
  const since = before?.since ?? new Date().toISOString();
  return { versions: unpaid.map(({ version }) => version), since, reason: first.reason };
}
