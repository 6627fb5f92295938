import type { Task } from '../model/model';
import type { AnswerFeedback } from '../rollout/judging/answer-quality';

/**
 * Why a version answered: its alias in the routing table, a caller that named the version
 * (`direct`), or a test by the platform itself (`probe`).
 */
export const predictionArms = ['champion', 'challenger', 'previous', 'direct', 'probe'] as const;
export type PredictionArm = (typeof predictionArms)[number];

/**
 * Marks a request that the platform sends to test a version, so that the prediction log can tell it
 * from traffic.
 */
export const probeHeader = 'x-perennial-probe';

const shownClasses = 20;

/**
 * The class that feedback names: a text, or a whole number where classes are numbers. Null where it
 * names none.
 */
export function classLabel(label: unknown): string | null {
  if (typeof label === 'number') return Number.isSafeInteger(label) ? String(label) : null;
  if (typeof label !== 'object' || label === null) return null;
  // A text is stored as the right answer, as it may arrive before the prediction whose task tells
  // what it is.
  const { references, ...others } = label as AnswerFeedback;
  return references?.length === 1 && Object.keys(others).length === 0
    ? (references[0] ?? null)
    : null;
}

/**
 * Why a label does not fit predictions of this task; null where it does. `chat` takes what people
 * say of an answer, the others a value.
 */
export function labelMismatch(
  {
    task,
    classes = [],
  }: { readonly task: Task | 'chat'; readonly classes?: readonly string[] | null },
  label: number | boolean | AnswerFeedback,
): string | null {
  const isValue = typeof label === 'number' || typeof label === 'boolean';
  switch (task) {
    case 'classification':
      return typeof label === 'boolean' || label === 0 || label === 1
        ? null
        : 'a label of a binary classification is true, false, 1 or 0';
    case 'multiclass': {
      const name = classLabel(label);
      if (name !== null && (classes === null || classes.includes(name))) return null;
      const listed = (classes ?? []).slice(0, shownClasses).map((each) => JSON.stringify(each));
      return `a label of this multiclass model is one of its classes: ${listed.join(', ')}${(classes ?? []).length > shownClasses ? ', …' : ''}`;
    }
    case 'regression':
      return typeof label === 'number' ? null : 'a label of a regression is a number';
    case 'chat':
      return isValue
        ? 'feedback on an answer is `score`, `thumbs`, `correction`, or the right text as `label`'
        : null;
  }
}
