/** Replays runs with a project's code, to see which of them could continue on it. */
import { IllegalStateError } from '@temporalio/common';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';

export interface RunHistory {
  readonly workflowId: string;
  /** History in the JSON format of Temporal's tools. */
  readonly history: Readonly<Record<string, unknown>>;
}

interface RecordedEvent {
  readonly eventType: string;
}

export type RunReplay =
  | { readonly kind: 'continues' }
  /** The code leaves the path that the run took, or fails on it. */
  | { readonly kind: 'cannotContinue'; readonly cause: string }
  /** The history cannot be read. */
  | { readonly kind: 'notChecked'; readonly cause: string };

/** Call it before the first replay of a process. A second call changes nothing. */
export function quietReplays(): void {
  try {
    Runtime.install({ logger: new DefaultLogger('ERROR', () => undefined) });
  } catch (error) {
    if (!(error instanceof IllegalStateError)) throw error;
  }
}

/** `workflows` is the bundle of a build. A run that has decided nothing yet takes any path. */
export async function replayRun(workflows: string, run: RunHistory): Promise<RunReplay> {
  try {
    const replayed = withoutOpenTask(run);
    if (!hasDecided(replayed.history.events)) return { kind: 'continues' };
    const options = { workflowBundle: { code: workflows }, replayName: 'deploy-check' };
    for await (const { error } of Worker.runReplayHistories(options, [replayed]))
      if (error !== undefined) return failedReplay(error);
    return { kind: 'continues' };
  } catch (error) {
    return { kind: 'notChecked', cause: readMessage(error) };
  }
}

/** A task that has not ended has recorded nothing, and a replay would execute it. */
function withoutOpenTask({ workflowId, history }: RunHistory) {
  const events = history['events'] as readonly RecordedEvent[] | undefined;
  if (events === undefined) throw new Error('the history has no events');
  const begun = events.findLastIndex(({ eventType }) => eventType === taskEvent('SCHEDULED'));
  const isOpen = !hasDecided(events.slice(begun));
  return { workflowId, history: { events: isOpen ? events.slice(0, begun) : events } };
}

function hasDecided(events: readonly RecordedEvent[]): boolean {
  return events.some(({ eventType }) => eventType === taskEvent('COMPLETED'));
}

const taskEvent = (what: string) => `EVENT_TYPE_WORKFLOW_TASK_${what}`;

/** The rule of the SDK for code that leaves the path of a history. */
const nondeterminism = /\[TMPRL1100\]\s*(?:Nondeterminism error:\s*)?/;

/** The code failed a workflow task. Results of other steps may have caused it. */
const codeFailure = /^Replay failed due (?:to )?workflow task failure/;

function failedReplay(error: Error): RunReplay {
  const text = readMessage(error);
  const [, afterRule] = text.split(nondeterminism);
  if (error.name === 'DeterminismViolationError' || afterRule !== undefined)
    return {
      kind: 'cannotContinue',
      cause: `the run recorded other steps (${afterRule ?? text})`,
    };
  return codeFailure.test(error.message)
    ? { kind: 'cannotContinue', cause: `the code failed in the replay (${text})` }
    : { kind: 'notChecked', cause: text };
}

/** The SDK gives a failure of the code in the form of its core, with the message in quotes. */
function readMessage(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const [, quoted] = /\bmessage: "((?:[^"\\]|\\.)*)"/.exec(text) ?? [];
  return (quoted ?? text.replace(/^.*?Details: /s, '')).trim();
}
