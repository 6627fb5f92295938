import type { ModelCache, ModelHold } from '../../../../apps/gateway/model/model-cache';
import {
  createRoutingTable,
  type BlockedModel,
  type LoadedRoutingTable,
} from '../../../../apps/gateway/routing/routing-table';
import type { ArtifactRef, Digest } from '../../../../domain/artifact';
import type { RolloutId } from '../../../../domain/ids';
import { fakeRegistry, type FakeRegistry } from '../fakes';

function manifest(name: string): ArtifactRef {
  return { uri: '', digest: `sha256:${name}`, bytes: 1, mediaType: 'application/json' };
}
const champion = (version: number) => ({
  alias: 'champion' as const,
  version,
  manifest: manifest(`v${version}`),
});
const challenger = (version: number, weight = 0) => ({
  alias: 'challenger' as const,
  version,
  weight,
  manifest: manifest(`v${version}`),
});
const previous = (version: number) => ({ model: 'm', version, manifest: manifest(`v${version}`) });

interface Setting {
  readonly registry: FakeRegistry;
  readonly table: LoadedRoutingTable;
  readonly reads: () => number;
  readonly epochs: number[];
  readonly blocked: BlockedModel[];
  readonly held: Map<Digest, number>;
  /** Digests that cannot be loaded, and those that take until released. */
  readonly broken: Set<string>;
  readonly slow: Map<string, Promise<void>>;
}

/** Each model takes 10 bytes. */
function setting(maxBytes: number | null = null): Setting {
  const registry = fakeRegistry();
  const held = new Map<Digest, number>();
  const broken = new Set<string>();
  const slow = new Map<string, Promise<void>>();
  const acquire: ModelCache['acquire'] = async ({ manifest: { digest } }) => {
    await slow.get(digest);
    if (broken.has(digest)) throw new Error(`${digest} is corrupt`);
    const take = (): ModelHold => {
      held.set(digest, (held.get(digest) ?? 0) + 1);
      return {
        model: { digest, bytes: 10 } as ModelHold['model'],
        hold: take,
        release: () => held.set(digest, (held.get(digest) ?? 0) - 1),
      };
    };
    return take();
  };
  const usedBytes = () => 10 * [...held.values()].filter((holds) => holds > 0).length;
  let reads = 0;
  const epochs: number[] = [];
  const blocked: BlockedModel[] = [];
  const table = createRoutingTable({
    routing: {
      table: () => {
        reads += 1;
        return registry.routing.table();
      },
    },
    cache: { acquire },
    memory:
      maxBytes === null ? null : { maxBytes, usedBytes, isPinned: (model) => model === 'pin' },
    readTimeoutMs: 200,
    onEpoch: (epoch) => epochs.push(epoch),
    onSwap: () => undefined,
    onBlocked: (model) => blocked.push(model),
  });
  return { registry, table, reads: () => reads, epochs, blocked, held, broken, slow };
}

const serves = (table: LoadedRoutingTable, model = 'm') =>
  table.route('default', model)?.champion.served.name;
const settled = () => new Promise((resolve) => setTimeout(resolve, 5));

describe('routing table', () => {
  test('acknowledges an epoch when all of it is served', async () => {
    const { registry, table, epochs } = setting();
    registry.route('m', [champion(1)]);
    registry.route('n', [champion(4)]);
    await table.refresh();
    expect([serves(table), serves(table, 'n')]).toEqual(['m@1', 'n@4']);
    expect(epochs).toEqual([2]);
    expect(table.models('default')).toEqual(['m', 'n']);
  });

  test('serves the old version until the new one is loaded, then only the new one', async () => {
    const { registry, table, slow, epochs } = setting();
    registry.route('m', [champion(1)]);
    await table.refresh();
    let load: () => void = () => undefined;
    slow.set('sha256:v2', new Promise((resolve) => (load = resolve)));
    registry.route('m', [champion(2)], { previous: previous(1) });
    const refreshing = table.refresh();
    await settled();
    expect(serves(table)).toBe('m@1');
    expect(table.epoch()).toBe(1);
    load();
    await refreshing;
    expect(serves(table)).toBe('m@2');
    expect(epochs).toEqual([1, 2]);
  });

  test('a slow model delays no other', async () => {
    const { registry, table, slow } = setting();
    let load: () => void = () => undefined;
    slow.set('sha256:v1', new Promise((resolve) => (load = resolve)));
    registry.route('m', [champion(1)]);
    const first = table.refresh();
    await settled();
    registry.route('n', [champion(4)]);
    const second = table.refresh();
    await settled();
    expect(serves(table, 'n')).toBe('n@4');
    expect(table.epoch()).toBe(-1);
    load();
    await Promise.all([first, second]);
    expect(table.epoch()).toBe(2);
  });

  test('keeps the old champion when the new one cannot be loaded, reports it, and acknowledges nothing', async () => {
    const { registry, table, broken, blocked, epochs } = setting();
    registry.route('m', [champion(1)]);
    await table.refresh();
    broken.add('sha256:v2');
    registry.route('m', [champion(2)], { previous: previous(1) });
    await table.refresh();
    await table.refresh();
    expect(serves(table)).toBe('m@1');
    expect(epochs).toEqual([1]);
    expect(table.blockedModel('default', 'm')).toMatchObject({
      name: 'm@2',
      error: 'sha256:v2 is corrupt',
    });
    expect(blocked).toHaveLength(1);

    broken.clear();
    await table.refresh();
    expect(serves(table)).toBe('m@2');
    expect(table.blocked()).toEqual([]);
    expect(epochs).toEqual([1, 2]);
  });

  test('a rollback from a champion that cannot be loaded is acknowledged at once', async () => {
    const { registry, table, broken } = setting();
    registry.route('m', [champion(1)]);
    await table.refresh();
    broken.add('sha256:v2');
    registry.route('m', [champion(2)]);
    await table.refresh();
    registry.route('m', [champion(1)]);
    await table.refresh();
    expect(table.epoch()).toBe(3);
    expect(table.blocked()).toEqual([]);
  });

  describe('in a rollout', () => {
    const rollout = (step: number, id = 'roll_1') => ({
      rollout: { id: id as RolloutId, step, besides: true },
    });
    const listArms = (table: LoadedRoutingTable) =>
      table.route('default', 'm')?.arms.map(({ served }) => served.name);
    const never = () => new Promise<void>(() => undefined);

    test('a new step is a change, also with the same weight', async () => {
      const { registry, table, epochs } = setting();
      registry.route('m', [challenger(2), champion(1)], rollout(0));
      await table.refresh();
      registry.route('m', [challenger(2), champion(1)], rollout(1));
      await table.refresh();
      expect(table.route('default', 'm')).toMatchObject({
        rollout: { id: 'roll_1', step: 1, besides: true },
      });
      registry.route('m', [challenger(2), champion(1)], {
        rollout: { id: 'roll_1' as RolloutId, step: 1, besides: false },
      });
      await table.refresh();
      expect(table.route('default', 'm')?.rollout?.besides).toBe(false);
      expect(epochs).toEqual([1, 2, 3]);
    });

    test('a challenger that cannot be loaded leaves the champion serving and the epoch open', async () => {
      const { registry, table, broken } = setting();
      broken.add('sha256:v2');
      registry.route('m', [challenger(2), champion(1)], rollout(0));
      await table.refresh();
      expect(serves(table)).toBe('m@1');
      expect(table.route('default', 'm')?.rollout).toBeNull();
      expect(table.blockedModel('default', 'm')).toMatchObject({
        name: 'm@2',
        alias: 'challenger',
      });
      expect(table.epoch()).toBe(-1);
      broken.clear();
      await table.refresh();
      expect(listArms(table)).toEqual(['m@2', 'm@1']);
      expect(table.route('default', 'm')?.rollout?.id).toBe('roll_1');
      expect(table.epoch()).toBe(1);
    });

    test('a challenger that loads slowly does not delay the champion or the end of the rollout', async () => {
      const { registry, table, slow, epochs } = setting();
      slow.set('sha256:v2', never());
      registry.route('m', [challenger(2), champion(1)], rollout(0));
      void table.refresh();
      await settled();
      expect(serves(table)).toBe('m@1');
      expect(epochs).toEqual([]);
      registry.route('m', [champion(1)]);
      await table.refresh();
      expect(epochs).toEqual([2]);
    });

    test('its end takes effect at once, also when the next version loads slowly or cannot be loaded', async () => {
      const { registry, table, broken, slow, held } = setting();
      registry.route('m', [challenger(2, 0.5), champion(1)], rollout(0));
      await table.refresh();
      let load: () => void = () => undefined;
      slow.set('sha256:v3', new Promise((resolve) => (load = resolve)));
      registry.route('m', [challenger(3, 0.5), champion(1)], rollout(0, 'roll_2'));
      void table.refresh();
      await settled();
      expect(listArms(table)).toEqual(['m@1']);
      registry.route('m', [challenger(2, 0.5), champion(1)], rollout(0, 'roll_3'));
      await table.refresh();
      expect(listArms(table)).toEqual(['m@2', 'm@1']);
      broken.add('sha256:v4');
      registry.route('m', [champion(4)]);
      await table.refresh();
      expect(listArms(table)).toEqual(['m@1']);
      load();
      await settled();
      expect(Object.fromEntries(held)).toEqual({ 'sha256:v1': 1, 'sha256:v2': 0, 'sha256:v3': 0 });
    });
  });

  test('the target of a rollback is kept loaded', async () => {
    const { registry, table } = setting();
    registry.route('m', [champion(2)], { previous: previous(1) });
    await table.refresh();
    await settled();
    expect(table.previous('default', 'm')?.name).toBe('m@1');
  });

  test('the target of a later rollback is named but not loaded', async () => {
    const { registry, table, held } = setting();
    registry.route('m', [champion(2)], { previous: { ...previous(1), keepSeconds: 0 } });
    await table.refresh();
    await settled();
    expect(Object.fromEntries(held)).toEqual({ 'sha256:v2': 1 });
    expect(table.previous('default', 'm')).toBeNull();
    expect(table.previousVersion('default', 'm')).toMatchObject({ version: 1 });
    expect(table.epoch()).toBe(1);
  });

  test('the target of a rollback is released after its time, once', async () => {
    const { registry, table, held } = setting();
    registry.route('m', [champion(2)], { previous: { ...previous(1), keepSeconds: 0.01 } });
    await table.refresh();
    await settled();
    while (table.previous('default', 'm') !== null) await settled();
    expect(Object.fromEntries(held)).toEqual({ 'sha256:v1': 0, 'sha256:v2': 1 });
    table.close();
    expect(Object.fromEntries(held)).toEqual({ 'sha256:v1': 0, 'sha256:v2': 0 });
  });

  test('releases everything that no longer serves', async () => {
    const { registry, table, held } = setting();
    registry.route('m', [champion(1)]);
    await table.refresh();
    registry.route('m', [champion(2)], { previous: previous(1) });
    await table.refresh();
    registry.route('m', [champion(3)], { previous: previous(2) });
    await table.refresh();
    await settled();
    expect(Object.fromEntries(held)).toEqual({ 'sha256:v1': 0, 'sha256:v2': 1, 'sha256:v3': 1 });
    registry.models = [];
    registry.epoch += 1;
    await table.refresh();
    expect([...held.values()]).toEqual([0, 0, 0]);
    expect(table.route('default', 'm')).toBeUndefined();
  });

  test('keeps serving the last known table while the registry is not available', async () => {
    const { registry, table } = setting();
    registry.route('m', [champion(1)]);
    await table.refresh();
    registry.away = true;
    await expect(table.refresh()).rejects.toMatchObject({ type: 'DatabaseUnavailable' });
    expect(serves(table)).toBe('m@1');
  });

  test('a change during a read causes another read', async () => {
    const { registry, table, reads } = setting();
    registry.route('m', [champion(1)]);
    const first = table.refresh();
    registry.route('m', [champion(2)]);
    await Promise.all([first, table.refresh(), table.refresh()]);
    expect(serves(table)).toBe('m@2');
    expect(reads()).toBe(2);
  });
});

describe('with limited memory', () => {
  const loadedNames = (table: LoadedRoutingTable, models: readonly string[]) =>
    models.filter((model) => table.route('default', model) !== undefined);

  /** Three models of which one fits before a request: 0.8 of the memory is the limit. */
  async function started(maxBytes: number) {
    const given = setting(maxBytes);
    ['a', 'b', 'c'].forEach((model, i) => given.registry.route(model, [champion(i + 1)]));
    await given.table.refresh();
    await settled();
    return given;
  }

  test('is ready and acknowledges before a model is loaded', async () => {
    const { registry, table, slow, epochs } = setting(20);
    slow.set('sha256:v1', new Promise(() => undefined));
    registry.route('m', [champion(1)]);
    await table.refresh();
    expect([table.isKnown(), table.models('default'), epochs]).toEqual([true, ['m'], [1]]);
    expect(table.isWanted('default', 'm', 'champion')).toBe(true);
  });

  test('loads models in advance while there is memory', async () => {
    const { table } = await started(20);
    expect(loadedNames(table, ['a', 'b', 'c'])).toEqual(['a', 'b']);
  });

  test('loads a model for its first request, once, and unloads the one unused for longest', async () => {
    const { table, held } = await started(20);
    table.use('default', 'b');
    table.use('default', 'a');
    // Looking at a route is no use, as in a list of models.
    table.route('default', 'b');
    const first = table.load('default', 'c');
    await table.load('default', 'c');
    await first;
    expect(Object.fromEntries(held)).toEqual({ 'sha256:v1': 1, 'sha256:v2': 0, 'sha256:v3': 1 });
    expect(loadedNames(table, ['a', 'b', 'c'])).toEqual(['a', 'c']);
    expect(table.load('default', 'c')).toBeNull();
    await table.load('default', 'b');
    expect(loadedNames(table, ['b'])).toEqual(['b']);
  });

  test('keeps a pinned model and both arms of a rollout', async () => {
    const { registry, table } = setting(20);
    const rollout = { id: 'roll_1' as RolloutId, step: 1, besides: true };
    registry.route('pin', [champion(1)]);
    registry.route('m', [challenger(3), champion(2)], { rollout });
    registry.route('z', [champion(4)]);
    await table.refresh();
    expect(loadedNames(table, ['pin', 'm', 'z'])).toEqual(['pin', 'm']);
    await table.load('default', 'z');
    expect(loadedNames(table, ['pin', 'm', 'z'])).toEqual(['pin', 'm', 'z']);
    await table.load('default', 'z');
    expect(table.route('default', 'm')?.arms).toHaveLength(2);
  });

  test('loads a promoted version at once, because the promotion waits for it', async () => {
    const { registry, table, epochs } = await started(10);
    registry.route('c', [champion(4)]);
    await table.refresh();
    expect(serves(table, 'c')).toBe('c@4');
    expect(epochs.at(-1)).toBe(4);
  });

  test('loads a version that was promoted shortly before the start', async () => {
    const { registry, table } = setting(10);
    registry.route('m', [champion(2)], { previous: previous(1) });
    await table.refresh();
    expect(serves(table)).toBe('m@2');
  });

  test('serves the unloaded version while its successor cannot be loaded', async () => {
    const { registry, table, broken, epochs } = await started(10);
    broken.add('sha256:v4');
    registry.route('c', [champion(4)]);
    await table.refresh();
    expect(epochs.at(-1)).toBe(3);
    await table.load('default', 'c');
    expect(serves(table, 'c')).toBe('c@3');
    expect(table.blockedModel('default', 'c')).toMatchObject({ name: 'c@4' });
  });

  test('a model that cannot be loaded is blocked, and the next read tries again', async () => {
    const { table, broken, blocked } = await started(10);
    broken.add('sha256:v3');
    await table.load('default', 'c');
    expect(blocked).toMatchObject([{ name: 'c@3', error: 'sha256:v3 is corrupt' }]);
    broken.clear();
    await table.refresh();
    expect(table.blockedModel('default', 'c')).toBeUndefined();
    expect(serves(table, 'c')).toBe('c@3');
  });

  test('forgets an unloaded model that is no longer wanted', async () => {
    const { registry, table } = await started(10);
    registry.models = registry.models.filter(({ model }) => model !== 'c');
    registry.epoch += 1;
    await table.refresh();
    expect(table.load('default', 'c')).toBeNull();
    expect(table.models('default')).toEqual(['a', 'b']);
  });
});
