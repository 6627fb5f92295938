/** Largest total size of the different JSON Schemas in one document, in characters. */
export const maxSchemaCharacters = 250_000;
/**
 * Largest number of their maps, lists and references (a reference counts as 10). Compiling this
 * many takes about a second.
 */
export const maxSchemaWork = 10_000;

export interface SchemaAllowance {
  left: number;
  workLeft: number;
  /** Schema text → its error, or null. Equal schemas are compiled once. */
  readonly seen: Map<string, string | null>;
}

let current: SchemaAllowance | null = null;

/** Runs `read`, which must be synchronous, with one allowance; nested documents share it. */
export function withSchemaAllowance<T>(read: () => T): T {
  if (current) return read();
  current = { left: maxSchemaCharacters, workLeft: maxSchemaWork, seen: new Map() };
  try {
    return read();
  } finally {
    current = null;
  }
}

/** The allowance of the current document; null for a schema outside a document. */
export function currentSchemaAllowance(): SchemaAllowance | null {
  return current;
}
