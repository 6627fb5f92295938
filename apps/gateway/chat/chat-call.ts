import type { PredictionArm } from '../../../domain/serving/prediction';
import type { Tenant } from '../../../domain/ids';
import type { AnsweringModel } from '../inference/answer-headers';
import type { VersionAnswer } from './answer';
import type { ChatBody } from './chat-request.schema';

/** The version that answers and the id in the log, known before the first piece. */
export interface ChatHead extends AnsweringModel {
  readonly arm: PredictionArm;
}

export interface ChatCall {
  readonly tenant: Tenant;
  readonly body: ChatBody;
  /** A `performance.now()`. */
  readonly arrivedAt: number;
  /** Aborted when the caller cancels or must not get the rest. */
  readonly signal: AbortSignal;
  /**
   * Streams the answer of one version piece by piece. The next piece waits for the returned
   * promise.
   */
  readonly onText?: (head: ChatHead, delta: string) => void | Promise<void>;
}

export interface ChatReply extends ChatHead {
  readonly answer: VersionAnswer['answer'];
  readonly blocked: VersionAnswer['blocked'];
  /** Whether to send sources with the answer. */
  readonly retrieved: VersionAnswer['retrieved'];
}
