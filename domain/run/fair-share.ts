/** Temporal's limit for a fairness key. */
const maxBytes = 64;

/** The fairness key of a run: every lifecycle of every tenant gets an equal share of workers. */
export function fairnessKeyOf({
  tenant,
  lifecycle,
}: {
  readonly tenant: string;
  readonly lifecycle: string;
}): string {
  const key = `${tenant}/${lifecycle}`;
  return key.length <= maxBytes ? key : `${key.slice(0, maxBytes - 9)}~${hashOf(key)}`;
}

/** FNV-1a, in eight hexadecimal digits. */
function hashOf(text: string): string {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1)
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, '0');
}
