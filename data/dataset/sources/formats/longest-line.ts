import { createReadStream } from 'node:fs';

export interface LongestLine {
  /** Counted from 1. */
  readonly line: number;
  readonly bytes: number;
}

/** Finds the longest line of a file in constant memory. */
export async function findLongestLine(path: string): Promise<LongestLine> {
  let longest: LongestLine = { line: 1, bytes: 0 };
  let [line, bytes] = [1, 0];
  const endLine = (): void => {
    if (bytes > longest.bytes) longest = { line, bytes };
  };
  for await (const piece of createReadStream(path, {
    highWaterMark: 1 << 20,
  }) as AsyncIterable<Buffer>) {
    let from = 0;
    for (let newline = piece.indexOf(10); newline !== -1; newline = piece.indexOf(10, from)) {
      bytes += newline - from;
      endLine();
      [line, bytes, from] = [line + 1, 0, newline + 1];
    }
    bytes += piece.byteLength - from;
  }
  endLine();
  return longest;
}
