/** Counts how many tasks run at once now, and at most. */
export interface Gauge {
  during<T>(work: () => Promise<T>): Promise<T>;
  most(): number;
}

export function openGauge(): Gauge {
  let [now, most] = [0, 0];
  return {
    async during(work) {
      now += 1;
      most = Math.max(most, now);
      try {
        return await work();
      } finally {
        now -= 1;
      }
    },
    most: () => most,
  };
}
