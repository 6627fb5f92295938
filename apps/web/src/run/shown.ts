/** What the pages of a run show. */
import type { AnswerOf, ItemOf } from '../../../client/operation';

export type ShownRun = AnswerOf<'GET /runs/{id}'>;
export type ShownTrial = ItemOf<'GET /runs/{id}/trials'>;
