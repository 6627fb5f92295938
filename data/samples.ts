import { join } from 'node:path';
import { llmFolder } from './language/runtime-module';

/**
 * The tables that provisioning puts into the samples folder: flights of 2013 from New York, bikes
 * hired in Washington in 2011.
 */
export const sampleNames = ['flights', 'weather', 'planes', 'bikes'] as const;

/**
 * Those that come with the parts for language models: summaries of Wikipedia's articles, questions
 * about them, and WordNet's definitions.
 */
export const llmSampleNames = ['wiki-summaries', 'wiki-questions', 'wordnet-glosses'] as const;

/** Where `sample://name` is, and how it comes to be there; null when no sample has that name. */
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
