/**
 * Verdicts of models that a provider runs: guard models by chat, moderations by their own protocol.
 */
import { failure } from '../../domain/failure';
import { unsafe, readGuardAnswer, type FindsPattern } from '../../domain/safety/guard-answer';
import type { Finding, GuardModelKind, ModerationKind, Side } from '../../domain/safety/policy';
import type { About } from '../../domain/safety/screen';
import type { Question } from '../language/model-access';
import type { Moderation } from '../language/provider/openai-moderation';
import { answerWithheld } from '../language/provider/withheld';
import { patternMs, withinTime } from '../time-limit';
import type { AskGuard } from './ask-guard';

export interface GuardedText {
  readonly text: string;
  readonly side: Side;
  readonly about: About;
}

/**
 * @throws AnswerInvalid for a verdict that is none, AnswerWithheld for one that its provider's
 *   filter stopped, ProviderTimeout past the detector's time, and whatever the provider's refusal
 *   means
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
    ? asked([{ role: 'user', content: text }], 0)
    : guardQuestion(spec, given);
  const answer = await ask({ target, question, moderates, signal: about.signal, timeoutMs });
  if (answer.finish === 'filtered') throw answerWithheld(answer);
  const found =
    spec.kind === 'moderation'
      ? moderated(spec, JSON.parse(answer.text) as Moderation)
      : judged(spec, answer.text);
  return found.map((what) => ({ from: 0, to: text.length, what }));
}

/** A verdict is a word and a line of codes; who talks longer has not kept to it. */
const verdictTokens = 64;

function guardQuestion({ prompt }: GuardModelKind, { text, side, about }: GuardedText): Question {
  if (prompt !== null) {
    const filled = prompt.replace(/\{\{(text|asked)\}\}/g, (_all, name) =>
      name === 'text' ? text : (about.asked ?? ''),
    );
    return asked([{ role: 'user', content: filled }], verdictTokens);
  }
  // Such templates judge the last message, and want a user's before a model's.
  if (side !== 'output') return asked([{ role: 'user', content: text }], verdictTokens);
  const before = { role: 'user', content: about.asked ?? '' } as const;
  return asked([before, { role: 'assistant', content: text }], verdictTokens);
}

function asked(messages: Question['messages'], maxTokens: number): Question {
  return {
    messages,
    sampling: { temperature: 0, topP: 1, maxTokens, seed: 17, stop: [] },
    jsonSchema: null,
  };
}

function judged(
  { name, answers, categories, model }: GuardModelKind & { readonly name?: string },
  said: string,
): readonly string[] {
  const found = readGuardAnswer(answers, said, finds);
  if (found === null)
    throw failure(
      'AnswerInvalid',
      `${model} gave ${name ?? 'a detector'} ${said.length} characters that are no verdict`,
    );
  return found.filter(
    (category) => category === unsafe || categories.length === 0 || categories.includes(category),
  );
}

/** The guard wrote the text, after whatever somebody gave it to read. */
const finds: FindsPattern = (pattern, text) => {
  const tried = withinTime(patternMs, () => new RegExp(pattern, 'iu').test(text));
  if (tried.kind === 'done') return tried.value;
  throw failure(
    'AnswerInvalid',
    `the pattern ${pattern} could not be tried in time on a verdict of ${text.length} characters`,
  );
};

function moderated(
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
      `${model} has no ${what} for ${missing.join(', ') || 'any category'}`,
    );
  }
  return wanted.filter((category) =>
    threshold === null ? flags[category] === true : (scores[category] ?? 0) >= threshold,
  );
}
