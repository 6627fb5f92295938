/**
 * Applies changed documents to each version of an index that is or may become champion, and
 * compacts the versions: after many changes, and after a time without changes. There is one such
 * workflow per index while it has work.
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
import { readMessage, readType } from '../run/undo';

export async function indexChanges(input: IndexChangesInput): Promise<void> {
  const { tenant, index, maxDocumentBytes, budgetLookSeconds = 300 } = input;
  let signals = 1;
  let waiting = input.waiting ?? null;
  setHandler(indexChangesQuery, () => ({ waiting }));
  setHandler(documentsChangedSignal, () => {
    signals += 1;
  });
  // A signal that arrives while changes are applied causes one more round, because its change may
  // have come too late for the current one.
  for (let round = 1, taken = 0; taken < signals || waiting !== null; round += 1) {
    if (workflowInfo().continueAsNewSuggested || round > (input.roundsPerExecution ?? Infinity)) {
      await condition(allHandlersFinished);
      return continueAsNew<typeof indexChanges>(
        waiting === null && !input.waiting ? input : { ...input, waiting },
      );
    }
    taken = signals;
    showDetails(`Applying changed documents to **${index}**.`);
    const more = () => signals > taken;
    const versions = await indexRecords.listIndexFollowers({ tenant, index });
    const unpaid: { readonly version: number; readonly reason: string }[] = [];
    const failed: unknown[] = [];
    for (const version of versions) {
      const end = await applyChanges(version);
      if (end.kind === 'unpaid') unpaid.push({ version, reason: end.reason });
      else if (end.kind === 'failed') failed.push(end.error);
      else if (input.compaction) await compact(version, input.compaction.atLeast);
    }
    waiting = describeWaiting(unpaid, waiting);
    // A failed version does not end the workflow while another one waits for budget.
    if (failed.length > 0 && waiting === null) throw failed[0];
    if (waiting !== null) {
      showDetails(`Changes of **${index}** wait for budget: ${waiting.reason}`);
      await condition(more, budgetLookSeconds * 1000, {
        summary: `check the budget of ${index} again after ${formatSeconds(budgetLookSeconds)}`,
      });
      continue;
    }
    if (!input.compaction) continue;
    const { idleSeconds } = input.compaction;
    showDetails(
      `All changes of **${index}** are applied. ` +
        `It is compacted after ${formatSeconds(idleSeconds)} without a change.`,
    );
    const summary = `compact ${index} after ${formatSeconds(idleSeconds)} without a change`;
    if (await condition(more, idleSeconds * 1000, { summary })) continue;
    for (const version of versions) if (!more()) await compact(version, 1);
  }

  /**
   * Unapplied changes stay in order in the registry, until there is budget or the next change
   * arrives. Other versions do not wait for this one.
   */
  async function applyChanges(version: number): Promise<AppliedChange> {
    const summary = `${index}@${version}: apply changed documents`;
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
      if (readType(error) === 'BudgetSpent') return { kind: 'unpaid', reason: readMessage(error) };
      // A version whose embedder has changed must not block the version that replaced it.
      return { kind: 'failed', error };
    }
  }

  /**
   * Without compaction, queries find the changes more slowly. New changes wait for it, so a failed
   * compaction is retried only once.
   */
  async function compact(version: number, atLeast: number): Promise<void> {
    try {
      const summary = `${index}@${version}: compact applied changes`;
      await indexWork.compactIndexVersion.executeWithOptions(
        { summary, retry: { maximumAttempts: 2 } },
        [{ tenant, index, version, atLeast }],
      );
    } catch (error) {
      if (isCancellation(error)) throw error;
      log.warn('could not compact the changes of an index version', {
        index,
        version,
        error: readMessage(error),
      });
    }
  }
}

type AppliedChange =
  | { readonly kind: 'applied' }
  | { readonly kind: 'unpaid'; readonly reason: string }
  /** Failed after all retries. The workflow throws it after the other versions had their turn. */
  | { readonly kind: 'failed'; readonly error: unknown };

function describeWaiting(
  unpaid: readonly { readonly version: number; readonly reason: string }[],
  before: WaitingChanges | null,
): WaitingChanges | null {
  const [first] = unpaid;
  if (first === undefined) return null;
  const since = before?.since ?? new Date().toISOString();
  return { versions: unpaid.map(({ version }) => version), since, reason: first.reason };
}
