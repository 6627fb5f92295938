import { createContext, Script } from 'node:vm';
import type { ValidateFunction } from 'ajv/dist/2020';
import { failure } from '../../../domain/failure';
import { compileJsonSchema } from '../../../domain/llm/evaluation/json-schema.schema';
import type { EvaluatorTools } from '../../../domain/llm/evaluation/evaluator';

/** A pattern that needs longer on one answer is a pattern of exponential time. */
const patternMs = 100;

/** What evaluators need and rules alone cannot have: JSON Schema by Ajv (draft 2020-12), patterns in bounded time, an embedder where one is given. */
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
  return (schema, value) => {
    const text = JSON.stringify(schema);
    let validate = compiled.get(text);
    if (!validate) {
      validate = compile(schema);
      compiled.set(text, validate);
    }
    if (validate(value)) return [];
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
