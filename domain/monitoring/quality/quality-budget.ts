import { daysOf, isScoreBin, type QualityMeasure, type QualityScale } from './quality-blocks';

/** A mean that is compared with its limit in each block of a scale. */
export interface QualityTest {
  readonly slice: string;
  readonly measure: QualityMeasure;
  readonly scale: QualityScale;
}

/** The part of the false alarms for calibration by score, if there are bins to test. */
const calibrationShare = 0.2;
const daysPerYear = 365.25;

/**
 * The probability with which one of the `tests` may raise a false alarm in one block of its scale:
 *   falseAlarmsPerYear · share / (scales · tests at this scale · blocks in a year)
 * The tests of score bins have a share of 0.2, and those of all requests and of slices the rest. If
 * there are only tests of one group, it has all. Scales and tests are counted within the group.
 *
 * Over all tests and blocks of a year, these sum to `falseAlarmsPerYear`, which bounds the expected
 * number of false alarms under any dependence (the per-family error rate of J. W. Tukey).
 */
export function qualityAlpha(
  { slice, scale }: QualityTest,
  tests: readonly QualityTest[],
  falseAlarmsPerYear: number,
): number {
  const isBin = isScoreBin(slice);
  const group = tests.filter((test) => isScoreBin(test.slice) === isBin);
  const scales = new Set(group.map((test) => test.scale)).size;
  const atScale = group.filter((test) => test.scale === scale).length;
  const part = isBin ? calibrationShare : 1 - calibrationShare;
  const share = group.length === tests.length ? 1 : part;
  const blocksPerYear = daysPerYear / daysOf[scale];
  return (share * falseAlarmsPerYear) / (scales * atScale * blocksPerYear);
}
