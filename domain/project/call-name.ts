/** Names of the calls that a lifecycle makes in one run. */

/**
 * `enrich` for the first call, then `enrich-2`, or the next number that no other call has. Adds the
 * call to `calls`, which has the newest number of each name.
 */
export function nextCallName(calls: Map<string, number>, name: string): string {
  let number = calls.get(name) ?? 0;
  let full: string;
  do {
    number += 1;
    full = number === 1 ? name : `${name}-${number}`;
  } while (isGiven(calls, full));
  calls.set(name, number);
  return full;
}

/** Whether an earlier call has this name: of its own, or as a number of another name. */
function isGiven(calls: ReadonlyMap<string, number>, full: string): boolean {
  if (calls.has(full)) return true;
  const [, name = '', number = '0'] = /^(.*)-([1-9]\d*)$/.exec(full) ?? [];
  return Number(number) > 1 && (calls.get(name) ?? 0) >= Number(number);
}
