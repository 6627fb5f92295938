import { createContext, Script } from 'node:vm';
import type { ValidateFunction } from 'ajv/dist/2020';
import { failure } from '../../../domain/failure';
import { compileJsonSchema } from '../../../domain/llm/evaluation/json-schema.schema';
import type { EvaluatorTools } from '../../../domain/llm/evaluation/evaluator';

/** A pattern that needs longer on one answer is a pattern of exponential time. */
const patternMs = 100;
/** A schema has many patterns, and an answer many places for them; by the clock, so a machine that is busy needs some of it. */
const schemaMs = 1000;
/** The tools live as long as their process, and each evaluation has schemas of its own. */
const mostSchemas = 256;

/** What evaluators need and rules alone cannot have: JSON Schema by Ajv and patterns, both in bounded time, an embedder where one is given. */
export function createEvaluatorTools(embed: EvaluatorTools['embed']): EvaluatorTools {
  return { embed, matches: patternMatcher(), schemaErrors: schemaChecker() };
}

/** V8 tries alternatives without end on patterns such as `(a+)+$`, and nothing but its own time limit stops it. */
function patternMatcher(): EvaluatorTools['matches'] {
  const context = createContext({ pattern: '', text: '' });
  const script = new Script('new RegExp(pattern, "u").test(text)');
  return (pattern, text) => {
    Object.assign(context, { pattern, text });
    try {
      return script.runInContext(context, { timeout: patternMs }) as boolean;
    } catch {
      return null;
    }
  };
}

function schemaChecker(): EvaluatorTools['schemaErrors'] {
  const compiled = new Map<string, ValidateFunction>();
  const context = createContext({ validate: null, value: null });
  const script = new Script('validate(value)');
  return (schema, value) => {
    const text = JSON.stringify(schema);
    let validate = compiled.get(text);
    if (!validate) {
      validate = compile(schema);
      if (compiled.size >= mostSchemas) compiled.clear();
      compiled.set(text, validate);
    }
    Object.assign(context, { validate, value });
    try {
      // The time limit holds for what is called from it too, and nothing else stops a pattern of the schema.
      if (script.runInContext(context, { timeout: schemaMs }) === true) return [];
    } catch {
      return null;
    } finally {
      Object.assign(context, { validate: null, value: null });
    }
    return (validate.errors ?? []).slice(0, 5).map(({ instancePath, message }) => `${instancePath || '/'} ${message ?? 'is wrong'}`);
  };
}

function compile(schema: Readonly<Record<string, unknown>>): ValidateFunction {
  try {
    return compileJsonSchema(schema);
  } catch (error) {
    throw failure('InvalidInput', `not a JSON Schema: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}
