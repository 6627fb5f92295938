import type { Digest } from '../artifact';
import type { FailureType } from '../failure';
import type { BundleIndex } from './bundle';
import type { ChatAnswer } from '../chat/chat';
import type { Passage } from './passages';
import type { ScreeningOutcome, Screening } from '../safety/screen';
import { worstOutcome } from '../safety/screen';
import type { StandbyModel } from './standby';

/** One version's answer in the prediction log, whether or not it was returned to the caller. */
export interface LoggedAnswer extends Pick<ChatAnswer, 'finish' | 'usage'> {
  /**
   * Empty if the policy blocked it, and usually if the provider's filter withheld it. Null if the
   * answer ended early or must not be logged.
   */
  readonly text: string | null;
  /** Time from the request's arrival to the first streamed piece; null without streaming. */
  readonly firstTokenMs: number | null;
  /** What the safety policy blocked; null if it blocked nothing. */
  readonly blocked: 'input' | 'output' | null;
  /** The prompt requires JSON of a schema, and the answer is not. */
  readonly malformed: boolean;
  /** Code of the error that ended the answer after its first piece was sent. */
  readonly error: string | null;
  readonly safety: SafetyAudit | null;
  /** Null without an index, and if the model was not asked. */
  readonly retrieved: LoggedRetrieval | null;
  /** The standby that answered; absent if the bundle's own model did. */
  readonly standby?: StandbyModel;
}

/** The passages in the prompt, in the order of their numbers, and the cited ones; never texts. */
export interface LoggedRetrieval {
  readonly index: Pick<BundleIndex, 'name' | 'version' | 'digest'>;
  readonly passages: readonly Pick<Passage, 'documentId' | 'chunkId' | 'score'>[];
  readonly cited: readonly number[];
  /** Found but left out: no room in the prompt, or blocked by the policy. */
  readonly left: { readonly room: number; readonly policy: number };
  /** Why the reranker did not order them; absent if it did, or there is none. */
  readonly notReranked?: FailureType;
}

/** The findings of a safety policy; never the text (I11), unless that policy requires it. */
export interface SafetyAudit {
  readonly policy: Digest;
  readonly input: ScreeningAudit;
  /** Null without an answer, and if the answer ended early, which is not screened. */
  readonly output: ScreeningAudit | null;
  /** Audit of all passages together, including those left out; null without passages. */
  readonly retrieved: ScreeningAudit | null;
}

export type ScreeningAudit = Omit<Screening, 'text'>;

/**
 * The worst outcome of input, output and passages, including passages that were left out. Null
 * without a policy.
 */
export function worstScreeningOutcome(safety: SafetyAudit | null): ScreeningOutcome | null {
  if (safety === null) return null;
  return worstOutcome(
    [safety.input, safety.output, safety.retrieved].flatMap((side) => side?.outcome ?? []),
  );
}

/** The answer in a row of the prediction log; null if the row has a model's prediction instead. */
export function loggedAnswer(output: unknown): LoggedAnswer | null {
  return typeof output === 'object' && output !== null && 'finish' in output
    ? (output as LoggedAnswer)
    : null;
}
