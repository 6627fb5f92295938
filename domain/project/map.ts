/**
 * A bounded map: a stage or a Python step of the project runs once for each item, some of them at
 * once.
 */
import type { ArtifactRef } from '../artifact';

/**
 * `failFast` fails the map with the first item that fails. `collect` returns all failures.
 * `tolerate` is a share such as 0.01 or `1%`: more failures fail the map.
 */
export type ItemFailurePolicy =
  'failFast' | 'collect' | { readonly tolerate: number | `${number}%` };

export interface StageMapOptions {
  /** The largest number of items that run at once, 1 to 500. Default 8. */
  readonly parallel?: number;
  /** What the failure of an item does to the map. Default `failFast`. */
  readonly onFailure?: ItemFailurePolicy;
}

export interface ItemError {
  readonly type: string;
  readonly message: string;
}

export interface ItemFailure extends ItemError {
  /** The position of the item, beginning with 0. */
  readonly index: number;
}

export interface StageMapResult<Output> {
  /** The number of items. */
  readonly total: number;
  readonly succeeded: number;
  readonly failed: number;
  /**
   * JSON lines with one object for each item, in order: `{"index":0,"output":…}`, or
   * `{"index":0,"failure":{"type":…,"message":…}}` for an item that failed. An item of a Python
   * step also has `logs`, the artifact with its log.
   */
  readonly results: ArtifactRef;
  /** The outputs in order, with null for a failed item. Null when they exceed 32 KB of JSON. */
  readonly outputs: readonly (Output | null)[] | null;
  /** The first 50 failures. All of them are in `results`. */
  readonly failures: readonly ItemFailure[];
}

/** The items of a map, stored in pages. */
export interface StoredItems {
  /** Refers to an ItemPages. */
  readonly index: ArtifactRef;
  readonly total: number;
}

export interface ItemPages {
  /** Each page refers to a JSON array and begins with the item `from`. */
  readonly pages: readonly { readonly from: number; readonly items: ArtifactRef }[];
}

export const mapLimits = {
  /** The largest number of items of one map. */
  items: 100_000,
  parallel: 500,
  /** Bytes of JSON of the outputs that the result of a map contains. */
  outputBytes: 32 * 1024,
  /** Failures that the result of a map contains. */
  failures: 50,
  /** Characters of a failure's message in the result of a map. */
  messageCharacters: 400,
} as const;

export const mapDefaults = { parallel: 8, onFailure: 'failFast' } as const;

/** The largest number of failures that does not fail the map; null for an invalid policy. */
export function computeMaxFailures(policy: ItemFailurePolicy, total: number): number | null {
  if (policy === 'failFast') return 0;
  if (policy === 'collect') return total;
  const { tolerate } = policy;
  if (typeof tolerate === 'number')
    // The addend offsets the rounding of shares such as 0.29.
    return tolerate >= 0 && tolerate <= 1 ? Math.floor(tolerate * total + 1e-9) : null;
  const [, text] = /^(\d{1,3}(?:\.\d{1,6})?)\s*%$/.exec(tolerate) ?? [];
  const percent = Number(text);
  return percent <= 100 ? Math.floor((percent * total) / 100 + 1e-9) : null;
}

export interface StageMapState {
  readonly total: number;
  readonly parallel: number;
  readonly maxFailures: number;
  /** The first item that this execution does not start. */
  readonly leaveAt: number;
  /** The first item that has not started. */
  readonly next: number;
  readonly running: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly isPaused: boolean;
}

export type StageMapEvent =
  | { readonly kind: 'begun' }
  | { readonly kind: 'itemEnded'; readonly outcome: 'succeeded' | 'failed' }
  | { readonly kind: 'paused' }
  | { readonly kind: 'resumed' }
  /** No more items start in this execution. */
  | { readonly kind: 'historyFull' };

/** The state after an event, and the items that start now. */
export function nextMapState(
  before: StageMapState,
  event: StageMapEvent,
): { readonly state: StageMapState; readonly start: readonly number[] } {
  const state = after(before, event);
  const { next, running, parallel, total, leaveAt } = state;
  const free = state.isPaused || hasTooManyFailures(state) ? 0 : parallel - running;
  const count = Math.max(0, Math.min(free, Math.min(total, leaveAt) - next));
  return {
    state: { ...state, next: next + count, running: running + count },
    start: Array.from({ length: count }, (_, offset) => next + offset),
  };
}

/** Whether no item runs and this execution starts no more. */
export function isMapIdle(state: StageMapState): boolean {
  const { running, next, total, leaveAt } = state;
  return running === 0 && (next >= Math.min(total, leaveAt) || hasTooManyFailures(state));
}

export function hasTooManyFailures({ failed, maxFailures }: StageMapState): boolean {
  return failed > maxFailures;
}

function after(state: StageMapState, event: StageMapEvent): StageMapState {
  switch (event.kind) {
    case 'begun':
      return state;
    case 'itemEnded':
      return {
        ...state,
        running: state.running - 1,
        [event.outcome]: state[event.outcome] + 1,
      };
    case 'paused':
      return { ...state, isPaused: true };
    case 'resumed':
      return { ...state, isPaused: false };
    case 'historyFull':
      return { ...state, leaveAt: Math.min(state.leaveAt, state.next) };
  }
}
