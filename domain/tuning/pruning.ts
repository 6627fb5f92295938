/** After how many iterations a trial is compared with others. */
import type { pruners, TuneSpec } from './tune-spec';

/**
 * Rungs of `hyperband` and `asha` are at `min · factor^k` iterations. Bracket b of hyperband begins
 * at rung b, so that some trials are compared early and others late; asha has one bracket. L. Li et
 * al., "Hyperband", JMLR 18 (2018); asynchronous rungs as in L. Li et al., "A System for Massively
 * Parallel Hyperparameter Tuning", MLSys 2020. `median` compares at every multiple of `min` with
 * the median of the complete trials (D. Golovin et al., "Google Vizier", KDD 2017).
 */
export interface PruningSchedule {
  readonly pruner: Exclude<(typeof pruners)[number], 'none'>;
  readonly min: number;
  readonly max: number;
  readonly factor: number;
}

const factor = 3;
/** With enough iterations, four brackets: first compared after 1/27, 1/9, 1/3 or at the end. */
const earliest = factor ** 3;
/** How often the median rule compares a trial, at most. */
const maxMedians = 10;

/** Null without a pruner, or when a trial has too few iterations for pruning. */
export function planPruning(
  pruner: TuneSpec['pruner'],
  maxIterations: number | null,
): PruningSchedule | null {
  if (pruner === 'none' || maxIterations === null || maxIterations < factor) return null;
  const parts = pruner === 'median' ? maxMedians : earliest;
  return {
    pruner,
    min: Math.max(1, Math.floor(maxIterations / parts)),
    max: maxIterations,
    factor,
  };
}

export function listRungs({ pruner, min, max, factor: by }: PruningSchedule): readonly number[] {
  const rungs: number[] = [];
  for (let rung = min; rung < max; rung = pruner === 'median' ? rung + min : rung * by)
    rungs.push(rung);
  return rungs;
}
