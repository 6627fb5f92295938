import { z } from 'zod';
import type { Digest } from '../../../domain/artifact';
import { failure, type Issue } from '../../../domain/failure';
import type { SearchMode } from '../../../domain/index/version';

const whole = (max: number, what: string) =>
  z
    .int({ error: `must be a whole number of ${what}` })
    .min(1)
    .max(max);

export const indexQuerySchema = z.strictObject({
  text: z.string({ error: 'must be a text' }).min(1).max(32_768).optional(),
  vector: z
    .array(z.number({ error: 'must be numbers' }), { error: 'must be a list of numbers' })
    .min(1)
    .max(8192)
    .optional(),
  embedder: z
    .string()
    .regex(
      /^sha256:[0-9a-f]{64}$/,
      'must be the digest of the embedder that made the vector, as in every response of the index',
    )
    .optional(),
  k: whole(1000, 'hits').default(5),
  mode: z
    .enum(['vector', 'text', 'hybrid'], { error: 'must be vector, text or hybrid' })
    .default('vector'),
  version: z
    .union([z.int().min(1), z.enum(['champion', 'previous'])], {
      error: 'must be a number, champion or previous',
    })
    .default('champion'),
  probes: whole(4096, 'partitions').optional(),
  refine: whole(1000, 'multiples of k').optional(),
});

/** The body of `POST /v1/indexes/{index}/query`. */
export interface IndexQueryBody {
  readonly text?: string;
  readonly vector?: { readonly values: Float32Array; readonly embedder: Digest };
  readonly k: number;
  readonly mode: SearchMode;
  readonly version: number | 'champion' | 'previous';
  readonly probes?: number;
  readonly refine?: number;
}

/** Parse the body. Throws InvalidInput with every error and its path. */
export function parseIndexQuery(body: unknown): IndexQueryBody {
  const read = indexQuerySchema.safeParse(body);
  if (!read.success) throw invalid(read.error.issues.flatMap(toIssues));
  const { vector, embedder, text, probes, refine, ...rest } = read.data;
  if (vector !== undefined && embedder === undefined) {
    const detail =
      '`embedder` is missing; a vector needs the digest of its embedder, which every response of the index contains';
    throw invalid([{ pointer: '/embedder', detail }]);
  }
  if (vector !== undefined && text !== undefined && rest.mode === 'vector') {
    throw invalid([
      {
        pointer: '/text',
        detail: 'send `text` or `vector`; both are allowed only if `mode` is hybrid',
      },
    ]);
  }
  return {
    ...rest,
    ...(text === undefined ? {} : { text }),
    ...(vector === undefined
      ? {}
      : { vector: { values: Float32Array.from(vector), embedder: embedder as Digest } }),
    ...(probes === undefined ? {} : { probes }),
    ...(refine === undefined ? {} : { refine }),
  };
}

function toIssues(issue: z.core.$ZodIssue): readonly Issue[] {
  const pointer = issue.path.map((key) => `/${String(key)}`).join('');
  if (issue.code === 'unrecognized_keys') {
    const known = Object.keys(indexQuerySchema.shape).join(', ');
    return issue.keys
      .map((key) => key.slice(0, 60))
      .map((key) => ({
        pointer: `${pointer}/${key}`,
        detail: `\`${key}\` is not one of ${known}`,
      }));
  }
  return [
    {
      pointer,
      detail: `${pointer === '' ? 'the body' : `\`${pointer.slice(1).replaceAll('/', '.')}\``}: ${issue.message}`,
    },
  ];
}

function invalid(issues: readonly Issue[]): Error {
  return failure('InvalidInput', issues[0]?.detail ?? 'the body is not a valid query', {
    issues: issues.slice(0, 20),
  });
}
