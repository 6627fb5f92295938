/** Replays runs with a project's code, to see which of them could continue on it. */
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';

export interface RunHistory {
  readonly workflowId: string;
  /** As Temporal's own tools write it. */
  readonly history: Readonly<Record<string, unknown>>;
}

interface RecordedEvent {
  readonly eventType: string;
}

export interface ReplayedRun {
  readonly workflowId: string;
  /** Where the code leaves the path that the run took; null if it follows that path. */
  readonly difference: string | null;
}

/** Once in a process, before its first replay. */
export function quietReplays(): void {
  Runtime.install({ logger: new DefaultLogger('ERROR', () => undefined) });
}

/** `workflows` is the bundle of a build. A run that has decided nothing yet is not in the result. */
export async function replayRuns(
  workflows: string,
  histories: readonly RunHistory[],
): Promise<readonly ReplayedRun[]> {
  const replays = Worker.runReplayHistories(
    { workflowBundle: { code: workflows }, replayName: 'deploy-check' },
    histories.map(withoutOpenTask).filter(({ history }) => hasDecided(history.events)),
  );
  const found: ReplayedRun[] = [];
  for await (const { workflowId, error } of replays)
    found.push({ workflowId, difference: error === undefined ? null : differenceIn(error) });
  return found;
}

/** A task that has not ended has recorded nothing, and a replay would execute it. */
function withoutOpenTask({ workflowId, history }: RunHistory) {
  const events = history['events'] as readonly RecordedEvent[];
  const begun = events.findLastIndex(({ eventType }) => eventType === taskEvent('SCHEDULED'));
  const isOpen = !hasDecided(events.slice(begun));
  return { workflowId, history: { events: isOpen ? events.slice(0, begun) : events } };
}

function hasDecided(events: readonly RecordedEvent[]): boolean {
  return events.some(({ eventType }) => eventType === taskEvent('COMPLETED'));
}

const taskEvent = (what: string) => `EVENT_TYPE_WORKFLOW_TASK_${what}`;

/** The SDK gives a failure in the form of its core, with the message in quotes. */
function differenceIn(error: Error): string {
  const [, text = error.message] =
    /\[TMPRL\d+\]\s*(?:Nondeterminism error:\s*)?([^]*)/.exec(error.message) ?? [];
  const [message = text] = text.split('", source:');
  return `the run recorded other steps (${message.trim()})`;
}
