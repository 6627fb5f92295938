/** Counts of one hour of event time, which are added up. */
export interface WindowCounts {
  readonly rows: number;
  /** By feature, then bin. Empty without a reference. */
  readonly features: Readonly<Record<string, readonly number[]>>;
  /** Rows per bin of the score; empty without a reference of the score. */
  readonly score: readonly number[];
  /** By pair of features, then bin of its score. Empty without a reference. */
  readonly pairs: Readonly<Record<string, readonly number[]>>;
  /** By bucket of `latencyLimitsMs` in service.ts, and above the last. */
  readonly latency: readonly number[];
  readonly labels: number;
  /** Sum over the labelled requests. */
  readonly loss: number;
}

export const emptyWindow: WindowCounts = {
  rows: 0,
  features: {},
  score: [],
  pairs: {},
  latency: [],
  labels: 0,
  loss: 0,
};

export function addWindows(one: WindowCounts, other: WindowCounts): WindowCounts {
  return {
    rows: one.rows + other.rows,
    features: addByName(one.features, other.features),
    score: addCounts(one.score, other.score),
    pairs: addByName(one.pairs, other.pairs),
    latency: addCounts(one.latency, other.latency),
    labels: one.labels + other.labels,
    loss: one.loss + other.loss,
  };
}

type CountsByName = Readonly<Record<string, readonly number[]>>;

function addByName(one: CountsByName, other: CountsByName): CountsByName {
  const names = new Set([...Object.keys(one), ...Object.keys(other)]);
  return Object.fromEntries(
    [...names].map((name) => [name, addCounts(one[name] ?? [], other[name] ?? [])]),
  );
}

export function addCounts(one: readonly number[], other: readonly number[]): readonly number[] {
  return Array.from(
    { length: Math.max(one.length, other.length) },
    (_, index) => (one[index] ?? 0) + (other[index] ?? 0),
  );
}

const hourMs = 3_600_000;

/** Start of the hour of a time, as an ISO text in UTC. */
export function toHour(time: string): string {
  return new Date(Math.floor(Date.parse(time) / hourMs) * hourMs).toISOString();
}
