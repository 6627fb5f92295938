import type { z } from 'zod';
import { objectDocument } from '../../document/document';
import type { Issue } from '../../failure';
import { parseWithSchema } from '../../document/schema-issues.schema';
import { withSchemaAllowance } from '../../document/schema-allowance';

export interface Lines<T> {
  readonly lines: readonly { readonly line: number; readonly value: T }[];
  /** Errors with their line numbers; no line is skipped silently. */
  readonly issues: readonly Issue[];
}

/** Largest number of errors that are reported for a file. */
export const maxIssues = 100;

/** NDJSON with one value of `schema` per line; empty lines are ignored. */
export function readLines<Schema extends z.ZodType>(
  ndjson: string,
  fileName: string,
  schema: Schema,
): Lines<z.output<Schema>> {
  return withSchemaAllowance(() => linesBy(schema, ndjson, fileName));
}

function linesBy<Schema extends z.ZodType>(
  schema: Schema,
  ndjson: string,
  fileName: string,
): Lines<z.output<Schema>> {
  const issues: Issue[] = [];
  const lines: { line: number; value: z.output<Schema> }[] = [];
  ndjson.split('\n').forEach((text, index) => {
    const line = index + 1;
    if (text.trim() === '') return;
    const read = readLine(text, fileName, schema);
    if (read.ok) lines.push({ line, value: read.value });
    else issues.push(...read.issues.map((issue) => ({ ...issue, line })));
  });
  return { lines, issues: issues.slice(0, maxIssues) };
}

function readLine<Schema extends z.ZodType>(text: string, fileName: string, schema: Schema) {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return {
      ok: false as const,
      issues: [{ pointer: '', detail: 'the line is not JSON', file: fileName }],
    };
  }
  const document = objectDocument(value, fileName);
  return document.issues.length > 0
    ? { ok: false as const, issues: document.issues }
    : parseWithSchema(schema, document);
}
