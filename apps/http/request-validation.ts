import type { FastifySchemaCompiler } from 'fastify';
import type { z } from 'zod';
import type { SourceDocument } from '../../domain/document/document';
import { objectDocument } from '../../domain/document/document';
import type { DocumentPath } from '../../domain/document/path';
import { isMap, formatPath } from '../../domain/document/path';
import type { Issue } from '../../domain/failure';
import { failure } from '../../domain/failure';
import { formatIssue } from '../../domain/document/issue-text';
import { parseWithSchema } from '../../domain/document/schema-issues.schema';

const places: Readonly<Record<string, string>> = {
  body: 'body',
  querystring: 'query',
  params: 'path',
  headers: 'headers',
};

/**
 * Checks each part of a request by its zod schema. Errors have the format of lifecycle errors: the
 * whole path, the expected value and the nearest valid key. Depth and number of values are bounded
 * first. A missing body counts as `{}`.
 */
export const validateRequest: FastifySchemaCompiler<z.ZodType> = ({
  schema,
  httpPart = 'body',
}) => {
  const place = places[httpPart] ?? httpPart;
  return (given: unknown) => {
    const document = objectDocument(given ?? {}, place);
    const found = document.issues.length > 0 ? document.issues : unstorable(document);
    const read =
      found.length > 0 ? { ok: false as const, issues: found } : parseWithSchema(schema, document);
    if (read.ok) return { value: read.value };
    // A request is not a file, so the place is given once, with a pointer for each error.
    const issues = read.issues.slice(0, maxIssues).map(withoutFile);
    const more =
      read.issues.length > maxIssues ? [`and ${read.issues.length - maxIssues} more`] : [];
    return {
      error: failure(
        'InvalidInput',
        `${place}: ${[...issues.map(formatIssue), ...more].join('; ')}`,
        { issues },
      ),
    };
  };
};

/** The most errors that a response lists. */
const maxIssues = 100;

function withoutFile(issue: Issue): Issue {
  return Object.fromEntries(
    Object.entries(issue).filter(([key]) => key !== 'file'),
  ) as unknown as Issue;
}

/** JSON can escape characters that neither UTF-8 nor PostgreSQL can hold. */
function unstorable({ value, issueAt }: SourceDocument): readonly Issue[] {
  const check = (text: string, path: DocumentPath): readonly Issue[] =>
    /\0|\p{Surrogate}/u.test(text)
      ? [issueAt(path, `${formatPath(path)} contains a NUL character or a lone surrogate`)]
      : [];
  const visit = (part: unknown, path: DocumentPath): readonly Issue[] => {
    if (typeof part === 'string') return check(part, path);
    if (Array.isArray(part)) return part.flatMap((item, index) => visit(item, [...path, index]));
    return isMap(part)
      ? Object.entries(part).flatMap(([key, member]) => [
          ...check(key, path),
          ...visit(member, [...path, key]),
        ])
      : [];
  };
  return visit(value, []);
}
