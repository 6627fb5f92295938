import pino from 'pino';
import type { Logger } from 'pino';
import { openLogStream } from '../apps/process/log-stream';

export type { Logger } from 'pino';

/** Logs JSON lines to stderr, because stdout is for the output of commands. */
export function openLog(name: string, level: string): Logger {
  const stderr = openLogStream({ fd: 2 });
  process.once('exit', () => stderr.flushSync());
  return pino(
    {
      level,
      base: { process: name },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: {
        paths: [
          '*.authorization',
          '*.secretAccessKey',
          '*.apiKey',
          '*.password',
          'req.headers.authorization',
        ],
        censor: '[redacted]',
      },
    },
    stderr,
  );
}
