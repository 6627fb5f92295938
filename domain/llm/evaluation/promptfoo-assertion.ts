import { isMap } from '../../document-path';
import type { Rule } from './rule';

export interface ReadAssertion {
  readonly kind: 'read';
  readonly rules: readonly Rule[];
  /** A right answer that it names. */
  readonly answer?: string;
}

/** One assertion of promptfoo as rules, or why it is none. Code is never run. */
export function assertionOf(given: unknown): ReadAssertion | { readonly kind: 'leftOut'; readonly why: string } {
  if (!isMap(given) || typeof given['type'] !== 'string') return { kind: 'leftOut', why: 'an assertion without a type' };
  const { type, value } = given;
  const text = typeof value === 'string' || typeof value === 'number' ? String(value) : null;
  const texts = Array.isArray(value) ? value.filter((each) => typeof each === 'string') : [];
  const simple = text === null ? null : textRule(type, text);
  if (simple) return { kind: 'read', rules: [simple], ...(type === 'equals' && text !== null ? { answer: text } : {}) };
  const listed = texts.length === 0 ? null : listRules(type, texts);
  if (listed) return { kind: 'read', rules: listed };
  if (type === 'is-json') return { kind: 'read', rules: [{ kind: 'json', ...(isMap(value) ? { schema: value } : {}) }] };
  if (type === 'similar' && text !== null) return { kind: 'read', rules: [], answer: text };
  return { kind: 'leftOut', why: advice(type) };
}

function textRule(type: string, text: string): Rule | null {
  switch (type) {
    case 'equals':
      return { kind: 'equals', text };
    case 'contains':
      return { kind: 'contains', text };
    case 'icontains':
      return { kind: 'contains', text, ignoreCase: true };
    case 'not-contains':
      return { kind: 'excludes', text };
    case 'not-icontains':
      return { kind: 'excludes', text, ignoreCase: true };
    case 'starts-with':
      return { kind: 'startsWith', text };
    case 'regex':
      return { kind: 'matches', pattern: text };
    case 'not-regex':
      return { kind: 'matchesNot', pattern: text };
    default:
      return null;
  }
}

function listRules(type: string, texts: readonly string[]): readonly Rule[] | null {
  const each = (ignoreCase: boolean) => texts.map((text) => ({ kind: 'contains' as const, text, ignoreCase }));
  switch (type) {
    case 'contains-any':
    case 'icontains-any':
      return [{ kind: 'anyOf', rules: each(type === 'icontains-any') }];
    case 'contains-all':
    case 'icontains-all':
      return each(type === 'icontains-all');
    default:
      return null;
  }
}

function advice(type: string): string {
  if (type === 'javascript' || type === 'python' || type === 'ruby') return `${type}: code of a case is not run; say it by rules`;
  if (type === 'latency' || type === 'cost' || type === 'perplexity') return `${type}: a matter of all cases; write a gate`;
  if (/llm-rubric|factuality|model-graded|g-eval|answer-relevance|context-|select-best|closedqa/.test(type)) {
    return `${type}: a judge; write a dimension of kind judge, whose calibration is known`;
  }
  return `${type} has no counterpart here; say it by rules`;
}
