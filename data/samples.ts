import { join } from 'node:path';
import { llmFolder } from './language/runtime-module';

/**
 * Sample tables of a default installation: New York flights of 2013, Washington bikes of 2011, and
 * handwritten digits.
 */
export const sampleNames = ['flights', 'weather', 'planes', 'bikes', 'digits'] as const;

/** Sample tables of the language parts: Wikipedia summaries and questions, WordNet glosses. */
export const llmSampleNames = ['wiki-summaries', 'wiki-questions', 'wordnet-glosses'] as const;

/** Path of `sample://name` and the command that fetches it; null for an unknown name. */
export function samplePath(
  samplesDir: string,
  name: string,
): { readonly path: string; readonly fetchedBy: string } | null {
  if (isOneOf(sampleNames, name))
    return { path: join(samplesDir, `${name}.parquet`), fetchedBy: 'npx perennial up' };
  if (isOneOf(llmSampleNames, name))
    return { path: join(llmFolder, 'data', `${name}.parquet`), fetchedBy: 'npm run provision:llm' };
  return null;
}

function isOneOf(names: readonly string[], name: string): boolean {
  return names.includes(name);
}
