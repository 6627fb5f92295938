/** Counts how many tasks run at once now, and at most. */
export interface Gauge {
  during<T>(work: () => Promise<T>): Promise<T>;
  peak(): number;
}

export function openGauge(): Gauge {
  let [now, peak] = [0, 0];
  return {
    async during(work) {
      now += 1;
      peak = Math.max(peak, now);
      try {
        return await work();
      } finally {
        now -= 1;
      }
    },
    peak: () => peak,
  };
}
