/** What the pages of a model show. */
import type { AnswerOf } from '../../../client/operation';

export type ShownModel = AnswerOf<'GET /models/{model}'>;
