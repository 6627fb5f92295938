export interface HeldClock {
  pass(milliseconds: number): void;
  release(): void;
}

/**
 * Freezes `Date.now` and advances it by hand, so that a slow machine does not matter. Timers
 * continue.
 */
export function holdClock(): HeldClock {
  let now = Date.now();
  const held = jest.spyOn(Date, 'now').mockImplementation(() => now);
  return { pass: (milliseconds) => void (now += milliseconds), release: () => held.mockRestore() };
}
