import type { Digest } from '../../domain/dataset/artifact';
import { digestOf } from '../digest';
import type { ModelTarget, Question } from './model-access';

export interface CallIdentity {
  /** Whoever is meant to answer: a standby's answer is the same call's. */
  readonly target: ModelTarget;
  readonly question: Question;
  /** Of the prompt's version, where there is one; the question has its text, filled in. */
  readonly promptDigest: Digest | null;
  /** From 0; asking the same again on purpose is another call. */
  readonly repeat: number;
  /** Not given for a chat, whose answer to the same is another. */
  readonly operation?: 'moderation' | 'rerank' | undefined;
}

/**
 * All that decides an answer, and nothing else: the same call made by another run has the same key.
 */
export function callKey({ target, question, promptDigest, repeat, operation }: CallIdentity): {
  readonly key: Digest;
  readonly inputDigest: Digest;
} {
  const inputDigest = digestOf(question.messages);
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
    key: digestOf(operation === undefined ? identity : { ...identity, kind: operation }),
  };
}
