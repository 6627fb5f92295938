/**
 * Tasks that may run in another thread (off-thread.ts). Input and result are plain data. The
 * caller's deadline ends a task, so it needs no time limit.
 */
import { isPerennialError, type FailureType, type Issue } from '../../domain/failure';
import { readPrompt } from '../../domain/prompt/document';
import { readLocatedLifecycle } from '../../domain/lifecycle/located-document';
import { readText } from '../safety/text-readings';

export type TaskOutcome<T> =
  | { readonly kind: 'done'; readonly value: T }
  | {
      readonly kind: 'refused';
      readonly type: FailureType;
      readonly message: string;
      readonly issues: readonly Issue[];
      readonly next: string | null;
    };

export const tasks = {
  readText,
  readLifecycle: readLocatedLifecycle,
  readPrompt: ({ document, fileName }: { readonly document: unknown; readonly fileName: string }) =>
    readPrompt(document, fileName),
} satisfies Readonly<Record<string, (input: never) => unknown>>;

type Tasks = typeof tasks;
export type TaskName = keyof Tasks;
export type TaskInput<Name extends TaskName> = Parameters<Tasks[Name]>[0];
export type TaskOutput<Name extends TaskName> = Awaited<ReturnType<Tasks[Name]>>;

/**
 * Entry point of a thread. Errors lose their class between threads, so a failure is returned as
 * data.
 */
export default async function runTask<Name extends TaskName>({
  name,
  input,
}: {
  readonly name: Name;
  readonly input: TaskInput<Name>;
}): Promise<TaskOutcome<unknown>> {
  const work = tasks[name] as (given: TaskInput<Name>) => unknown;
  try {
    return { kind: 'done', value: await work(input) };
  } catch (error) {
    if (!isPerennialError(error)) throw error;
    return {
      kind: 'refused',
      type: error.type,
      message: error.message,
      issues: error.issues,
      next: error.next ?? null,
    };
  }
}
