import type { Logger as TemporalLogger } from '@temporalio/worker';
import type { Logger } from '../log';

const levels = {
  TRACE: 'trace',
  DEBUG: 'debug',
  INFO: 'info',
  WARN: 'warn',
  ERROR: 'error',
} as const;

/** The SDK's own words in the same form as ours. */
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
    // Start and state changes of each worker: ours says once that all are ready.
    info: (message, meta) => write('debug', message, meta),
    warn: (message, meta) => write('warn', message, meta),
    error: (message, meta) => write('error', message, meta),
  };
}
