import type { ExitCode } from './cli-error';

/** Sets the exit code of a command that ended without an error, but not with success. */
export type Finish = (exitCode: ExitCode) => void;
