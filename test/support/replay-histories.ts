/** Replays recorded histories with the current workflow code. */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Worker, type WorkerOptions } from '@temporalio/worker';

/** Of the files' names. */
export const historiesFolder = resolve(__dirname, '..', 'replay', 'histories');

type WorkflowBundle = NonNullable<WorkerOptions['workflowBundle']>;

interface RecordedHistory {
  readonly workflowId: string;
  readonly history: unknown;
}

/** By file: why it does not replay, or null. */
export type ReplayErrors = ReadonlyMap<string, Error | null>;

/** One worker replays all, because it takes longer to start one than to replay most histories. */
export async function replay(
  files: readonly string[],
  bundle: WorkflowBundle,
): Promise<ReplayErrors> {
  const recordings = files.map(
    (file) => JSON.parse(readFileSync(join(historiesFolder, file), 'utf8')) as RecordedHistory,
  );
  const errors = new Map<string, Error | null>();
  const replays = Worker.runReplayHistories({ workflowBundle: bundle }, recordings);
  for await (const { error } of replays)
    errors.set(files[errors.size] ?? 'one too many', error ?? null);
  return errors;
}

/** The workflow type of a recorded history. */
export function typeIn(file: string): string {
  return readFirstEvent(file).workflowExecutionStartedEventAttributes.workflowType.name;
}

function readFirstEvent(file: string) {
  const { history } = JSON.parse(readFileSync(join(historiesFolder, file), 'utf8')) as {
    readonly history: {
      readonly events: readonly {
        readonly workflowExecutionStartedEventAttributes: {
          readonly workflowType: { readonly name: string };
        };
      }[];
    };
  };
  const [first] = history.events;
  if (!first) throw new Error(`${file} is empty`);
  return first;
}
