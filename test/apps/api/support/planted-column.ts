import type { Registry } from '../../../../db/registry';

/** The name of a column that no view has. */
export const plantedColumn = 'plantedColumn';

/**
 * The registry, whose `get` and `list` find records with one column more than their views have, as
 * after a migration that adds one.
 */
export function plantColumn(registry: Registry): Registry {
  const plant = (record: unknown): unknown => {
    if (typeof record !== 'object' || record === null || Array.isArray(record)) return record;
    return { ...record, [plantedColumn]: 'secret' };
  };
  const plantAll = (found: unknown): unknown => {
    if (Array.isArray(found)) return found.map(plant);
    if (!isPage(found)) return plant(found);
    return { ...found, items: found.items.map(plant) };
  };
  const wrap = (repository: object): object =>
    new Proxy(repository, {
      get(target, name): unknown {
        const method: unknown = Reflect.get(target, name);
        if (typeof method !== 'function') return isObject(method) ? wrap(method) : method;
        if (name !== 'get' && name !== 'list') return method;
        return async (...args: unknown[]) => plantAll(await Reflect.apply(method, target, args));
      },
    });
  return new Proxy(registry, {
    get(target, name): unknown {
      const repository: unknown = Reflect.get(target, name);
      // It keeps documents by digest, which a view shows whole. They have no columns.
      if (name === 'evidence') return repository;
      return isObject(repository) ? wrap(repository) : repository;
    },
  });
}

function isPage(found: unknown): found is { readonly items: readonly unknown[] } {
  return isObject(found) && 'items' in found && Array.isArray(found.items);
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
