import type { Digest } from '../dataset/artifact';
import type { FailureType } from '../failure';
import type { BundleIndex } from './bundle';
import type { ChatAnswer } from './chat';
import type { Passage } from './passages';
import type { ScreeningOutcome, Screening } from '../safety/screen';
import { worstOutcome } from '../safety/screen';
import type { StandbyModel } from './provider/standby';

/** What the prediction log keeps of one version's answer, whoever was served by it. */
export interface LoggedAnswer extends Pick<ChatAnswer, 'finish' | 'usage'> {
  /**
   * Empty when the policy kept it back, and mostly when the provider's filter did; null when it
   * broke off, or may not be known here.
   */
  readonly text: string | null;
  /**
   * From the request's arrival to the first piece that went out; null where it was to come whole.
   */
  readonly firstTokenMs: number | null;
  /** By which side the safety policy kept the answer back; null when it did not. */
  readonly blocked: 'input' | 'output' | null;
  /** It promised JSON of a schema and is none. */
  readonly malformed: boolean;
  /** Why it broke off after its first piece was out, as a code. */
  readonly error: string | null;
  readonly safety: SafetyAudit | null;
  /** Null without an index, and where nothing was asked. */
  readonly retrieved: LoggedRetrieval | null;
  /** Who answered in the place of the bundle's own model; not given where that answered. */
  readonly standby?: StandbyModel;
}

/**
 * Which documents an answer was shown, in the order of their numbers, and which it names; never
 * their text.
 */
export interface LoggedRetrieval {
  readonly index: Pick<BundleIndex, 'name' | 'version' | 'digest'>;
  readonly passages: readonly Pick<Passage, 'documentId' | 'chunkId' | 'score'>[];
  readonly cited: readonly number[];
  /** Found and not shown: no room, or not let in by the policy. */
  readonly left: { readonly room: number; readonly policy: number };
  /** Why the bundle's reranker did not order them; not given where it did, or there is none. */
  readonly notReranked?: FailureType;
}

/** What was found by which policy; never the text (I11), unless that policy asks for it. */
export interface SafetyAudit {
  readonly policy: Digest;
  readonly input: ScreeningAudit;
  /**
   * Null when there was nothing to look at, and where the answer broke off: what was heard of it
   * nobody looked at.
   */
  readonly output: ScreeningAudit | null;
  /** Of all passages together, those that were left out included; null without any. */
  readonly retrieved: ScreeningAudit | null;
}

export type ScreeningAudit = Omit<Screening, 'text'>;

/**
 * The worst that the policy said of any side: of a passage that it left out, too, though the answer
 * went out. Null where no policy looked.
 */
export function verdictOf(safety: SafetyAudit | null): ScreeningOutcome | null {
  if (safety === null) return null;
  return worstOutcome(
    [safety.input, safety.output, safety.retrieved].flatMap((side) => side?.outcome ?? []),
  );
}

/** Of a row of the prediction log; null where it has the score of a model instead. */
export function answerIn(output: unknown): LoggedAnswer | null {
  return typeof output === 'object' && output !== null && 'finish' in output
    ? (output as LoggedAnswer)
    : null;
}
