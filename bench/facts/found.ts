import { defaultTenant as tenant } from '../../domain/ids';
import type { Retrieved } from '../../domain/index/retrieval-metrics';
import type { SearchMode } from '../../domain/index/version';
import type { Fact } from './fact';
import type { WikiIndex } from './wiki-index';

/** The number of chunks to find; several chunks of one document count once. */
const hits = 30;

export async function findAll(
  { reader, name, version }: WikiIndex,
  mode: SearchMode,
  facts: readonly Fact[],
): Promise<readonly Retrieved[]> {
  const found: Retrieved[] = [];
  for (const { question, document } of facts) {
    const answer = await reader.query({
      tenant,
      index: name,
      version,
      text: question,
      k: hits,
      mode,
    });
    found.push({
      question,
      gold: [document],
      found: [...new Set(answer.hits.map(({ documentId }) => documentId))],
    });
  }
  return found;
}
