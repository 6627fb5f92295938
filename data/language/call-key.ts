import type { Digest } from '../../domain/artifact';
import { computeDigest } from '../digest';
import type { ModelTarget, Question } from './attempt';

export interface CallIdentity {
  /** The first model of the route. An answer of a standby belongs to the same call. */
  readonly target: ModelTarget;
  readonly question: Question;
  /** The digest of the prompt version, if there is one. */
  readonly promptDigest: Digest | null;
  /** From 0. A deliberate repeat of the same question is a different call. */
  readonly repeat: number;
  /** Absent for a chat. */
  readonly operation?: 'moderation' | 'rerank' | undefined;
}

/** The digest of everything that decides the answer, so that all runs share the same call. */
export function callKey({ target, question, promptDigest, repeat, operation }: CallIdentity): {
  readonly key: Digest;
  readonly inputDigest: Digest;
} {
  const inputDigest = computeDigest(question.messages);
  const { provider, model } = target;
  const adapter = target.adapter?.digest ?? null;
  const { sampling, jsonSchema } = question;
  const identity = {
    provider,
    model,
    adapter,
    promptDigest,
    inputDigest,
    sampling,
    jsonSchema,
    repeat,
  };
  return {
    inputDigest,
    key: computeDigest(operation === undefined ? identity : { ...identity, kind: operation }),
  };
}
