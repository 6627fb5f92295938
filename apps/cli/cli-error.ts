/** 0 done, 1 failed, 2 usage or bad input, 3 a gate or a rollout said no. */
export type ExitCode = 0 | 1 | 2 | 3;

/** What a person reads: what is wrong, and the next command to try. */
export class CliError extends Error {
  readonly exitCode: ExitCode;
  readonly next: string | undefined;
  /** The API's answer, when it was one. */
  readonly status: number | undefined;

  constructor(message: string, exitCode: ExitCode, next?: string, status?: number) {
    super(message);
    this.name = 'CliError';
    this.exitCode = exitCode;
    this.next = next;
    this.status = status;
  }
}
