import { isUtf8 } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { CliError } from './cli-error';

/**
 * The text of a file. Another encoding read as UTF-8 would silently lose characters, and other text
 * would be measured than was written.
 */
export function readTextFile(path: string, shown: string): string {
  const bytes = readBytes(path, shown);
  if (isUtf8(bytes)) return bytes.toString('utf8');
  throw new CliError(
    `${shown}: line ${firstForeignLine(bytes)} of ${basename(path)} is not valid UTF-8`,
    2,
    'save it as UTF-8',
  );
}

function readBytes(path: string, shown: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new CliError(
      `${shown} cannot be read: ${error instanceof Error ? error.message : String(error)}`,
      2,
    );
  }
}

/** A line end is a single byte in UTF-8 and in the encodings that are mistaken for it. */
function firstForeignLine(bytes: Buffer): number {
  for (let [line, from] = [1, 0]; ; line += 1) {
    const end = bytes.indexOf(10, from);
    if (end === -1 || !isUtf8(bytes.subarray(from, end))) return line;
    from = end + 1;
  }
}
