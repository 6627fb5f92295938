import {
  assembledParts,
  groupColumn,
  type AssembledPartName,
} from '../../../domain/dataset/assembled';
import type { Column } from '../../../domain/dataset/dataset';
import type { SplitSpec } from '../../../domain/lifecycle/lifecycle';
import { quoteName, quoteText } from '../../sql/platform-sql';

export type DrawnSplit = Exclude<SplitSpec, { readonly by: 'time' }>;

/**
 * Hexadecimal digits of the hash that are kept: 64 bits, so that two of a billion groups hardly
 * ever share one.
 */
const digits = 16;
/** Digits that decide the part; each part gets its share to within 2⁻³². */
const decidingDigits = 8;

/**
 * SQL for the hash that puts a row into its part: of its group, or of all its columns but the
 * label, in the order of their names. It depends on nothing but these values, so a row stays in its
 * part when rows are added, taken away or put in another order. Null without a group.
 */
export function drawnHash(split: DrawnSplit, available: readonly Column[]): string {
  const text =
    split.by === 'group'
      ? `CAST(${quoteName(split.column)} AS VARCHAR)`
      : `concat_ws(chr(31), ${available
          .map(({ name }) => name)
          .sort()
          .map((name) => `coalesce(CAST(${quoteName(name)} AS VARCHAR), chr(30))`)
          .join(', ')})`;
  return `substr(md5(${text}), 1, ${digits})`;
}

/**
 * SQL for the rows of a part. The holdout has the lowest hashes, then confirm, then tuning:
 * changing the share of one part leaves those before it as they are.
 */
export function drawnPart(part: AssembledPartName, split: DrawnSplit): string {
  const place = `CAST('0x' || substr(${groupColumn}, 1, ${decidingDigits}) AS BIGINT)`;
  const [from, until] = rangeOf(part, split).map((share) =>
    Math.round(share * 16 ** decidingDigits),
  );
  return `${place} >= ${from} AND ${place} < ${until}`;
}

function rangeOf(
  part: AssembledPartName,
  { holdout, confirm, tuning }: DrawnSplit,
): readonly [number, number] {
  const ends = {
    holdout,
    confirm: holdout + confirm,
    tuning: holdout + confirm + tuning,
    train: 1,
  };
  const before = assembledParts[assembledParts.indexOf(part) + 1];
  return [before === undefined ? 0 : ends[before], ends[part]];
}

/** SQL for a list of texts. */
export function textList(texts: readonly string[]): string {
  return `[${texts.map(quoteText).join(', ')}]`;
}
