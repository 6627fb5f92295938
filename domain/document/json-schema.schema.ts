import Ajv, { type Options, type ValidateFunction } from 'ajv';
import Ajv2020 from 'ajv/dist/2020';
import { maxSchemaCharacters, maxSchemaWork, currentSchemaAllowance } from './schema-allowance';

type JsonSchema = Readonly<Record<string, unknown>>;

/**
 * Compiles a schema of draft 2020-12, or of draft-07 if `$schema` says so; formats are not checked.
 * Documents and answers are checked by the same function, so that every accepted schema works.
 * Schemas are independent: two may have the same `$id`.
 * @throws Error with the reason for an invalid schema
 */
export function compileJsonSchema(schema: JsonSchema): ValidateFunction {
  // Without an `$id`, `$ref: '#'` would not be resolved.
  const validate = compilerFor(schema).compile({ $id: 'this-schema', ...schema });
  // An async validator returns a promise, which would count as valid.
  if ('$async' in validate) throw new Error('$async is not part of JSON Schema');
  return validate;
}

const drafts: Readonly<Record<string, new (options: Options) => Ajv>> = {
  'https://json-schema.org/draft/2020-12/schema': Ajv2020,
  'http://json-schema.org/draft-07/schema': Ajv,
};

/**
 * `addUsedSchema: false` keeps schemas independent. `inlineRefs: false` compiles a definition once,
 * not at each `$ref`; with inlining, a schema of 19 KB took two minutes and 1.5 GB.
 */
const options: Options = {
  allErrors: true,
  strict: false,
  validateFormats: false,
  addUsedSchema: false,
  inlineRefs: false,
};

/** A compiler is replaced after this many schemas, because Ajv keeps a part of each forever. */
const maxCompiled = 200;
const compilers = new Map<string, { readonly ajv: Ajv; left: number }>();

/** Created on first use, because it compiles the meta-schema and most commands need none. */
function compilerFor({
  $schema = 'https://json-schema.org/draft/2020-12/schema',
}: JsonSchema): Ajv {
  const named = typeof $schema === 'string' ? $schema.replace(/#$/, '') : '';
  const Compiler = Object.hasOwn(drafts, named) ? drafts[named] : undefined;
  if (!Compiler)
    throw new Error(
      `$schema is ${JSON.stringify($schema)}; supported are ${Object.keys(drafts).join(' and ')}`,
    );
  const known = compilers.get(named);
  const compiler =
    known && known.left > 0 ? known : { ajv: new Compiler(options), left: maxCompiled };
  compilers.set(named, compiler);
  compiler.left -= 1;
  return compiler.ajv;
}

/**
 * Why a schema cannot be used; null if it can. Equal schemas are compiled once. Compiling takes
 * milliseconds per kilobyte in the event loop, so the size is limited per schema and per document.
 */
export function jsonSchemaProblem(schema: JsonSchema): string | null {
  const { problem, work } = weigh(schema);
  if (problem !== null) return problem;
  const text = serializeSchema(schema);
  if (text === null) return 'it is nested too deeply';
  if (text.length > maxCharacters)
    return `it has ${text.length} characters, at most ${maxCharacters} are allowed`;
  const before = [checked, currentSchemaAllowance()?.seen]
    .find((each) => each?.has(text))
    ?.get(text);
  if (before !== undefined) return before;
  const spent = spentProblem(text, work);
  if (spent !== null) return spent;
  if (checked.size >= maxChecked) checked.clear();
  const found = findSchemaProblem(schema);
  checked.set(text, found);
  currentSchemaAllowance()?.seen.set(text, found);
  return found;
}

interface Weight {
  readonly problem: string | null;
  readonly work: number;
}

/**
 * Estimates the work of compiling: about 0.1 ms per map or list, and ten times as much per
 * different `$ref`, which becomes a function. Not recursive, because a schema may be nested deeper
 * than the stack allows.
 */
function weigh(schema: JsonSchema): Weight {
  const refs = new Set<unknown>();
  let parts = 0;
  let level: readonly unknown[] = [schema];
  for (let depth = 1; level.length > 0; depth += 1) {
    if (depth > maxDepth)
      return { problem: `it is nested deeper than ${maxDepth} levels`, work: 0 };
    const below: unknown[] = [];
    for (const part of level) {
      if (typeof part !== 'object' || part === null) continue;
      parts += 1;
      for (const key of ['$ref', '$dynamicRef'])
        if (Object.hasOwn(part, key)) refs.add((part as JsonSchema)[key]);
      for (const member of Object.values(part)) below.push(member);
    }
    const work = parts + 10 * refs.size;
    if (work > maxWork) {
      return {
        problem:
          `it has at least ${parts} maps and lists and ${refs.size} different references; ` +
          `at most ${maxWork} are allowed, and a reference counts as 10`,
        work,
      };
    }
    level = below;
  }
  return { problem: null, work: parts + 10 * refs.size };
}

const maxDepth = 64;
const maxWork = 4_000;
const maxCharacters = 100_000;
const maxChecked = 256;
const checked = new Map<string, string | null>();

function spentProblem({ length }: string, work: number): string | null {
  const allowance = currentSchemaAllowance();
  if (allowance === null) return null;
  const instead = 'reuse schemas, or split the document';
  if (length > allowance.left)
    return (
      `with it the document has more than ${maxSchemaCharacters} characters of different JSON Schemas; ` +
      instead
    );
  if (work > allowance.workLeft)
    return (
      'with it the different JSON Schemas of the document have more than ' +
      `${maxSchemaWork} maps, lists and references; ${instead}`
    );
  allowance.left -= length;
  allowance.workLeft -= work;
  return null;
}

/** Null for a schema that is nested too deeply to be serialized. */
function serializeSchema(schema: JsonSchema): string | null {
  try {
    return JSON.stringify(schema);
  } catch {
    return null;
  }
}

function findSchemaProblem(schema: JsonSchema): string | null {
  try {
    compileJsonSchema(schema);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
