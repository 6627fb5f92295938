import { confidenceAt, maxAttempts } from '../../evaluation/attempts';
import type { RunId } from '../../ids';
import type { LlmGate } from './gate';

/** Cases to ask again only to measure latency. A fresh `repeat` makes each a new ledger request. */
export interface LatencySample {
  readonly cases: number;
  readonly repeat: number;
}

/** Above the repeats of dimensions and of questions that a standby answered. */
const firstRepeat = 1_000_000;

/**
 * The cases that latency gates need in this run if earlier runs paid for its answers. That is twice
 * as many as an upper bound of the quantile needs, so that one slow case does not leave a gate
 * undecided, and at least as many as the last attempt on a case set needs. Null without a latency
 * gate. `looks`: how many looks share the error of the bounds.
 */
export function latencySample(
  gates: readonly LlmGate[],
  { runId, looks }: { readonly runId: RunId; readonly looks: number },
): LatencySample | null {
  const needed = gates.flatMap((gate) => {
    if (gate.kind !== 'latency') return [];
    const least = (attempt: number) =>
      Math.ceil(
        Math.log((1 - confidenceAt(gate.confidence, attempt)) / looks) / Math.log(gate.quantile),
      );
    return [Math.max(gate.minCases, 2 * least(1), least(maxAttempts))];
  });
  return needed.length === 0
    ? null
    : { cases: Math.max(...needed), repeat: firstRepeat + (hashText(runId) % 1_000_000_000) };
}

/** FNV-1a. */
function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1)
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return hash >>> 0;
}
