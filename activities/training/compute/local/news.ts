/** That something happened since somebody looked. */
export interface News {
  arrive(): void;
  /** Somebody looks now: only what comes later is news. */
  read(): void;
  /** At once when there is some. */
  wait(): Promise<void>;
}

export function createNews(): News {
  let arrived = false;
  let waiting: (() => void)[] = [];
  return {
    arrive() {
      arrived = true;
      for (const tell of waiting) tell();
      waiting = [];
    },
    read() {
      arrived = false;
    },
    async wait() {
      if (!arrived) await new Promise<void>((tell) => waiting.push(tell));
    },
  };
}
