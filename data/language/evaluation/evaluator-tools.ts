import type { ValidateFunction } from 'ajv/dist/2020';
import { failure } from '../../../domain/failure';
import { compileJsonSchema } from '../../../domain/language/cases/json-schema.schema';
import type { EvaluatorTools } from '../../../domain/language/judge/judged-case';
import { patternMs, withinTime } from '../../time-limit';

/** The tools live as long as their process, and each evaluation has schemas of its own. */
const mostSchemas = 256;

/**
 * What evaluators need and rules alone cannot have: JSON Schema by Ajv and patterns, both in
 * bounded time, an embedder where one is given.
 */
export function createEvaluatorTools(embed: EvaluatorTools['embed']): EvaluatorTools {
  return { embed, matches, schemaErrors: schemaChecker() };
}

const matches: EvaluatorTools['matches'] = (pattern, text) => {
  try {
    const tried = withinTime(patternMs, () => new RegExp(pattern, 'u').test(text));
    return tried.kind === 'done'
      ? tried.value
      : { untold: `the pattern ${pattern} could not be tried in time` };
  } catch (error) {
    return { untold: `the pattern ${pattern} could not be tried: ${reasonOf(error)}` };
  }
};

function schemaChecker(): EvaluatorTools['schemaErrors'] {
  const compiled = new Map<string, ValidateFunction>();
  return (schema, value) => {
    const text = JSON.stringify(schema);
    let validate = compiled.get(text);
    if (!validate) {
      validate = compile(schema);
      if (compiled.size >= mostSchemas) compiled.clear();
      compiled.set(text, validate);
    }
    const check = validate;
    try {
      const checked = withinTime(patternMs, () => check(value));
      if (checked.kind === 'late')
        return { untold: 'the answer could not be checked by its JSON Schema in time' };
      if (checked.value) return [];
    } catch (error) {
      // A schema that refers to itself without going deeper, for one.
      return { untold: `the answer could not be checked by its JSON Schema: ${reasonOf(error)}` };
    }
    return (check.errors ?? [])
      .slice(0, 5)
      .map(({ instancePath, message }) => `${instancePath || '/'} ${message ?? 'is wrong'}`);
  };
}

function compile(schema: Readonly<Record<string, unknown>>): ValidateFunction {
  try {
    return compileJsonSchema(schema);
  } catch (error) {
    throw failure('InvalidInput', `not a JSON Schema: ${reasonOf(error)}`, { cause: error });
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
