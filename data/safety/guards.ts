/** Detectors that ask a provider: guard models by chat, and moderation by its own protocol. */
import { failure } from '../../domain/failure';
import {
  unsafeCategory,
  readGuardAnswer,
  type PatternMatcher,
} from '../../domain/safety/guard-answer';
import type { Finding, GuardModelKind, ModerationKind, Side } from '../../domain/safety/policy';
import type { TextContext } from '../../domain/safety/screen';
import type { Question } from '../language/attempt';
import type { Moderation } from '../language/provider/openai-moderation';
import { answerWithheld } from '../language/provider/withheld-answer';
import { patternTimeLimitMs, runWithTimeLimit } from '../time-limit';
import type { AskGuard } from './ask-guard';

export interface GuardedText {
  readonly text: string;
  readonly side: Side;
  readonly about: TextContext;
}

/**
 * @throws AnswerInvalid for an answer that is not a verdict, AnswerWithheld when the provider's
 *   filter stopped it, ProviderTimeout after the detector's timeout, or the provider's failure
 */
export async function findByGuard(
  spec: GuardModelKind | ModerationKind,
  given: GuardedText,
  ask: AskGuard,
): Promise<readonly Finding[]> {
  const { text, about } = given;
  if (text.trim() === '') return [];
  const timeoutMs = spec.timeoutSeconds * 1000;
  const target = { provider: spec.provider, model: spec.model };
  const moderates = spec.kind === 'moderation';
  const question = moderates
    ? buildQuestion([{ role: 'user', content: text }], 0)
    : guardQuestion(spec, given);
  const answer = await ask({ target, question, moderates, signal: about.signal, timeoutMs });
  if (answer.finish === 'filtered') throw answerWithheld(answer);
  const found =
    spec.kind === 'moderation'
      ? moderate(spec, JSON.parse(answer.text) as Moderation)
      : judgeText(spec, answer.text);
  return found.map((what) => ({ from: 0, to: text.length, what }));
}

/** A verdict is one word and a line of codes. */
const verdictTokens = 64;

function guardQuestion({ prompt }: GuardModelKind, { text, side, about }: GuardedText): Question {
  if (prompt !== null) {
    const filled = prompt.replace(/\{\{(text|asked)\}\}/g, (_all, name) =>
      name === 'text' ? text : (about.asked ?? ''),
    );
    return buildQuestion([{ role: 'user', content: filled }], verdictTokens);
  }
  // Such templates classify the last message and need a user message before that of a model.
  if (side !== 'output') return buildQuestion([{ role: 'user', content: text }], verdictTokens);
  const before = { role: 'user', content: about.asked ?? '' } as const;
  return buildQuestion([before, { role: 'assistant', content: text }], verdictTokens);
}

function buildQuestion(messages: Question['messages'], maxTokens: number): Question {
  return {
    messages,
    sampling: { temperature: 0, topP: 1, maxTokens, seed: 17, stop: [] },
    jsonSchema: null,
  };
}

function judgeText(
  { name, answers, categories, model }: GuardModelKind & { readonly name?: string },
  said: string,
): readonly string[] {
  const found = readGuardAnswer(answers, said, finds);
  if (found === null)
    throw failure(
      'AnswerInvalid',
      `the answer of ${model} to ${name ?? 'a detector'} is not a verdict ` +
        `(${said.length} characters)`,
    );
  return found.filter(
    (category) =>
      category === unsafeCategory || categories.length === 0 || categories.includes(category),
  );
}

/** In bounded time, because a caller can influence the text that the guard model writes. */
const finds: PatternMatcher = (pattern, text) => {
  const tried = runWithTimeLimit(patternTimeLimitMs, () => new RegExp(pattern, 'iu').test(text));
  if (tried.kind === 'done') return tried.value;
  throw failure(
    'AnswerInvalid',
    `the pattern ${pattern} could not be evaluated in time ` +
      `on a verdict of ${text.length} characters`,
  );
};

function moderate(
  { model, categories, threshold }: ModerationKind,
  { flags, scores }: Moderation,
): readonly string[] {
  const told: Readonly<Record<string, unknown>> = threshold === null ? flags : scores;
  const wanted = categories.length === 0 ? Object.keys(told) : categories;
  const missing = wanted.filter((category) => !Object.hasOwn(told, category));
  if (wanted.length === 0 || missing.length > 0) {
    const what = threshold === null ? 'flag' : 'score';
    throw failure(
      'AnswerInvalid',
      `the moderation of ${model} has no ${what} for ${missing.join(', ') || 'any category'}`,
    );
  }
  return wanted.filter((category) =>
    threshold === null ? flags[category] === true : (scores[category] ?? 0) >= threshold,
  );
}
