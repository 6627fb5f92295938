/**
 * How a rollout moves traffic, if not as a canary.
 * - `shadow`: the challenger never answers.
 * - `blueGreen`: all traffic switches at once, and the champion stays loaded beside it.
 * - `ab`: one or more challengers have fixed shares until the horizon.
 * - `bandit`: the share moves once a day, to the probability that the challenger is better.
 */
export const rolloutMethods = ['shadow', 'blueGreen', 'ab', 'bandit'] as const;
export type RolloutMethod = (typeof rolloutMethods)[number];

/**
 * Percent of entities by step, if the file has no `steps`. In an A/B rollout the champion and each
 * challenger have the same share by default. A bandit has the least and the greatest share.
 */
export function defaultSteps(method: 'canary' | RolloutMethod, challengers = 1): readonly number[] {
  switch (method) {
    case 'canary':
      return [0, 5, 25, 50];
    case 'shadow':
      return [0];
    case 'blueGreen':
      return [0, 100];
    case 'ab':
      return [Number(((100 * challengers) / (challengers + 1)).toFixed(2))];
    case 'bandit':
      return [5, 95];
  }
}

export function readMethod({
  method,
}: {
  readonly method?: RolloutMethod;
}): 'canary' | RolloutMethod {
  return method ?? 'canary';
}
