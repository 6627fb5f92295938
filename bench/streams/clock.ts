/**
 * Microseconds of the machine's monotonic clock, which all processes share, as text of sixteen
 * digits.
 */
export function nowMicros(): number {
  return Number(process.hrtime.bigint() / 1000n);
}

export const stampDigits = 16;

export function stamp(): string {
  return String(nowMicros()).padStart(stampDigits, '0');
}
