import Ajv, { type Options, type ValidateFunction } from 'ajv';
import Ajv2020 from 'ajv/dist/2020';
import { mostInDocument, mostWorkInDocument, schemaAllowance } from './schema-allowance';

type JsonSchema = Readonly<Record<string, unknown>>;

/**
 * By draft 2020-12, or by draft-07 where `$schema` says so; formats are not checked. The same where
 * a schema is written and where answers are checked by it, so that what is accepted can be used.
 * Each alone: two schemas may have one `$id`, or that of a draft itself. @throws Error that says
 * what is no schema.
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

/**
 * Nothing that a schema names is known to the next one. Without `inlineRefs` a definition is
 * compiled once, not where each `$ref` stands: 19 KB took two minutes and 1.5 GB.
 */
const options: Options = {
  allErrors: true,
  strict: false,
  validateFormats: false,
  addUsedSchema: false,
  inlineRefs: false,
};

/** Ajv keeps a part of whatever it has compiled, for good. */
const mostCompiled = 200;
const compilers = new Map<string, { readonly ajv: Ajv; left: number }>();

/**
 * Made when the first schema of a draft is checked: it compiles the schema of schemas, and most
 * commands need none.
 */
function compilerFor({
  $schema = 'https://json-schema.org/draft/2020-12/schema',
}: JsonSchema): Ajv {
  const named = typeof $schema === 'string' ? $schema.replace(/#$/, '') : '';
  const Compiler = Object.hasOwn(drafts, named) ? drafts[named] : undefined;
  if (!Compiler)
    throw new Error(
      `$schema is ${JSON.stringify($schema)}; what is known is ${Object.keys(drafts).join(' and ')}`,
    );
  const known = compilers.get(named);
  const compiler =
    known && known.left > 0 ? known : { ajv: new Compiler(options), left: mostCompiled };
  compilers.set(named, compiler);
  compiler.left -= 1;
  return compiler.ajv;
}

/**
 * Null for what can be used. Cases share their schemas as a rule: thousands of equal ones are
 * compiled once. Compiling takes milliseconds for each kilobyte, in the event loop of whoever
 * reads, so there is an end to it, for each and for all of a document.
 */
export function jsonSchemaProblem(schema: JsonSchema): string | null {
  const { problem, work } = weigh(schema);
  if (problem !== null) return problem;
  const text = textOf(schema);
  if (text === null) return 'it goes too deep';
  if (text.length > mostCharacters)
    return `it has ${text.length} characters, and ${mostCharacters} is the most`;
  const before = [checked, schemaAllowance()?.seen].find((each) => each?.has(text))?.get(text);
  if (before !== undefined) return before;
  const spent = spentProblem(text, work);
  if (spent !== null) return spent;
  if (checked.size >= mostChecked) checked.clear();
  const found = problemOf(schema);
  checked.set(text, found);
  schemaAllowance()?.seen.set(text, found);
  return found;
}

interface Weight {
  readonly problem: string | null;
  readonly work: number;
}

/**
 * What compiling takes time for: each map or list some 0.1 ms, each different `$ref` ten times as
 * much, since it becomes a function of its own, and the square of the depth. Not recursive: a body
 * may nest deeper than the stack.
 */
function weigh(schema: JsonSchema): Weight {
  const refs = new Set<unknown>();
  let parts = 0;
  let level: readonly unknown[] = [schema];
  for (let depth = 1; level.length > 0; depth += 1) {
    if (depth > mostDepth)
      return { problem: `it is nested deeper than ${mostDepth} levels`, work: 0 };
    const below: unknown[] = [];
    for (const part of level) {
      if (typeof part !== 'object' || part === null) continue;
      parts += 1;
      for (const key of ['$ref', '$dynamicRef'])
        if (Object.hasOwn(part, key)) refs.add((part as JsonSchema)[key]);
      for (const member of Object.values(part)) below.push(member);
    }
    const work = parts + 10 * refs.size;
    if (work > mostWork) {
      return {
        problem: `it has ${parts} maps and lists and ${refs.size} different references or more; ${mostWork} is the most, where a reference counts as 10`,
        work,
      };
    }
    level = below;
  }
  return { problem: null, work: parts + 10 * refs.size };
}

const mostDepth = 64;
const mostWork = 4_000;
const mostCharacters = 100_000;
const mostChecked = 256;
const checked = new Map<string, string | null>();

function spentProblem({ length }: string, work: number): string | null {
  const allowance = schemaAllowance();
  if (allowance === null) return null;
  const instead = 'use one for several, or write several documents';
  if (length > allowance.left)
    return `with it the document has more than ${mostInDocument} characters of different JSON Schemas; ${instead}`;
  if (work > allowance.workLeft) {
    return `with it the different JSON Schemas of the document have more than ${mostWorkInDocument} maps, lists and references; ${instead}`;
  }
  allowance.left -= length;
  allowance.workLeft -= work;
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
