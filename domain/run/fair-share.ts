/** Temporal's limit for a fairness key. */
const mostBytes = 64;

/**
 * Whose share of the workers a run takes: each lifecycle of each tenant has the same, however many
 * of its runs wait.
 */
export function fairnessKeyOf({
  tenant,
  lifecycle,
}: {
  readonly tenant: string;
  readonly lifecycle: string;
}): string {
  const key = `${tenant}/${lifecycle}`;
  return key.length <= mostBytes ? key : `${key.slice(0, mostBytes - 9)}~${hashOf(key)}`;
}

/** FNV-1a, in eight hexadecimal digits. */
function hashOf(text: string): string {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1)
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, '0');
}
