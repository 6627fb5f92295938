import type { Digest } from '../artifact';
import type { FailureType } from '../failure';
import type { BundleIndex } from './bundle';
import type { ChatAnswer } from './chat';
import type { Passage } from './passages';
import type { Screening } from './safety/screen';

/** What the prediction log keeps of one version's answer, whoever was served by it. */
export interface LoggedAnswer extends Pick<ChatAnswer, 'finish' | 'usage'> {
  /** Empty when the policy kept it back; null when it broke off, or may not be known here. */
  readonly text: string | null;
  /** From the request's arrival to the first piece that went out; null where it was to come whole. */
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
}

/** Which documents an answer was shown, in the order of their numbers, and which it names; never their text. */
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
  /** Null when there was nothing to look at. */
  readonly output: ScreeningAudit | null;
  /** Of all passages together, those that were left out included; null without any. */
  readonly retrieved: ScreeningAudit | null;
}

export type ScreeningAudit = Omit<Screening, 'text'>;
