/**
 * Applies what changed in an index's documents to every version that answers or may, one after the other, and compacts them: after many changes, and when none has come for a while. One
 * an index, for as long as there is something to do.
 */
import { allHandlersFinished, condition, continueAsNew, isCancellation, log, setHandler, workflowInfo } from '@temporalio/workflow';
import type { IndexChangesInput } from './index-messages';
import { documentsChangedSignal } from './index-messages';
import { indexRecords, indexWork } from './index-proxies';
import { messageOf } from './undo';

export async function indexChanges(input: IndexChangesInput): Promise<void> {
  const { tenant, index, maxDocumentBytes } = input;
  let heard = 1;
  setHandler(documentsChangedSignal, () => {
    heard += 1;
  });
  // A signal that arrives while changes are applied asks for one round more: the change that it tells of may have come too late for this one.
  for (let round = 1, taken = 0; taken < heard; round += 1) {
    if (workflowInfo().continueAsNewSuggested || round > (input.roundsPerExecution ?? Infinity)) {
      await condition(allHandlersFinished);
      return continueAsNew<typeof indexChanges>(input);
    }
    taken = heard;
    const versions = await indexRecords.listIndexFollowers({ tenant, index });
    for (const version of versions) {
      const summary = `${index}@${version}: changed documents`;
      while ((await indexWork.applyIndexChanges.executeWithOptions({ summary }, [{ tenant, index, version, maxDocumentBytes }])).more);
      if (input.compaction) await compact(version, input.compaction.atLeast);
    }
    const more = () => heard > taken;
    if (!input.compaction || (await condition(more, input.compaction.idleSeconds * 1000))) continue;
    for (const version of versions) if (!more()) await compact(version, 1);
  }

  /** Found all the same where it fails, only slower; changes that come meanwhile wait for it, so it is not tried again and again. */
  async function compact(version: number, atLeast: number): Promise<void> {
    try {
      const summary = `${index}@${version}: compact what changed`;
      await indexWork.compactIndexVersion.executeWithOptions({ summary, retry: { maximumAttempts: 2 } }, [
        { tenant, index, version, atLeast },
      ]);
    } catch (error) {
      if (isCancellation(error)) throw error;
      log.warn('changes were not compacted', { index, version, error: messageOf(error) });
    }
  }
}
