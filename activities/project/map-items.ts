/** The items of a map, in pages that a worker reads once, and their ends. */
import type { ArtifactStore } from '../../data/artifact/store';
import type { Registry } from '../../db/registry';
import type { ArtifactRef } from '../../domain/artifact';
import { failure } from '../../domain/failure';
import { count } from '../../domain/format';
import {
  mapLimits,
  type ItemError,
  type ItemPages,
  type StoredItems,
} from '../../domain/project/map';
import { stageValueBytes } from '../../domain/project/stage';
import type { RunRef } from '../../domain/run/run';
import { referencedArtifacts } from '../artifact/referenced-artifacts';

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

/** What the journal has for an item. */
export type ItemEnd =
  | {
      readonly output: unknown;
      /** The log of a Python step. */
      readonly logs?: ArtifactRef;
    }
  | { readonly failure: ItemError };

/** Null when the item succeeded. */
export function findItemError(end: ItemEnd): ItemError | null {
  return 'failure' in end ? end.failure : null;
}

/** Keeps the artifacts of a value while the run exists. A map may take longer than their lease. */
export async function holdForRun(
  {
    artifacts,
    registry,
  }: { readonly artifacts: ArtifactStore; readonly registry: Pick<Registry, 'artifacts'> },
  { tenant, runId }: RunRef,
  value: unknown,
): Promise<void> {
  for (const { digest } of await referencedArtifacts(artifacts, value))
    await registry.artifacts.reference({ tenant, digest, by: `run:${runId}` });
}

export type ItemReader = ReturnType<typeof openItemReader>;

/** Reads single items, and what they share. An artifact that many items need is fetched once. */
export function openItemReader(artifacts: Pick<ArtifactStore, 'getJson'>) {
  const kept = new Map<string, Promise<unknown>>();
  const readShared = <Value>(ref: ArtifactRef): Promise<Value> => {
    const reading = kept.get(ref.digest) ?? artifacts.getJson(ref);
    // The newest is last, so that the first one is removed.
    kept.delete(ref.digest);
    kept.set(ref.digest, reading);
    reading.catch(() => kept.delete(ref.digest));
    const [oldest] = kept.keys();
    if (kept.size > keptArtifacts && oldest !== undefined) kept.delete(oldest);
    return reading as Promise<Value>;
  };
  return {
    shared: readShared,
    async item(index: ArtifactRef, item: number): Promise<unknown> {
      const { pages } = await readShared<ItemPages>(index);
      const page = pages.findLast(({ from }) => from <= item);
      if (!page) throw failure('NotFound', `there is no item ${item} in ${index.uri}`);
      const items = await readShared<readonly unknown[]>(page.items);
      return items[item - page.from];
    },
  };
}
