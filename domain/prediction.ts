import type { Task } from './model';
import type { AnswerFeedback } from './rollout/answer-quality';

/** Why a version answered: its alias in the routing table, a caller that named the version (`direct`), or a test by the platform itself (`probe`). */
export const predictionArms = ['champion', 'challenger', 'previous', 'direct', 'probe'] as const;
export type PredictionArm = (typeof predictionArms)[number];

/** Marks a request that the platform sends to test a version, so that the prediction log can tell it from traffic. */
export const probeHeader = 'x-perennial-probe';

/** Why a label does not fit predictions of this task; null where it does. `chat` takes what people say of an answer, the others a value. */
export function labelMismatch(task: Task | 'chat', label: number | boolean | AnswerFeedback): string | null {
  const isValue = typeof label === 'number' || typeof label === 'boolean';
  switch (task) {
    case 'classification':
      return typeof label === 'boolean' || label === 0 || label === 1 ? null : 'a label of a binary classification is true, false, 1 or 0';
    case 'regression':
      return typeof label === 'number' ? null : 'a label of a regression is a number';
    case 'chat':
      return isValue ? 'feedback on an answer is `score`, `thumbs`, `correction`, or the right text as `label`' : null;
  }
}
