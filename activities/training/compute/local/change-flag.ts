/** A flag for changes since the last look. */
export interface ChangeFlag {
  arrive(): void;
  /** Clears the flag; only later changes set it again. */
  read(): void;
  /** Resolves when the flag is set, or at once if it is. */
  wait(): Promise<void>;
}

export function createChangeFlag(): ChangeFlag {
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
