import type { FeatureDrift } from '../drift-results';
import type { OpenJump } from './jump-results';

/**
 * A jump that is younger may be broken data, such as a changed unit, which its source often repairs
 * within hours. One that lasts is what requests look like from then on.
 */
export const settledHours = 24;

/** A jump of a feature that has not lasted for a day yet. */
export interface FreshJump extends OpenJump {
  readonly feature: string;
}

/** The jumps that hold retraining. The alarm of a jump stays open when it is no longer fresh. */
export function listFreshJumps({
  drift,
}: {
  readonly drift: readonly Pick<FeatureDrift, 'feature' | 'jump'>[];
}): readonly FreshJump[] {
  return drift.flatMap(({ feature, jump }) =>
    jump?.alarm && jump.alarm.lastedHours < settledHours ? [{ ...jump.alarm, feature }] : [],
  );
}
