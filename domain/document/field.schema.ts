import { z } from 'zod';
import { byteSizePattern, formatByteSize, parseByteSize, suggestByteSize } from '../byte-size';
import {
  durationPattern,
  formatDuration,
  formatSeconds,
  parseDuration,
  suggestDuration,
  type CalendarDuration,
} from '../duration';
import { formatInstant, parseInstant } from '../instant';
import { schemaIssue } from './schema-issues.schema';

/** Names of lifecycles, gates and trainers. They occur in URLs, file names and `name@version`. */
export function nameField(what: string): z.ZodString {
  return z
    .string()
    .regex(/^[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/)
    .describe(
      `${what}: lower-case letters, digits and hyphens, 63 at most, beginning with a letter`,
    );
}

/** A column name: anything but control characters, because DuckDB and Parquet can quote it. */
export function columnField(what: string): z.ZodString {
  return (
    z
      .string()
      // Two underscores are reserved for the columns that assembly adds.
      .regex(/^(?!__)[^\p{C}]{1,128}$/u)
      .describe(`${what}: the name of a column, not beginning with two underscores`)
  );
}

const aSecond = 1;
const aYear = 366 * 86_400;

/** `30m` → 1800. */
export function secondsField(
  what: string,
  { min = aSecond, max = aYear }: { readonly min?: number; readonly max?: number } = {},
) {
  return z
    .codec(z.string(), z.number(), {
      decode: (text, context) => {
        const duration = parseDuration(text);
        if (duration === null || duration.months > 0)
          return refuse(context, unreadable(text, fixedLength(suggestDuration(text))));
        if (duration.seconds < min || duration.seconds > max)
          return refuse(context, schemaIssue(`cannot be ${text}`));
        return duration.seconds;
      },
      encode: formatSeconds,
    })
    .meta({ description: what, pattern: durationPattern.source.replace('|mo', '') });
}

/** `30d` → 30. */
export function daysField(what: string) {
  return z
    .codec(z.string(), z.number(), {
      decode: (text, context) => {
        const duration = parseDuration(text);
        if (duration === null || duration.months > 0)
          return refuse(context, unreadable(text, fixedLength(suggestDuration(text))));
        const days = duration.seconds / 86_400;
        return Number.isInteger(days) && days >= 1 && days <= 3_660
          ? days
          : refuse(context, schemaIssue(`cannot be ${text}`));
      },
      encode: (days) => `${days}d`,
    })
    .meta({ description: what, pattern: '^\\d{1,7}[hd]$' });
}

/** `6mo` → { months: 6, seconds: 0 }. */
export function calendarField(what: string) {
  return z
    .codec(z.string(), z.custom<CalendarDuration>(), {
      decode: (text, context) => {
        const duration = parseDuration(text);
        if (duration === null) return refuse(context, unreadable(text, suggestDuration(text)));
        if (duration.months > 1_200 || duration.seconds > 36_525 * 86_400)
          return refuse(context, schemaIssue('is longer than 100 years'));
        return duration.months + duration.seconds > 0
          ? duration
          : refuse(context, schemaIssue(`cannot be ${text}`));
      },
      encode: formatDuration,
    })
    .meta({ description: what, pattern: durationPattern.source });
}

/** `2GiB` → 2147483648. */
export function bytesField(what: string, min: number) {
  return z
    .codec(z.string(), z.number(), {
      decode: (text, context) => {
        const bytes = parseByteSize(text);
        if (bytes === null) return refuse(context, unreadable(text, suggestByteSize(text)));
        return bytes >= min ? bytes : refuse(context, schemaIssue(`cannot be ${text}`));
      },
      encode: formatByteSize,
    })
    .meta({ description: what, pattern: byteSizePattern.source });
}

/** `latest`, or RFC 3339 with an offset → the same instant in UTC. */
export const untilField = z
  .codec(z.string(), z.string(), {
    decode: (text, context) => {
      const until = text === 'latest' ? text : utc(text);
      return (
        until ?? refuse(context, schemaIssue(`cannot be ${JSON.stringify(text.slice(0, 60))}`))
      );
    },
    encode: (until) => until,
  })
  .meta({
    description:
      'the end of the window: latest, or a time with its offset such as 2013-07-01T00:00:00Z',
  });

function utc(text: string): string | null {
  const instant = parseInstant(text);
  return instant === null ? null : formatInstant(instant);
}

/** A POSIX path inside the folder of the lifecycle: `./sql/x.sql` → `sql/x.sql`. */
export function pathField(what: string) {
  return z
    .codec(z.string(), z.string(), {
      decode: (text, context) => {
        const parts = text.split('/').filter((part) => part !== '.');
        if (text.startsWith('/') || /^[a-z]:/i.test(text) || parts.includes('..')) {
          return refuse(
            context,
            schemaIssue('must stay inside the folder of the lifecycle', {
              expected: 'a relative path such as sql/assemble.sql',
            }),
          );
        }
        const plain = parts.every((part) => /^[^\\\p{C}]{1,255}$/u.test(part));
        return plain && parts.length > 0 && text.length <= 512
          ? parts.join('/')
          : refuse(context, schemaIssue('is not a file path'));
      },
      encode: (path) => path,
    })
    .meta({ description: what });
}

/** A month has no fixed length, so it is not suggested for a number of seconds or days. */
function fixedLength(suggestion: string | null): string | null {
  return suggestion?.endsWith('mo') === true ? null : suggestion;
}

function unreadable(text: string, suggestion: string | null): z.core.$ZodRawIssue {
  return schemaIssue(
    `cannot be ${JSON.stringify(text.slice(0, 60))}`,
    suggestion === null ? {} : { didYouMean: suggestion },
  );
}

function refuse(context: Pick<z.core.ParsePayload, 'issues'>, issue: z.core.$ZodRawIssue): never {
  context.issues.push(issue);
  return z.NEVER;
}

/** A variable of a prompt. */
export const variableField = z.string().regex(/^[a-z][a-zA-Z0-9_]{0,62}$/);

/** An IANA name. */
export function timezoneField(what: string) {
  return z
    .string()
    .check((context) => {
      if (!isTimezone(context.value))
        context.issues.push(schemaIssue(`cannot be ${JSON.stringify(context.value.slice(0, 60))}`));
    })
    .describe(`${what}, such as America/New_York`);
}

function isTimezone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
