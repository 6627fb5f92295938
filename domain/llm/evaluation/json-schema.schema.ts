import Ajv2020, { type ValidateFunction } from 'ajv/dist/2020';

type JsonSchema = Readonly<Record<string, unknown>>;

/**
 * By draft 2020-12; formats are not checked. The same where a schema is written and where answers are checked by it, so that what is accepted can be used. Each alone: two schemas may
 * have one `$id`, and a process that checks many keeps none. @throws Error that says what is no schema.
 */
export function compileJsonSchema(schema: JsonSchema): ValidateFunction {
  ajv ??= new Ajv2020({ allErrors: true, strict: false, validateFormats: false });
  try {
    return ajv.compile(schema);
  } finally {
    ajv.removeSchema(schema);
  }
}

/** Made when the first schema is checked: it compiles the schema of schemas, and most commands need none. */
let ajv: Ajv2020 | undefined;

/** Null for what can be used. Cases share their schemas as a rule, and a case set is read several times: thousands of equal ones are compiled once. */
export function jsonSchemaProblem(schema: JsonSchema): string | null {
  const text = JSON.stringify(schema);
  const before = checked.get(text);
  if (before !== undefined) return before;
  if (checked.size >= mostChecked) checked.clear();
  const found = problemOf(schema);
  checked.set(text, found);
  return found;
}

const mostChecked = 256;
const checked = new Map<string, string | null>();

function problemOf(schema: JsonSchema): string | null {
  try {
    compileJsonSchema(schema);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
