import type { Logger as TemporalLogger } from '@temporalio/worker';
import type { Logger } from '../log';

const levels = {
  TRACE: 'trace',
  DEBUG: 'debug',
  INFO: 'info',
  WARN: 'warn',
  ERROR: 'error',
} as const;

/** Writes the log lines of the Temporal SDK in the platform's format. */
export function temporalLogger(log: Logger): TemporalLogger {
  const write = (
    level: (typeof levels)[keyof typeof levels],
    message: string,
    meta: object = {},
  ): void => log[level]({ ...meta, sdk: 'temporal' }, message);
  return {
    log: (level, message, meta) => write(levels[level], message, meta),
    trace: (message, meta) => write('trace', message, meta),
    debug: (message, meta) => write('debug', message, meta),
    // State changes of each worker; `worker ready` already reports the start at level info.
    info: (message, meta) => write('debug', message, meta),
    warn: (message, meta) => write('warn', message, meta),
    error: (message, meta) => write('error', message, meta),
  };
}
