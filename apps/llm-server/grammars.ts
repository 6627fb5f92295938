import { canonicalJson } from '../../domain/canonical';
import { ApiError } from './api-error';
import { grammarSchema } from './json-grammar';
import type { Grammar, GrammarState, Llama, LlamaCpp, LlamaModel } from './llama-cpp';

export type GrammarSpec =
  | { readonly kind: 'json' }
  | { readonly kind: 'schema'; readonly schema: Readonly<Record<string, unknown>> }
  | { readonly kind: 'gbnf'; readonly text: string };

/** Any JSON object; based on json.gbnf of llama.cpp. */
const jsonObject = String.raw`
root ::= object
value ::= object | array | string | number | ("true" | "false" | "null") ws
object ::= "{" ws ( string ":" ws value ("," ws string ":" ws value)* )? "}" ws
array ::= "[" ws ( value ("," ws value)* )? "]" ws
string ::= "\"" ( [^"\\\x7F\x00-\x1F] | "\\" (["\\bfnrt/] | "u" [0-9a-fA-F]{4}) )* "\"" ws
number ::= "-"? ([0-9] | [1-9] [0-9]{0,15}) ("." [0-9]{1,15})? ([eE] [-+]? [0-9]{1,3})? ws
ws ::= [ \t\n]{0,8}
`;
const kept = 64;

export interface Grammars {
  /**
   * A new state for one answer, which advances with every token. @throws ApiError 400 for an
   * invalid grammar or schema
   */
  stateFor(wish: GrammarSpec): Promise<GrammarState>;
}

/** Caches the last grammars, because evaluations use the same schema thousands of times. */
export function openGrammars({
  llama,
  model,
  llamaCpp,
}: {
  readonly llama: Llama;
  readonly model: LlamaModel;
  readonly llamaCpp: LlamaCpp;
}): Grammars {
  const made = new Map<string, Grammar>();

  async function make(wish: GrammarSpec): Promise<Grammar> {
    switch (wish.kind) {
      case 'json':
        return llama.createGrammar({ grammar: jsonObject });
      case 'gbnf':
        return llama.createGrammar({ grammar: wish.text });
      case 'schema':
        return llama.createGrammarForJsonSchema(grammarSchema(wish.schema));
    }
  }

  return {
    async stateFor(wish) {
      const key = canonicalJson(wish);
      try {
        const grammar = made.get(key) ?? (await make(wish));
        const state = new llamaCpp.LlamaGrammarEvaluationState({ model, grammar });
        made.delete(key);
        made.set(key, grammar);
        for (const oldest of made.keys()) if (made.size > kept) made.delete(oldest);
        return state;
      } catch (cause) {
        if (cause instanceof ApiError) throw cause;
        const param = wish.kind === 'gbnf' ? 'grammar' : 'response_format';
        throw new ApiError(400, `${param}: the grammar is not valid: ${(cause as Error).message}`, {
          code: 'invalid_grammar',
          param,
          cause,
        });
      }
    },
  };
}
