/**
 * The frequency of an event in simulated worlds, with the exact 95 % interval of C. J. Clopper and
 * E. S. Pearson, Biometrika 26 (1934).
 */
export interface Rate {
  readonly hits: number;
  readonly worlds: number;
  readonly rate: number;
  readonly lower: number;
  readonly upper: number;
}

export function estimateRate(hits: number, worlds: number): Rate {
  return {
    hits,
    worlds,
    rate: hits / worlds,
    lower: hits === 0 ? 0 : root((p) => 1 - binomialCdf(hits - 1, worlds, p) > 0.025),
    upper: hits === worlds ? 1 : root((p) => binomialCdf(hits, worlds, p) < 0.025),
  };
}

/** The number of worlds in which the event occurs; each world has its number as seed. */
export function rateIn(worlds: number, happens: (world: number) => boolean): Rate {
  let hits = 0;
  for (let world = 0; world < worlds; world += 1) hits += happens(world) ? 1 : 0;
  return estimateRate(hits, worlds);
}

/** The smallest p for which `beyond` is true; `beyond` must be monotone. */
function root(beyond: (p: number) => boolean): number {
  let [low, high] = [0, 1];
  for (let halving = 0; halving < 50; halving += 1) {
    const middle = (low + high) / 2;
    if (beyond(middle)) high = middle;
    else low = middle;
  }
  return high;
}

function binomialCdf(k: number, n: number, p: number): number {
  if (p <= 0) return 1;
  if (p >= 1) return k >= n ? 1 : 0;
  let log = n * Math.log1p(-p);
  let sum = Math.exp(log);
  for (let i = 1; i <= k; i += 1) {
    log += Math.log((n - i + 1) / i) + Math.log(p) - Math.log1p(-p);
    sum += Math.exp(log);
  }
  return Math.min(1, sum);
}
