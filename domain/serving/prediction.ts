import type { Task } from '../model/model';
import type { AnswerFeedback } from '../rollout/judging/answer-quality';

/** Why a version answered: its alias, a request for the version (`direct`) or a test (`probe`). */
export const predictionArms = ['champion', 'challenger', 'previous', 'direct', 'probe'] as const;
export type PredictionArm = (typeof predictionArms)[number];

/** Marks a test request of the platform, so that the prediction log can separate it. */
export const probeHeader = 'x-perennial-probe';

const shownClasses = 20;

/** The class in a label: a text, or a whole number when classes are numbers; null without one. */
export function classLabel(label: unknown): string | null {
  if (typeof label === 'number') return Number.isSafeInteger(label) ? String(label) : null;
  if (typeof label !== 'object' || label === null) return null;
  // A text label is stored as a reference answer, because the prediction's task may not be known.
  const { references, ...others } = label as AnswerFeedback;
  return references?.length === 1 && Object.keys(others).length === 0
    ? (references[0] ?? null)
    : null;
}

/** Why a label does not fit the task; null when it does. `chat` takes feedback, others a value. */
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
        : 'the label of a binary classification must be true, false, 1 or 0';
    case 'multiclass': {
      const name = classLabel(label);
      if (name !== null && (classes === null || classes.includes(name))) return null;
      const listed = (classes ?? []).slice(0, shownClasses).map((each) => JSON.stringify(each));
      return `the label of this multiclass model must be one of its classes: ${listed.join(', ')}${(classes ?? []).length > shownClasses ? ', …' : ''}`;
    }
    case 'regression':
      return typeof label === 'number' ? null : 'the label of a regression must be a number';
    case 'chat':
      return isValue
        ? 'feedback on an answer must be `score`, `thumbs`, `correction`, or the right text as `label`'
        : null;
  }
}
