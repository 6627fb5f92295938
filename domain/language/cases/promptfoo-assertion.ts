import { isMap } from '../../document/path';
import type { PromptValues } from '../../prompt/prompt';
import type { Rule } from '../dimension/rule';

export interface ReadAssertion {
  readonly kind: 'read';
  readonly rules: readonly Rule[];
  /** A right answer that it names. */
  readonly answer?: string;
}

export interface LeftOutAssertion {
  readonly kind: 'leftOut';
  readonly why: string;
}

/**
 * One assertion of promptfoo as rules, or why it is none. Code is never run. Templates in its texts
 * stay, for `filled`.
 */
export function assertionOf(given: unknown): ReadAssertion | LeftOutAssertion {
  if (!isMap(given) || typeof given['type'] !== 'string')
    return leftOut('an assertion without a type');
  const { type, value } = given;
  if (given['transform'] !== undefined)
    return leftOut(`${type}: its transform is code, which is not run`);
  const text = textOf(value);
  if (text?.startsWith('file://'))
    return leftOut(`${type}: its value is in ${text}: write it here`);
  const simple = text === null ? null : textRule(type, text);
  if (simple)
    return {
      kind: 'read',
      rules: [simple],
      ...(type === 'equals' && text !== null ? { answer: text } : {}),
    };
  const texts = textsOf(value);
  const listed = texts === null ? null : listRules(type, texts);
  if (listed) return { kind: 'read', rules: listed };
  if (type === 'is-json') {
    if (value !== undefined && !isMap(value))
      return leftOut('is-json: write its schema here, as a map');
    return { kind: 'read', rules: [{ kind: 'json', ...(isMap(value) ? { schema: value } : {}) }] };
  }
  if (type === 'similar' && text !== null) return { kind: 'read', rules: [], answer: text };
  return leftOut(advice(type));
}

/** What of it counts for nothing here although the rest is read; null when nothing does. */
export function notCounted(given: unknown): string | null {
  if (!isMap(given)) return null;
  if (given['type'] === 'similar')
    return 'similar: its text is a right answer; how near is near enough is for a gate on a dimension of kind similarity';
  return given['weight'] === undefined ? null : 'its weight: all rules of a case must hold';
}

/**
 * With the values of the variables that its texts name, as promptfoo fills them in; or why that
 * cannot be done.
 */
export function filled(
  { rules, answer }: ReadAssertion,
  values: PromptValues,
): ReadAssertion | LeftOutAssertion {
  const unfilled: string[] = [];
  // What is filled in is not read again: a value may hold braces itself.
  const fill = (text: string): string => {
    const parts = text.split(templates).map((part, place) => {
      if (place % 2 === 0) return part;
      const name = /^\{\{\s*([\p{L}_][\p{L}\p{N}_]*)\s*\}\}$/u.exec(part)?.[1];
      if (name !== undefined && Object.hasOwn(values, name)) return String(values[name]);
      unfilled.push(`nothing is known of ${part}: write what it stands for`);
      return part;
    });
    const whole = parts.join('');
    if (whole === '') unfilled.push(`${text} stands for nothing`);
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
  const done: ReadAssertion = {
    kind: 'read',
    rules: rules.map(fillRule),
    ...(answer === undefined ? {} : { answer: fill(answer) }),
  };
  const [why] = unfilled;
  return why === undefined ? done : leftOut(why);
}

/** Of Nunjucks, what promptfoo fills in. */
const templates = /(\{\{.*?\}\}|\{%.*?%\})/su;

function leftOut(why: string): LeftOutAssertion {
  return { kind: 'leftOut', why };
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : null;
}

/**
 * A list, or texts with commas between them, which promptfoo takes for one; null where one of them
 * is no text.
 */
function textsOf(value: unknown): readonly string[] | null {
  const items: readonly unknown[] = Array.isArray(value)
    ? value
    : typeof value === 'string'
      ? value.split(',').map((each) => each.trim())
      : [];
  const texts = items.map(textOf).filter((each) => each !== null && each !== '');
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
    return `${type}: code of a case is not run; say it by rules`;
  if (type === 'latency' || type === 'cost' || type === 'perplexity')
    return `${type}: a matter of all cases; write a gate`;
  if (
    /llm-rubric|factuality|model-graded|g-eval|answer-relevance|context-|select-best|closedqa/.test(
      type,
    )
  ) {
    return `${type}: a judge; write a dimension of kind judge, whose calibration is known`;
  }
  return `${type} has no counterpart here; say it by rules`;
}
