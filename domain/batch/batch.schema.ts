import { z } from 'zod';
import { schemaIssue } from '../document/schema-issues.schema';
import {
  batchDefaults,
  batchKind,
  batchLimits,
  rowErrorPolicies,
  type BatchRequest,
} from './batch';

const columnField = z.string().min(1).max(200);

/** The fields of a batch prediction in the body of `POST /lifecycles/{name}/runs`. */
export const batchFields = {
  kind: z
    .literal(batchKind)
    .optional()
    .describe(`${batchKind} scores a dataset version instead of making a model version`),
  input: z
    .string()
    .regex(
      /^dataset:\/\/[a-z][a-z0-9-]{0,62}\.[a-z][a-z0-9_-]{0,62}@(latest|approved|[1-9]\d{0,8})$/,
    )
    .optional()
    .describe('rows to score: dataset://name@latest, @approved or the number of a version'),
  as: z
    .string()
    .regex(/^(champion|challenger|previous|candidate|[1-9]\d{0,8})$/)
    .optional()
    .describe(
      `champion, challenger, previous, candidate or the number of a version; default ${batchDefaults.as}`,
    ),
  output: z
    .string()
    .regex(/^[a-z][a-z0-9_-]{0,62}$/)
    .optional()
    .describe(`name of the dataset after the lifecycle's; default ${batchDefaults.output}`),
  keys: z
    .array(columnField)
    .max(batchLimits.keys)
    .optional()
    .describe('columns of the input that the output repeats; default the entity and the time'),
  chunkRows: z
    .int()
    .min(1)
    .max(batchLimits.chunkRows)
    .optional()
    .describe(`largest number of rows of a chunk; default ${batchDefaults.chunkRows}`),
  parallel: z
    .int()
    .min(1)
    .max(batchLimits.parallel)
    .optional()
    .describe(`largest number of chunks at once; default ${batchDefaults.parallel}`),
  onRowError: z
    .enum(rowErrorPolicies)
    .optional()
    .describe(
      'fail: end the run at the first rejected row; quarantine: keep such rows apart; ' +
        `default ${batchDefaults.onRowError}`,
    ),
  maxErrorShare: z
    .number()
    .min(0)
    .max(1)
    .optional()
    .describe(`largest share of rejected rows, 0 to 1; default ${batchDefaults.maxErrorShare}`),
};

type BatchBody = { -readonly [Key in keyof BatchRequest]?: BatchRequest[Key] | undefined } & {
  readonly kind?: typeof batchKind | undefined;
};

const batchNames = Object.keys(batchFields).filter((name) => name !== 'kind');
/** Options of a run that makes a model version. */
const otherNames = ['params', 'until', 'fromStage', 'reuseRun', 'force', 'cache'] as const;

export function batchIssues(body: BatchBody & Readonly<Record<string, unknown>>) {
  const issues: z.core.$ZodRawIssue[] = [];
  const refuse = (name: string, detail: string): void => {
    issues.push({ ...schemaIssue(detail, { expected: null }), path: [name] });
  };
  if (body.kind === undefined) {
    for (const name of batchNames)
      if (body[name] !== undefined)
        refuse(name, `belongs to a batch prediction; add kind: ${batchKind}`);
    return issues;
  }
  if (body.input === undefined)
    issues.push({
      ...schemaIssue(`is missing: ${batchKind} needs the dataset version to score`),
      path: ['input'],
    });
  for (const name of otherNames)
    if (body[name] !== undefined) refuse(name, `has no effect on kind ${batchKind}`);
  if (body.onRowError === 'fail' && body.maxErrorShare !== undefined)
    refuse('maxErrorShare', 'has no effect with onRowError: fail');
  return issues;
}

/** The checked body as a request, with the defaults of a batch prediction. */
export function withBatch(body: BatchBody): object & { readonly batch?: BatchRequest } {
  const { kind, input, as, output, keys, chunkRows, parallel, onRowError, maxErrorShare, ...rest } =
    body;
  if (kind === undefined || input === undefined) return rest;
  return {
    ...rest,
    batch: {
      input,
      as: as ?? batchDefaults.as,
      output: output ?? batchDefaults.output,
      ...(keys && { keys }),
      chunkRows: chunkRows ?? batchDefaults.chunkRows,
      parallel: parallel ?? batchDefaults.parallel,
      onRowError: onRowError ?? batchDefaults.onRowError,
      maxErrorShare: maxErrorShare ?? batchDefaults.maxErrorShare,
    },
  };
}
