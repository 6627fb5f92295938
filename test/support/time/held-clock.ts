export interface HeldClock {
  pass(milliseconds: number): void;
  release(): void;
}

/**
 * Stops `Date.now`, so that no time passes for the code under test while the machine is slow, and
 * moves it on by hand. Timers go on.
 */
export function holdClock(): HeldClock {
  let now = Date.now();
  const held = jest.spyOn(Date, 'now').mockImplementation(() => now);
  return { pass: (milliseconds) => void (now += milliseconds), release: () => held.mockRestore() };
}
