import Ajv, { type Options, type ValidateFunction } from 'ajv';
import Ajv2020 from 'ajv/dist/2020';
import { mostInDocument, schemaAllowance } from './schema-allowance';

type JsonSchema = Readonly<Record<string, unknown>>;

/**
 * By draft 2020-12, or by draft-07 where `$schema` says so; formats are not checked. The same where a schema is written and where answers are checked by it, so that what is accepted
 * can be used. Each alone: two schemas may have one `$id`, or that of a draft itself. @throws Error that says what is no schema.
 */
export function compileJsonSchema(schema: JsonSchema): ValidateFunction {
  // Without a name, and unknown to the compiler, `$ref: '#'` would not find it.
  const validate = compilerFor(schema).compile({ $id: 'this-schema', ...schema });
  // It would answer with a promise, which is taken for yes, and whose no nobody catches.
  if ('$async' in validate) throw new Error('$async is of no draft of JSON Schema');
  return validate;
}

const drafts: Readonly<Record<string, new (options: Options) => Ajv>> = {
  'https://json-schema.org/draft/2020-12/schema': Ajv2020,
  'http://json-schema.org/draft-07/schema': Ajv,
};

/** Nothing that a schema names is known to the next one. */
const options: Options = { allErrors: true, strict: false, validateFormats: false, addUsedSchema: false };

/** Ajv keeps a part of whatever it has compiled, for good. */
const mostCompiled = 200;
const compilers = new Map<string, { readonly ajv: Ajv; left: number }>();

/** Made when the first schema of a draft is checked: it compiles the schema of schemas, and most commands need none. */
function compilerFor({ $schema = 'https://json-schema.org/draft/2020-12/schema' }: JsonSchema): Ajv {
  const named = typeof $schema === 'string' ? $schema.replace(/#$/, '') : '';
  const Compiler = Object.hasOwn(drafts, named) ? drafts[named] : undefined;
  if (!Compiler) throw new Error(`$schema is ${JSON.stringify($schema)}; what is known is ${Object.keys(drafts).join(' and ')}`);
  const known = compilers.get(named);
  const compiler = known && known.left > 0 ? known : { ajv: new Compiler(options), left: mostCompiled };
  compilers.set(named, compiler);
  compiler.left -= 1;
  return compiler.ajv;
}

/**
 * Null for what can be used. Cases share their schemas as a rule: thousands of equal ones are compiled once. Compiling takes milliseconds for each kilobyte, in the event loop of whoever
 * reads, so there is an end to it, for each and for all of a document.
 */
export function jsonSchemaProblem(schema: JsonSchema): string | null {
  const text = textOf(schema);
  if (text === null) return 'it goes too deep';
  if (text.length > mostCharacters) return `it has ${text.length} characters, and ${mostCharacters} is the most`;
  const before = [checked, schemaAllowance()?.seen].find((each) => each?.has(text))?.get(text);
  if (before !== undefined) return before;
  const spent = spentProblem(text);
  if (spent !== null) return spent;
  if (checked.size >= mostChecked) checked.clear();
  const found = problemOf(schema);
  checked.set(text, found);
  schemaAllowance()?.seen.set(text, found);
  return found;
}

const mostCharacters = 100_000;
const mostChecked = 256;
const checked = new Map<string, string | null>();

function spentProblem({ length }: string): string | null {
  const allowance = schemaAllowance();
  if (allowance === null) return null;
  if (length > allowance.left)
    return `with it the document has more than ${mostInDocument} characters of different JSON Schemas; use one for several, or write several documents`;
  allowance.left -= length;
  return null;
}

/** Null for one that is too deep to be written, let alone compiled. */
function textOf(schema: JsonSchema): string | null {
  try {
    return JSON.stringify(schema);
  } catch {
    return null;
  }
}

function problemOf(schema: JsonSchema): string | null {
  try {
    compileJsonSchema(schema);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
