import { isMap } from '../../document/path';
import type { PromptValues } from '../../prompt/prompt';
import type { Rule } from '../dimension/rule';

export interface ImportedAssertion {
  readonly kind: 'read';
  readonly rules: readonly Rule[];
  /** An expected answer in the assertion. */
  readonly answer?: string;
}

export interface SkippedAssertion {
  readonly kind: 'leftOut';
  readonly why: string;
}

/**
 * A promptfoo assertion as rules, or why it is not imported. Code is never run. Templates in its
 * texts stay, for `filled`.
 */
export function convertAssertion(given: unknown): ImportedAssertion | SkippedAssertion {
  if (!isMap(given) || typeof given['type'] !== 'string')
    return leftOut('an assertion without a type');
  const { type, value } = given;
  if (given['transform'] !== undefined)
    return leftOut(`${type}: its transform is code and is not run`);
  const text = toText(value);
  if (text?.startsWith('file://'))
    return leftOut(`${type}: its value is in ${text}; write the value here`);
  const simple = text === null ? null : textRule(type, text);
  if (simple)
    return {
      kind: 'read',
      rules: [simple],
      ...(type === 'equals' && text !== null ? { answer: text } : {}),
    };
  const texts = toTextList(value);
  const listed = texts === null ? null : listRules(type, texts);
  if (listed) return { kind: 'read', rules: listed };
  if (type === 'is-json') {
    if (value !== undefined && !isMap(value))
      return leftOut('is-json: write its schema here as a map');
    return { kind: 'read', rules: [{ kind: 'json', ...(isMap(value) ? { schema: value } : {}) }] };
  }
  if (type === 'similar' && text !== null) return { kind: 'read', rules: [], answer: text };
  return leftOut(advice(type));
}

/** The part of an imported assertion that is ignored, with the reason; null if there is none. */
export function ignoredPart(given: unknown): string | null {
  if (!isMap(given)) return null;
  if (given['type'] === 'similar')
    return (
      'similar: its text becomes an expected answer, its threshold is ignored; ' +
      'use a gate on a dimension of kind similarity'
    );
  return given['weight'] === undefined
    ? null
    : 'weight is ignored, because all rules of a case must hold';
}

/** The assertion with its variables replaced as promptfoo does, or why that is not possible. */
export function fillVariables(
  { rules, answer }: ImportedAssertion,
  values: PromptValues,
): ImportedAssertion | SkippedAssertion {
  const unfilled: string[] = [];
  // Inserted values are not scanned again, because they may contain braces.
  const fill = (text: string): string => {
    const parts = text.split(templates).map((part, place) => {
      if (place % 2 === 0) return part;
      const name = /^\{\{\s*([\p{L}_][\p{L}\p{N}_]*)\s*\}\}$/u.exec(part)?.[1];
      if (name !== undefined && Object.hasOwn(values, name)) return String(values[name]);
      unfilled.push(`${part} has no value; replace it by its text`);
      return part;
    });
    const whole = parts.join('');
    if (whole === '') unfilled.push(`${text} is replaced by an empty text`);
    return whole;
  };
  const fillRule = (rule: Rule): Rule => {
    switch (rule.kind) {
      case 'contains':
      case 'excludes':
      case 'startsWith':
      case 'equals':
        return { ...rule, text: fill(rule.text) };
      case 'matches':
      case 'matchesNot':
        return { ...rule, pattern: fill(rule.pattern) };
      case 'anyOf':
        return { ...rule, rules: rule.rules.map(fillRule) };
      case 'words':
      case 'json':
        return rule;
    }
  };
  const done: ImportedAssertion = {
    kind: 'read',
    rules: rules.map(fillRule),
    ...(answer === undefined ? {} : { answer: fill(answer) }),
  };
  const [why] = unfilled;
  return why === undefined ? done : leftOut(why);
}

/** The Nunjucks templates that promptfoo replaces. */
const templates = /(\{\{(?:(?!\{\{).)*?\}\}|\{%(?:(?!\{%).)*?%\})/su;

function leftOut(why: string): SkippedAssertion {
  return { kind: 'leftOut', why };
}

function toText(value: unknown): string | null {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : null;
}

/** A list, or a text with commas, which promptfoo reads as a list; null if an item is no text. */
function toTextList(value: unknown): readonly string[] | null {
  const items: readonly unknown[] = Array.isArray(value)
    ? value
    : typeof value === 'string'
      ? value.split(',').map((each) => each.trim())
      : [];
  const texts = items.map(toText).filter((each) => each !== null && each !== '');
  return texts.length > 0 && texts.length === items.length ? (texts as readonly string[]) : null;
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
  const each = (ignoreCase: boolean) =>
    texts.map((text) => ({ kind: 'contains' as const, text, ignoreCase }));
  switch (type) {
    case 'contains-any':
    case 'icontains-any':
      return [{ kind: 'anyOf', rules: each(type === 'icontains-any') }];
    case 'contains-all':
    case 'icontains-all':
      return each(type === 'icontains-all');
    case 'not-contains-any':
    case 'not-icontains-any':
      return texts.map((text) => ({
        kind: 'excludes',
        text,
        ignoreCase: type === 'not-icontains-any',
      }));
    default:
      return null;
  }
}

function advice(type: string): string {
  if (type === 'javascript' || type === 'python' || type === 'ruby')
    return `${type}: code is not run; use rules`;
  if (type === 'latency' || type === 'cost' || type === 'perplexity')
    return `${type}: not supported for single cases; use a gate`;
  if (
    /llm-rubric|factuality|model-graded|g-eval|answer-relevance|context-|select-best|closedqa/.test(
      type,
    )
  ) {
    return `${type}: needs a judge; add a dimension of kind judge and calibrate it`;
  }
  return `${type}: not supported; use rules`;
}
