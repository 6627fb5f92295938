/** What the page of a rollout shows. */
import type { AnswerOf } from '../../../client/operation';

export type ShownRollout = AnswerOf<'GET /models/{model}/rollout'>;
