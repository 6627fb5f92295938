/**
 * What a provider's own filter stops: an answer that was withheld, whether the provider says so
 * with status 200, with a refusal, or in the middle of a stream.
 */
import { failure, type PerennialError } from '../../../domain/failure';
import type { ChatAnswer, ChatRequest } from '../../../domain/language/chat';
import { estimatedUsage } from './wire';

/** Some let the question be paid, and none says so: it is reckoned. */
export function withheldAnswer(request: ChatRequest, totalMs: number): ChatAnswer {
  return {
    text: '',
    finish: 'filtered',
    usage: estimatedUsage(request, ''),
    model: request.model,
    firstTokenMs: null,
    totalMs,
  };
}

/** For whoever cannot go on without what was withheld. */
export function answerWithheld({ model }: Pick<ChatAnswer, 'model'>): PerennialError {
  return failure('AnswerWithheld', `the filter of the provider of ${model} withheld the answer`, {
    next: 'see at the provider what its filter stops, or name another model',
  });
}
