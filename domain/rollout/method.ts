/**
 * How a rollout moves traffic, if not as a canary.
 * - `shadow`: the challenger never answers.
 * - `blueGreen`: all traffic switches at once, and the champion stays loaded beside it.
 */
export const rolloutMethods = ['shadow', 'blueGreen'] as const;
export type RolloutMethod = (typeof rolloutMethods)[number];

/** Percent of entities by step, if the file has no `steps`. */
export const defaultSteps = {
  canary: [0, 5, 25, 50],
  shadow: [0],
  blueGreen: [0, 100],
} as const satisfies Readonly<Record<'canary' | RolloutMethod, readonly number[]>>;

export function methodOf({
  method = 'canary',
}: {
  readonly method?: RolloutMethod;
}): 'canary' | RolloutMethod {
  return method;
}
