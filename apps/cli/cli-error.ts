import { isPerennialError } from '../../domain/failure';
import { ApiError } from '../client/api-error';

/** 0: done. 1: failed. 2: usage or invalid input. 3: a gate or a rollout did not pass. */
export type ExitCode = 0 | 1 | 2 | 3;

/** An error for people: the problem, and the next command to try. */
export class CliError extends Error {
  readonly exitCode: ExitCode;
  readonly next: string | undefined;

  constructor(message: string, exitCode: ExitCode, next?: string) {
    super(message);
    this.name = 'CliError';
    this.exitCode = exitCode;
    this.next = next;
  }
}

/** The next step that an error names. */
export function findNextStep(error: unknown): string | undefined {
  const hasNext = error instanceof CliError || error instanceof ApiError || isPerennialError(error);
  return hasNext ? error.next : undefined;
}
