import type { ValidateFunction } from 'ajv/dist/2020';
import { failure } from '../../../domain/failure';
import { compileJsonSchema } from '../../../domain/document/json-schema.schema';
import type { EvaluatorTools } from '../../../domain/language/judge/evaluator-input';
import { patternTimeLimitMs, runWithTimeLimit } from '../../time-limit';

/** The cache lives as long as the process, so the number of compiled schemas is limited. */
const maxSchemas = 256;

/** JSON Schema validation and patterns, both in bounded time, and an embedder if one is given. */
export function createEvaluatorTools(embed: EvaluatorTools['embed']): EvaluatorTools {
  return { embed, matches, schemaErrors: schemaChecker() };
}

const matches: EvaluatorTools['matches'] = (pattern, text) => {
  try {
    const tried = runWithTimeLimit(patternTimeLimitMs, () => new RegExp(pattern, 'u').test(text));
    return tried.kind === 'done'
      ? tried.value
      : { untold: `the pattern ${pattern} could not be evaluated in time` };
  } catch (error) {
    return { untold: `the pattern ${pattern} could not be evaluated: ${describeError(error)}` };
  }
};

function schemaChecker(): EvaluatorTools['schemaErrors'] {
  const compiled = new Map<string, ValidateFunction>();
  return (schema, value) => {
    const text = JSON.stringify(schema);
    let validate = compiled.get(text);
    if (!validate) {
      validate = compile(schema);
      if (compiled.size >= maxSchemas) compiled.clear();
      compiled.set(text, validate);
    }
    const check = validate;
    try {
      const checked = runWithTimeLimit(patternTimeLimitMs, () => check(value));
      if (checked.kind === 'late')
        return { untold: 'the answer could not be validated by the JSON Schema in time' };
      if (checked.value) return [];
    } catch (error) {
      // For example, a schema with an endless self-reference.
      return {
        untold: `the answer could not be validated by the JSON Schema: ${describeError(error)}`,
      };
    }
    return (check.errors ?? [])
      .slice(0, 5)
      .map(({ instancePath, message }) => `${instancePath || '/'} ${message ?? 'is invalid'}`);
  };
}

function compile(schema: Readonly<Record<string, unknown>>): ValidateFunction {
  try {
    return compileJsonSchema(schema);
  } catch (error) {
    throw failure('InvalidInput', `not a JSON Schema: ${describeError(error)}`, { cause: error });
  }
}

function describeError(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
