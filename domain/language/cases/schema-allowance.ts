/** What one document may bring of different JSON Schemas, in characters. */
export const mostInDocument = 250_000;
/**
 * The same in maps, lists and references (these count as 10), for which compiling takes its time:
 * this much takes about a second.
 */
export const mostWorkInDocument = 10_000;

export interface SchemaAllowance {
  left: number;
  workLeft: number;
  /**
   * What is wrong with each schema that the document has brought so far: equal ones are compiled
   * once.
   */
  readonly seen: Map<string, string | null>;
}

let current: SchemaAllowance | null = null;

/** Reads one document, which does not wait for anything; a document within it is a part of it. */
export function asOneDocument<T>(read: () => T): T {
  if (current) return read();
  current = { left: mostInDocument, workLeft: mostWorkInDocument, seen: new Map() };
  try {
    return read();
  } finally {
    current = null;
  }
}

/** Of the document that is being read; null where a schema comes alone. */
export function schemaAllowance(): SchemaAllowance | null {
  return current;
}
