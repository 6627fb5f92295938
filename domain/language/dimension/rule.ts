import { splitWords } from '../evaluation/answer-text';

/** A requirement for an answer that needs no code. */
export type Rule =
  | {
      readonly kind: 'contains' | 'excludes' | 'startsWith' | 'equals';
      readonly text: string;
      readonly ignoreCase?: boolean | undefined;
    }
  | { readonly kind: 'matches' | 'matchesNot'; readonly pattern: string }
  | { readonly kind: 'words'; readonly min?: number | undefined; readonly max?: number | undefined }
  /** Only JSON, valid by the schema if there is one. */
  | { readonly kind: 'json'; readonly schema?: Readonly<Record<string, unknown>> | undefined }
  | { readonly kind: 'anyOf'; readonly rules: readonly Rule[] };

export interface RuleTools {
  /** Matches in bounded time for any pattern. */
  readonly matches: (pattern: string, text: string) => boolean | RuleCheckFailure;
  /**
   * Errors of a value by a JSON Schema, in bounded time.
   * @throws InvalidInput for an invalid schema
   */
  readonly schemaErrors: (
    schema: Readonly<Record<string, unknown>>,
    value: unknown,
  ) => readonly string[] | RuleCheckFailure;
}

/** Why a rule could not be checked, for example because it took too long. */
export interface RuleCheckFailure {
  readonly untold: string;
}

/** Null if the rule holds; else why it does not, or why that is unknown. */
export type RuleViolation = { readonly kind: 'broken' | 'unknown'; readonly reason: string } | null;

export function ruleViolation(rule: Rule, answer: string, tools: RuleTools): RuleViolation {
  switch (rule.kind) {
    case 'contains':
    case 'excludes':
    case 'startsWith':
    case 'equals':
      return holdsForText(rule, answer)
        ? null
        : toViolation(`${phrases[rule.kind]} ${JSON.stringify(rule.text)}`);
    case 'matches':
    case 'matchesNot': {
      const found = tools.matches(rule.pattern, answer);
      if (typeof found !== 'boolean') return { kind: 'unknown', reason: found.untold };
      return found === (rule.kind === 'matches')
        ? null
        : toViolation(`${found ? 'matches' : 'does not match'} ${rule.pattern}`);
    }
    case 'words': {
      const count = splitWords(answer).length;
      if (rule.min !== undefined && count < rule.min)
        return toViolation(`has ${count} words, fewer than ${rule.min}`);
      return rule.max !== undefined && count > rule.max
        ? toViolation(`has ${count} words, more than ${rule.max}`)
        : null;
    }
    case 'json': {
      const errors = jsonErrors(answer, rule.schema ?? null, tools);
      if ('untold' in errors) return { kind: 'unknown', reason: errors.untold };
      return errors.length === 0 ? null : toViolation(errors.join('; '));
    }
    case 'anyOf': {
      const breaches = rule.rules.map((each) => ruleViolation(each, answer, tools));
      if (breaches.includes(null)) return null;
      const reason = breaches.map((breach) => breach?.reason).join(', and ');
      return {
        kind: breaches.some((breach) => breach?.kind === 'unknown') ? 'unknown' : 'broken',
        reason,
      };
    }
  }
}

/** Why the text is not JSON of the schema; empty if it is. */
export function jsonErrors(
  text: string,
  schema: Readonly<Record<string, unknown>> | null,
  tools: Pick<RuleTools, 'schemaErrors'>,
): readonly string[] | RuleCheckFailure {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return ['is not JSON'];
  }
  return schema === null ? [] : tools.schemaErrors(schema, value);
}

const phrases = {
  contains: 'does not contain',
  excludes: 'contains',
  startsWith: 'does not start with',
  equals: 'is not',
} as const;

function holdsForText(rule: Extract<Rule, { readonly text: string }>, answer: string): boolean {
  const fold = (text: string) => (rule.ignoreCase === true ? text.toLowerCase() : text);
  const [text, wanted] = [fold(answer), fold(rule.text)];
  switch (rule.kind) {
    case 'contains':
      return text.includes(wanted);
    case 'excludes':
      return !text.includes(wanted);
    case 'startsWith':
      return text.startsWith(wanted);
    case 'equals':
      return text.trim() === wanted.trim();
  }
}

function toViolation(reason: string): RuleViolation {
  return { kind: 'broken', reason };
}
