import { createReadStream } from 'node:fs';
import type { IndexDocument, Rejection } from '../../domain/index/document';

export type ReadDocument =
  IndexDocument | { readonly rejected: Rejection; readonly id: string | null };

/**
 * Read documents from an NDJSON file: `id`, `text` and optionally `title` and `source`. Invalid
 * lines are returned as rejected. A line that is too long is not kept in memory.
 */
export async function* readDocumentLines(
  path: string,
  limits: { readonly maxBytes: number },
): AsyncGenerator<ReadDocument> {
  // In JSON each byte of the text may be escaped with up to six bytes.
  const longest = limits.maxBytes * 6 + 4096;
  let held: Buffer[] = [];
  let bytes = 0;
  const line = (): ReadDocument | null => {
    const [whole, length] = [Buffer.concat(held), bytes];
    [held, bytes] = [[], 0];
    if (length > longest) return { rejected: 'tooLarge', id: null };
    return length === 0 || whole.every((byte) => byte === 0x20 || byte === 0x0d || byte === 0x09)
      ? null
      : parseDocument(whole, limits.maxBytes);
  };
  for await (const piece of createReadStream(path, {
    highWaterMark: 1 << 20,
  }) as AsyncIterable<Buffer>) {
    let from = 0;
    for (let newline = piece.indexOf(10); newline !== -1; newline = piece.indexOf(10, from)) {
      if (bytes <= longest) held.push(piece.subarray(from, newline));
      bytes += newline - from;
      from = newline + 1;
      const read = line();
      if (read) yield read;
    }
    bytes += piece.byteLength - from;
    if (bytes <= longest) held.push(piece.subarray(from));
    else held = [];
  }
  const last = line();
  if (last) yield last;
}

function parseDocument(bytes: Buffer, maxBytes: number): ReadDocument {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return { rejected: 'encoding', id: null };
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { rejected: text.includes('\0') ? 'binary' : 'unreadable', id: null };
  }
  const row = (typeof value === 'object' && value !== null ? value : {}) as Readonly<
    Record<string, unknown>
  >;
  return toReadDocument(row, maxBytes);
}

export function toReadDocument(
  row: Readonly<Record<string, unknown>>,
  maxBytes: number,
): ReadDocument {
  const id =
    typeof row['id'] === 'string'
      ? row['id']
      : typeof row['id'] === 'number'
        ? String(row['id'])
        : null;
  if (id === null) return { rejected: 'withoutId', id: null };
  if (row['text'] === null || row['text'] === undefined) return { rejected: 'empty', id };
  if (typeof row['text'] !== 'string') return { rejected: 'unreadable', id };
  if (Buffer.byteLength(row['text']) > maxBytes) return { rejected: 'tooLarge', id };
  const optional = (name: string): string | null =>
    typeof row[name] === 'string' && row[name] !== '' ? row[name] : null;
  return { id, text: row['text'], title: optional('title'), source: optional('source') };
}

export function documentLine(document: IndexDocument): Buffer {
  return Buffer.from(`${JSON.stringify(document)}\n`);
}
