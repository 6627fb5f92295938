/** The items of a map, in pages that a worker reads once. */
import type { ArtifactStore } from '../../data/artifact/store';
import type { ArtifactRef } from '../../domain/dataset/artifact';
import { failure } from '../../domain/failure';
import { count } from '../../domain/format';
import { mapLimits, type ItemPages, type StoredItems } from '../../domain/project/map';
import { stageValueBytes } from '../../domain/project/stage';
import type { RunRef } from '../../domain/run/run';

const pageItems = 500;
/** Bytes of JSON. */
const pageBytes = 1 << 20;
/** Pages and indexes that a process keeps in memory. */
const keptArtifacts = 16;

/** @throws InvalidInput when there are too many items, or one is too large. */
export async function storePages(
  artifacts: Pick<ArtifactStore, 'putJson'>,
  { tenant, runId, call }: RunRef & { readonly call: string },
  items: readonly unknown[],
): Promise<StoredItems> {
  if (items.length > mapLimits.items)
    throw failure(
      'InvalidInput',
      `map ${call} has ${count(items.length)} items; at most ${count(mapLimits.items)} are allowed`,
      { next: 'divide the items among several maps, or put several into one item' },
    );
  const pages: ItemPages['pages'][number][] = [];
  let from = 0;
  let bytes = 0;
  const end = async (to: number): Promise<void> => {
    const page = items.slice(from, to);
    pages.push({ from, items: await artifacts.putJson({ tenant, runId, value: page }) });
    from = to;
    bytes = 0;
  };
  for (const [index, item] of items.entries()) {
    const size = Buffer.byteLength(JSON.stringify(item));
    if (size > stageValueBytes)
      throw failure(
        'InvalidInput',
        `item ${index} of map ${call} has ${count(size)} bytes of JSON; ` +
          `at most ${count(stageValueBytes)} are allowed`,
        { next: 'pass references to artifacts or dataset versions instead of the data' },
      );
    if (index > from && (index - from >= pageItems || bytes + size > pageBytes)) await end(index);
    bytes += size;
  }
  if (items.length > from) await end(items.length);
  const index: ItemPages = { pages };
  return {
    index: await artifacts.putJson({ tenant, runId, value: index }),
    total: items.length,
  };
}

/** Reads single items. A page that many items share is fetched once. */
export function openItemReader(artifacts: Pick<ArtifactStore, 'getJson'>) {
  const kept = new Map<string, Promise<unknown>>();
  const read = <Value>(ref: ArtifactRef): Promise<Value> => {
    const reading = kept.get(ref.digest) ?? artifacts.getJson(ref);
    // The newest is last, so that the first one is removed.
    kept.delete(ref.digest);
    kept.set(ref.digest, reading);
    reading.catch(() => kept.delete(ref.digest));
    const [oldest] = kept.keys();
    if (kept.size > keptArtifacts && oldest !== undefined) kept.delete(oldest);
    return reading as Promise<Value>;
  };
  return async (index: ArtifactRef, item: number): Promise<unknown> => {
    const { pages } = await read<ItemPages>(index);
    const page = pages.findLast(({ from }) => from <= item);
    if (!page) throw failure('NotFound', `there is no item ${item} in ${index.uri}`);
    const items = await read<readonly unknown[]>(page.items);
    return items[item - page.from];
  };
}
