import { confidenceAt, mostAttempts } from '../../decision/gates/attempts';
import type { RunId } from '../../ids';
import type { LlmGate } from './gate';

/**
 * Cases to ask again for their time alone, and the number that makes each another question than any
 * that was paid before.
 */
export interface LatencySample {
  readonly cases: number;
  readonly repeat: number;
}

/** Repeats of dimensions, and of questions that a standby answered, are below this. */
const firstRepeat = 1_000_000;

/**
 * What gates over latency need of this run, where its answers were paid by earlier ones: twice as
 * many cases as it takes to have an upper bound of the quantile at all, so that a slow one in many
 * does not leave it open, and no fewer than the last attempt on a case set needs. Null without such
 * a gate: nothing is asked twice then. `looks`: how often the bounds share their error.
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
    return [Math.max(gate.minCases, 2 * least(1), least(mostAttempts))];
  });
  return needed.length === 0
    ? null
    : { cases: Math.max(...needed), repeat: firstRepeat + (hashOf(runId) % 1_000_000_000) };
}

/** FNV-1a. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1)
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return hash >>> 0;
}
