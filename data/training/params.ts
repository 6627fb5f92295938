import { z } from 'zod';
import { failure, type Issue } from '../../domain/failure';
import { nearest } from '../../domain/document/nearest';

/**
 * Errors in a trainer's parameters, with JSON pointers relative to them. The trainer checks the
 * same schema before it starts.
 */
export function paramIssues(
  schema: Readonly<Record<string, unknown>>,
  params: Readonly<Record<string, unknown>>,
): readonly Issue[] {
  return valueIssues(schema, params, 'parameter');
}

/** The same for any value; `member` is what a member of it is called. */
export function valueIssues(
  schema: Readonly<Record<string, unknown>>,
  value: unknown,
  member: string,
): readonly Issue[] {
  const checked = z.fromJSONSchema(schema).safeParse(value);
  return checked.success
    ? []
    : checked.error.issues.flatMap((issue) => toIssues(issue, { schema, member }));
}

/** The value with the defaults of a schema that it matches. */
export function withDefaults(schema: Readonly<Record<string, unknown>>, value: unknown): unknown {
  return z.fromJSONSchema(schema).parse(value);
}

/** Throws when the schema uses keywords that are not supported. */
export function assertUsableSchema(schema: Readonly<Record<string, unknown>>): void {
  z.fromJSONSchema(schema);
}

function toIssues(
  issue: z.core.$ZodIssue,
  {
    schema,
    member,
  }: { readonly schema: Readonly<Record<string, unknown>>; readonly member: string },
): Issue[] {
  if (issue.code !== 'unrecognized_keys')
    return [{ pointer: pointer(issue.path), detail: issue.message }];
  const known = issue.path.length === 0 ? Object.keys(schema['properties'] ?? {}) : [];
  return issue.keys.map((key) => {
    const meant = nearest(key, known);
    return {
      pointer: pointer([...issue.path, key]),
      detail: `no such ${member}`,
      ...(known.length === 0 ? {} : { expected: `one of ${known.join(', ')}` }),
      ...(meant === null ? {} : { didYouMean: meant }),
    };
  });
}

function pointer(path: readonly PropertyKey[]): string {
  return path
    .map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`)
    .join('');
}

/** The parameters with the defaults of the schema. @throws InvalidInput with every error. */
export function completeParams(
  schema: Readonly<Record<string, unknown>>,
  params: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const issues = paramIssues(schema, params);
  if (issues.length > 0)
    throw failure('InvalidInput', 'the parameters of the run do not match their schema', {
      issues,
    });
  return withDefaults(schema, params) as Readonly<Record<string, unknown>>;
}
