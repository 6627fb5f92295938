/** 0: done. 1: failed. 2: usage or invalid input. 3: a gate or a rollout did not pass. */
export type ExitCode = 0 | 1 | 2 | 3;

/** An error for people: the problem, and the next command to try. */
export class CliError extends Error {
  readonly exitCode: ExitCode;
  readonly next: string | undefined;
  /** The response of the API, if the error is one. */
  readonly status: number | undefined;

  constructor(message: string, exitCode: ExitCode, next?: string, status?: number) {
    super(message);
    this.name = 'CliError';
    this.exitCode = exitCode;
    this.next = next;
    this.status = status;
  }
}
