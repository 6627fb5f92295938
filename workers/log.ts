import pino from 'pino';
import type { Logger } from 'pino';

export type { Logger } from 'pino';

/** JSON, one object a line, to stderr: stdout belongs to what a command answers. */
export function openLog(process: string, level: string): Logger {
  return pino(
    {
      level,
      base: { process },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: {
        paths: ['*.authorization', '*.secretAccessKey', '*.apiKey', '*.password', 'req.headers.authorization'],
        censor: '[redacted]',
      },
    },
    pino.destination({ dest: 2, sync: false }),
  );
}
