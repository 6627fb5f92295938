/**
 * A whole number and a binary unit. Decimal units such as `2GB` are ambiguous, so they are errors.
 */
export const byteSizePattern = /^(\d{1,6})(KiB|MiB|GiB|TiB)$/;

const bytesPer = { KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 } as const;

/** `512MiB`, `2GiB`; null for anything else. */
export function parseByteSize(text: string): number | null {
  const [, count, unit] = byteSizePattern.exec(text) ?? [];
  if (count === undefined || unit === undefined) return null;
  return Number(count) * bytesPer[unit as keyof typeof bytesPer];
}

/** `2147483648` as `2GiB`; whole bytes when no unit divides it. */
export function formatByteSize(bytes: number): string {
  const unit = (['TiB', 'GiB', 'MiB', 'KiB'] as const).find(
    (each) => bytes > 0 && bytes % bytesPer[each] === 0,
  );
  return unit ? `${bytes / bytesPer[unit]}${unit}` : `${bytes} bytes`;
}

/** The valid spelling of `2GB`, `512 mb` or `2g`; null for other texts. */
export function suggestByteSize(text: string): string | null {
  const [, count, letter] = /^\s*(\d{1,6})\s*([kmgt])i?b?\s*$/i.exec(text) ?? [];
  if (count === undefined || letter === undefined) return null;
  return `${Number(count)}${letter.toUpperCase()}iB`;
}
