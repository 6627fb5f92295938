import { groupColumn } from '../../../domain/training/assembled';
import { assembledParts, type AssembledPartName } from '../../../domain/dataset/split';
import type { Column } from '../../../domain/dataset/dataset';
import type { SplitSpec } from '../../../domain/dataset/split';
import { quoteName, quoteText } from '../../sql/platform-sql';

export type HashSplit = Exclude<SplitSpec, { readonly by: 'time' }>;

/** Hexadecimal digits of the hash: 64 bits make collisions of a billion groups very unlikely. */
const digits = 16;
/** Digits that decide the part. The share of each part is exact to within 2⁻³². */
const decidingDigits = 8;

/**
 * SQL for the hash that puts a row into its part: over its group, or over all columns except the
 * label, sorted by name. Only these values matter, so a row stays in its part when rows are added,
 * removed or reordered. Null without a group.
 */
export function splitHashSql(split: HashSplit, available: readonly Column[]): string {
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
 * SQL for the rows of a part. The holdout has the lowest hashes, then confirm, then tuning.
 * Changing the share of a part does not change the parts before it.
 */
export function splitPartSql(part: AssembledPartName, split: HashSplit): string {
  const place = `CAST('0x' || substr(${groupColumn}, 1, ${decidingDigits}) AS BIGINT)`;
  const [from, until] = computeRange(part, split).map((share) =>
    Math.round(share * 16 ** decidingDigits),
  );
  return `${place} >= ${from} AND ${place} < ${until}`;
}

function computeRange(
  part: AssembledPartName,
  { holdout, confirm, tuning }: HashSplit,
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
