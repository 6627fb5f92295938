import fc from 'fast-check';
import type { LineageEdge, LineageNode } from '../../../db/lineage/repository';
import { measureFastest, timed } from '../../support/time/fastest-of';
import { openTestRegistry, startRun, tenant, unique, type TestRegistry } from '../registry-fixture';

describe('lineage', () => {
  let test_: TestRegistry;
  beforeAll(async () => {
    test_ = await openTestRegistry();
  });
  afterAll(() => test_.close());

  test('leads from a deployment back to its data, and from data to everything made from it', async () => {
    const { lineage } = test_.registry;
    const runId = await startRun(test_.registry);
    const raw: LineageNode = { kind: 'dataset', name: unique('flights'), version: 3 };
    const run: LineageNode = { kind: 'run', name: runId };
    const model: LineageNode = {
      kind: 'model',
      name: unique('model'),
      version: 7,
      digest: `sha256:${'a'.repeat(64)}`,
    };
    const served: LineageNode = { kind: 'deployment', name: unique('gateway') };
    const edges: LineageEdge[] = [
      { from: raw, to: run, runId },
      { from: run, to: model, runId },
      { from: model, to: served, runId: null },
    ];
    await lineage.add({ tenant, edges });
    await lineage.add({ tenant, edges });
    const upstream = await lineage.of({ tenant, node: served, direction: 'upstream' });
    expect(upstream).toEqual([
      { ...edges[2], distance: 1 },
      { ...edges[1], distance: 2 },
      { ...edges[0], distance: 3 },
    ]);
    const downstream = await lineage.of({ tenant, node: raw, direction: 'downstream' });
    expect(downstream.map(({ to }) => to.kind)).toEqual(['run', 'model', 'deployment']);
    expect(
      await lineage.of({ tenant, node: { ...raw, version: 4 }, direction: 'downstream' }),
    ).toEqual([]);
    await lineage.add({ tenant, edges: [] });
  });

  test('finds exactly the reachable nodes, also in cycles', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(5), fc.nat(5)), { maxLength: 14 }),
        fc.nat(5),
        async (pairs, start) => {
          const graph = unique('graph');
          const node = (n: number): LineageNode => ({
            kind: 'dataset',
            name: `${graph}-${n}`,
            version: 1,
          });
          await test_.registry.lineage.add({
            tenant,
            edges: pairs.map(([from, to]) => ({ from: node(from), to: node(to), runId: null })),
          });
          const reached = new Set([start]);
          for (let before = 0; before !== reached.size;) {
            before = reached.size;
            for (const [from, to] of pairs) if (reached.has(from)) reached.add(to);
          }
          const expected = new Set(
            pairs
              .filter(([from]) => reached.has(from))
              .map(([from, to]) => `${graph}-${from} ${graph}-${to}`),
          );
          const found = await test_.registry.lineage.of({
            tenant,
            node: node(start),
            direction: 'downstream',
          });
          expect(found.map(({ from, to }) => `${from.name} ${to.name}`).sort()).toEqual(
            [...expected].sort(),
          );
        },
      ),
      { numRuns: 30 },
    );
  });

  /** Layers of two nodes, each connected with both of the next: 2^32 paths over 128 edges. */
  async function chainOfDiamonds(layers: number): Promise<LineageNode> {
    const graph = unique('diamonds');
    const node = (layer: number, side: number): LineageNode => ({
      kind: 'dataset',
      name: `${graph}-${layer}-${side}`,
      version: 1,
    });
    const edges = Array.from({ length: layers }, (_, layer) =>
      [0, 1].flatMap((from) =>
        [0, 1].map((to) => ({ from: node(layer, from), to: node(layer + 1, to), runId: null })),
      ),
    ).flat();
    await test_.registry.lineage.add({ tenant, edges });
    return node(0, 0);
  }

  test('answers chained diamonds quickly, with the shortest distance of each edge', async () => {
    const start = await chainOfDiamonds(32);
    const query = { tenant, node: start, direction: 'downstream' } as const;
    const { value: found, milliseconds } = await measureFastest(3, 5_000, () =>
      timed(() => test_.registry.lineage.of(query)),
    );
    // Enumerating 2^32 paths takes hours.
    expect(milliseconds).toBeLessThan(5_000);
    expect(found).toHaveLength(2 + 31 * 4);
    expect(found.map(({ distance }) => distance)).toEqual([
      1,
      1,
      ...Array.from({ length: 31 }, (_, layer) => new Array<number>(4).fill(layer + 2)).flat(),
    ]);
  });

  test('pages show every edge once, in the same order', async () => {
    const node = await chainOfDiamonds(8);
    const query = { tenant, node, direction: 'downstream' } as const;
    const paged: LineageEdge[] = [];
    let pageToken: string | undefined;
    do {
      const page = await test_.registry.lineage.page({ ...query, pageSize: 7, pageToken });
      expect(page.items.length).toBeLessThanOrEqual(7);
      paged.push(...page.items);
      pageToken = page.nextPageToken ?? undefined;
    } while (pageToken !== undefined);
    expect(paged).toEqual(await test_.registry.lineage.of(query));
  });
});
