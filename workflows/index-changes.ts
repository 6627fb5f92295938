/** Applies what changed in an index's documents to every version that answers or may, one after the other. One an index, for as long as there is something to do. */
import { allHandlersFinished, condition, continueAsNew, setHandler, workflowInfo } from '@temporalio/workflow';
import type { IndexChangesInput } from './index-messages';
import { documentsChangedSignal } from './index-messages';
import { indexRecords, indexWork } from './index-proxies';

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
    for (const version of await indexRecords.listIndexFollowers({ tenant, index })) {
      const summary = `${index}@${version}: changed documents`;
      while ((await indexWork.applyIndexChanges.executeWithOptions({ summary }, [{ tenant, index, version, maxDocumentBytes }])).more);
    }
  }
}
