import pino from 'pino';
import type { Logger } from 'pino';
import { openLogStream } from '../apps/process/log-stream';

export type { Logger } from 'pino';

/** JSON, one object a line, to stderr: stdout belongs to what a command answers. */
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
