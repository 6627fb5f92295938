/**
 * Answers that a provider's content filter withholds, whether it reports that with status 200,
 * with an error status, or in the middle of a stream.
 */
import { failure, type PerennialError } from '../../../domain/failure';
import type { ChatAnswer, ChatRequest } from '../../../domain/chat/chat';
import { estimatedUsage } from './wire';

/** The usage is estimated: some providers bill the question, and none reports it. */
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

/** The failure for a caller that needs the withheld answer. */
export function answerWithheld({ model }: Pick<ChatAnswer, 'model'>): PerennialError {
  return failure('AnswerWithheld', `the filter of the provider of ${model} withheld the answer`, {
    next: 'check the content filter settings of the provider, or use another model',
  });
}
