/** Temporal's limit for a fairness key. */
const maxBytes = 64;

export const runPriorities = ['low', 'normal', 'high'] as const;

/** How often a run gets its turn while runs wait for a worker. */
export type RunPriority = (typeof runPriorities)[number];

/** A share of the workers, as Temporal takes it. */
export interface FairShare {
  readonly fairnessKey: string;
  /** Turns for one turn of a share with the weight 1. */
  readonly fairnessWeight: number;
}

const weights: Readonly<Record<RunPriority, number>> = { low: 0.25, normal: 1, high: 4 };

/**
 * The share of a run. Every lifecycle of every tenant has an equal one for its runs of normal
 * priority. Its other runs have a share of their own, so an urgent run does not wait for those that
 * came before it.
 */
export function buildFairShare({
  tenant,
  lifecycle,
  priority = 'normal',
}: {
  readonly tenant: string;
  readonly lifecycle: string;
  readonly priority?: RunPriority | undefined;
}): FairShare {
  const name = `${tenant}/${lifecycle}${priority === 'normal' ? '' : `:${priority}`}`;
  return {
    fairnessKey:
      name.length <= maxBytes ? name : `${name.slice(0, maxBytes - 9)}~${hashText(name)}`,
    fairnessWeight: weights[priority],
  };
}

/** FNV-1a, in eight hexadecimal digits. */
function hashText(text: string): string {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1)
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, '0');
}
