import type { IndexRepository } from '../../../db/index/records';
import { failure, type PerennialError } from '../../../domain/failure';
import type { Tenant } from '../../../domain/ids';
import { nearest } from '../../../domain/document/nearest';
import type { LoadedRoutingTable } from '../routing/routing-table';
import { withTimeout } from '../../../data/timeout';

/** Suggest the index for a name that no index has. */
export type NameIndex = (
  tenant: Tenant,
  asked: string,
  refused: PerennialError,
) => Promise<PerennialError>;

export interface NameIndexOptions {
  readonly indexes: Pick<IndexRepository, 'list'>;
  readonly table: Pick<LoadedRoutingTable, 'route'>;
  readonly timeoutMs: number;
}

export function createNameIndex({ indexes, table, timeoutMs }: NameIndexOptions): NameIndex {
  return async (tenant, asked, refused) => {
    const champion = table.route(tenant, asked)?.champion.served;
    if (champion?.hold.model.kind === 'bundle') {
      const { index } = champion.hold.model;
      const message = `${champion.name} is a language application, not an index; embeddings belong to an index`;
      const next =
        index === null
          ? 'it uses no index'
          : `it uses ${index.name}@${index.version}: "model": "${index.name}@${index.version}"`;
      return failure('NotFound', message, { next });
    }
    const known = await withTimeout(timeoutMs, indexes.list({ tenant, pageSize: 1000 }), {
      type: 'DatabaseUnavailable',
      message: 'the registry could not list the indexes',
    }).catch(() => null);
    if (known === null) return refused;
    const names = known.items.map(({ name }) => name);
    // The index exists, but not the version.
    if (names.includes(asked)) return refused;
    const near = nearest(asked, names);
    const message = `there is no index \`${asked.slice(0, 100)}\`${near === null ? '' : `; did you mean \`${near}\`?`}`;
    return failure('NotFound', message, {
      next: names.length === 0 ? 'perennial index build' : 'perennial index list',
    });
  };
}
