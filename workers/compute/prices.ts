import { readFileSync } from 'node:fs';
import type { ComputePrices } from '../../domain/cost/price';
import { readPrices } from '../../domain/cost/prices.schema';
import { invalidInput } from '../../domain/document/issue-text';
import { failure } from '../../domain/failure';
import type { Environment } from '../environment';

const setting = 'PERENNIAL_PRICES_FILE';

/**
 * The prices of the file that the setting names. Without it, no backend has a price.
 * @throws InvalidInput with every error in the file
 */
export function computePrices(environment: Environment): ComputePrices {
  const path = environment[setting] ?? '';
  if (path === '') return {};
  const read = readPrices(readText(path), path);
  if (read.ok) return read.value;
  throw invalidInput(`${path}, which ${setting} names,`, read.issues);
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw failure('InvalidInput', `the file ${path} of ${setting} cannot be read: ${reason}`, {
      cause: error,
      next: 'correct the path, or write the file as docs/guides/cost.md shows',
    });
  }
}
