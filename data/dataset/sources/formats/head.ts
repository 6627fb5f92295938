import { open } from 'node:fs/promises';

/** First and last bytes of a file, to recognize its format. */
export async function readEnds(
  path: string,
  bytes: number,
): Promise<{ readonly size: number; readonly head: Buffer; readonly tail: Buffer }> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const length = Math.min(size, bytes);
    const head = Buffer.alloc(length);
    const tail = Buffer.alloc(length);
    await file.read(head, 0, length, 0);
    await file.read(tail, 0, length, size - length);
    return { size, head, tail };
  } finally {
    await file.close();
  }
}

const magics: readonly [name: string, magic: string][] = [
  ['Parquet', '50415231'],
  ['an encrypted Parquet file', '50415245'],
  ['gzip', '1f8b'],
  ['a Zstandard archive', '28b52ffd'],
  ['bzip2', '425a68'],
  ['an xz archive', 'fd377a585a00'],
  ['a ZIP archive (perhaps a spreadsheet)', '504b0304'],
  ['an Arrow file', '4152524f5731'],
  ['an ORC file', '4f5243'],
  ['an Avro file', '4f626a01'],
  ['an SQLite database', '53514c69746520666f726d6174'],
  ['UTF-16 text', 'fffe'],
  ['UTF-16 text', 'feff'],
];

/** Description of the format by its first bytes; null for plain text and unknown formats. */
export function looksLike(head: Buffer): string | null {
  const hex = head.subarray(0, 16).toString('hex');
  const magic = magics.find(([, start]) => hex.startsWith(start));
  if (magic) return magic[0];
  const text = head.subarray(0, 256).toString('latin1').trimStart().toLowerCase();
  if (text.startsWith('<!doctype html') || text.startsWith('<html')) return 'a web page';
  if (text.startsWith('<')) return 'XML';
  if (text.startsWith('[')) return 'a JSON array';
  if (text.startsWith('{')) return 'JSON';
  if (head.includes(0)) return 'binary';
  return null;
}
