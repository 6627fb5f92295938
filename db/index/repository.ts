import type { ArtifactRef } from '../../domain/dataset/artifact';
import type { RunId, Tenant } from '../../domain/ids';
import type {
  IndexAlias,
  IndexRecipe,
  IndexReport,
  IndexState,
  IndexVersionRef,
} from '../../domain/index/version';
import type { Database } from '../connection';
import { once } from '../idempotency/idempotency';
import { createIndexAliases } from './aliases';
import { createIndexChanges } from './changes';
import { endVersion, retireVersion } from './end';
import type { IndexName } from './state';
import { buildOf, openVersion, sealVersion, toRecord, type VersionRow } from './versions';
import { afterKey, rowsToAsk, toPage, type Page, type PageRequest } from '../page';
import { guardRun } from '../run/guard';
import type { indexes } from './schema';

export interface IndexAliasState {
  readonly version: number;
  readonly fencing: number;
  readonly movedAt: string;
}

export interface IndexVersionRecord extends IndexVersionRef {
  readonly recipe: IndexRecipe;
  readonly dataset: string;
  readonly datasetVersion: number;
  readonly state: IndexState;
  readonly applied: number;
  readonly tableVersion: number | null;
  readonly chunks: number | null;
  /**
   * In its table now, changes included; its report has those of the build. Null while it is filled.
   */
  readonly documents: number | null;
  readonly report: IndexReport | null;
  readonly runId: RunId | null;
  readonly createdAt: string;
  readonly updatedAt: string;
}

export interface IndexChange {
  readonly seq: number;
  readonly documents: ArtifactRef | null;
  readonly deleted: readonly string[];
}

/** A version of a language application. */
export interface BundleRef {
  readonly model: string;
  readonly version: number;
}

export type IndexPromotion =
  | { readonly kind: 'promoted'; readonly previous: number | null; readonly fencing: number }
  | { readonly kind: 'unchanged'; readonly fencing: number }
  | { readonly kind: 'conflict'; readonly champion: IndexAliasState | null };

export type Sealed =
  { readonly kind: 'ready' } | { readonly kind: 'behind'; readonly changes: number };

/** The state that it was in before. */
export interface RetiredVersion {
  readonly version: number;
  readonly from: IndexState;
}

interface KeyedIndex {
  readonly idempotencyKey: string;
}

interface IndexVersionName extends IndexName {
  readonly version: number;
}

/**
 * Which version answers: one transaction a move, under the index's row lock, with history and audit
 * row.
 */
export interface IndexAliasRepository {
  aliases(name: IndexName): Promise<Readonly<Record<IndexAlias, IndexAliasState | null>>>;
  /**
   * Compare-and-swap on the champion that the new one was compared with. A conflict changed nothing
   * and is not remembered.
   */
  promote(
    input: IndexVersionName &
      KeyedIndex & {
        readonly expectedChampion:
          | { readonly version: number; readonly fencing: number }
          | { readonly version: null; readonly fencing?: undefined };
        /** Whose promotion it follows: a conflict where that one is the champion no more. */
        readonly bundle?: BundleRef | undefined;
        readonly actor: string;
        readonly cause: string;
      },
  ): Promise<IndexPromotion>;
  /**
   * Without `to`: to `previous`, by the rule of `domain/model/rollback-path.ts`. `to` must have been the
   * champion once. Conflict when there is no such version, or it has been retired.
   */
  rollback(
    input: IndexName &
      KeyedIndex & {
        readonly to?: number | undefined;
        readonly actor: string;
        readonly cause: string;
      },
  ): Promise<{ readonly from: number | null; readonly to: number; readonly fencing: number }>;
  history(input: IndexName & PageRequest): Promise<
    Page<{
      readonly id: string;
      readonly kind: 'promote' | 'rollback';
      readonly from: number | null;
      readonly to: number;
      readonly fencing: number;
      readonly actor: string;
      readonly cause: string;
      /** Whose promotion or rollback it followed; null for a move of the index alone. */
      readonly bundle: BundleRef | null;
      readonly movedAt: string;
    }>
  >;
}

/** What changed in the documents, in the order in which it was accepted. */
export interface IndexChangeRepository {
  /** Accepted when it answers; found when the versions have taken it. */
  append(
    input: IndexName &
      KeyedIndex & {
        readonly documents: ArtifactRef | null;
        readonly deleted: readonly string[];
        readonly actor: string;
      },
  ): Promise<{ readonly seq: number }>;
  after(
    input: IndexName & { readonly seq: number; readonly limit: number },
  ): Promise<readonly IndexChange[]>;
  /** The version's table has them. FencedOff when another was faster. */
  applied(
    input: IndexVersionName & {
      readonly from: number;
      readonly to: number;
      readonly tableVersion: number;
      readonly chunks: number;
      readonly documents: number;
    },
  ): Promise<void>;
}

export interface IndexRepository extends IndexAliasRepository {
  readonly changes: IndexChangeRepository;
  /**
   * A new version, numbered from 1 without gaps. It takes the changes that came after its dataset
   * version was registered: what came before is in the dataset. FencedOff for a run that has ended.
   */
  open(
    input: IndexName &
      KeyedIndex & {
        readonly recipe: IndexRecipe;
        readonly dataset: string;
        readonly datasetVersion: number;
        readonly runId: RunId | null;
        readonly actor: string;
      },
  ): Promise<IndexVersionRecord>;
  get(name: IndexVersionName): Promise<IndexVersionRecord | null>;
  /** By number or alias; null when it does not answer. */
  served(
    name: IndexName & { readonly version?: number | IndexAlias | undefined },
  ): Promise<IndexVersionRecord | null>;
  /** From `building`, when it has every change; from then on it takes each as it comes. */
  seal(input: IndexVersionName & { readonly report: IndexReport }): Promise<Sealed>;
  /**
   * It answers no more, and its table may go. Conflict while an alias points at it or a bundle may
   * ask it; fine when it was ended before.
   */
  end(
    input: IndexVersionName & {
      readonly state: 'failed' | 'retired';
      readonly actor: string;
      readonly cause: string;
    },
  ): Promise<void>;
  /**
   * The build that a person began and that has not ended the version: whether it still runs,
   * Temporal knows. Null without one.
   */
  buildOf(name: IndexVersionName): Promise<string | null>;
  /**
   * The same at a person's word, with the promise that its table goes. Conflict also while the run
   * that built it goes on, and while it is built, unless by a build that runs no more.
   */
  retire(
    input: IndexVersionName &
      KeyedIndex & {
        readonly actor: string;
        readonly cause: string;
        readonly endedBuild?: string | null;
      },
  ): Promise<RetiredVersion>;
  /** Every version that answers or may. */
  ready(name: IndexName): Promise<readonly IndexVersionRecord[]>;
  list(input: { readonly tenant: Tenant } & PageRequest): Promise<
    Page<{
      readonly name: string;
      readonly versions: number;
      readonly champion: number | null;
      readonly changes: number;
      readonly createdAt: string;
    }>
  >;
  versions(input: IndexName & PageRequest): Promise<Page<IndexVersionRecord>>;
}

export function createIndexRepository({ sql }: Database): IndexRepository {
  const get: IndexRepository['get'] = async ({ tenant, index, version }) => {
    const [row] = await sql<VersionRow[]>`
      select * from index_versions where tenant_id = ${tenant} and index = ${index} and version = ${version}`;
    return row ? toRecord(row) : null;
  };

  return {
    ...createIndexAliases(sql),
    changes: createIndexChanges(sql),
    get,

    open: (input) =>
      sql.begin((tx) => {
        const {
          tenant,
          index,
          recipe,
          dataset,
          datasetVersion,
          runId,
          idempotencyKey: key,
        } = input;
        // Without the probe of an endpoint: a second attempt may get it rounded in another way.
        // Without what this code makes of the chunking, too: a first attempt may have been another
        // version's.
        const { headings: _counted, ...chunking } = { headings: undefined, ...recipe.chunking };
        const request = {
          index,
          embedder: recipe.embedder.digest,
          chunking,
          dataset,
          datasetVersion,
        };
        return once(tx, { tenant, operation: 'index.open', key, request }, async () => {
          if (runId !== null) await guardRun(tx, { tenant, runId });
          return openVersion(tx, input);
        });
      }),

    async served({ tenant, index, version = 'champion' }) {
      if (typeof version === 'number') {
        const found = await get({ tenant, index, version });
        return found?.state === 'ready' ? found : null;
      }
      const [row] = await sql<VersionRow[]>`
        select v.* from index_aliases a
        join index_versions v on v.tenant_id = a.tenant_id and v.index = a.index and v.version = a.version
        where a.tenant_id = ${tenant} and a.index = ${index} and a.alias = ${version} and v.state = 'ready'`;
      return row ? toRecord(row) : null;
    },

    seal: (input) => sql.begin((tx) => sealVersion(tx, input)),

    end: (input) => sql.begin((tx) => endVersion(tx, input)),

    buildOf: (name) => buildOf(sql, name),

    // What is known of its build is not what was asked.
    retire: ({ idempotencyKey: key, tenant, endedBuild = null, ...request }) =>
      sql.begin((tx) =>
        once(tx, { tenant, operation: 'index.retire', key, request }, () =>
          retireVersion(tx, { tenant, ...request }, endedBuild),
        ),
      ),

    async ready({ tenant, index }) {
      const rows = await sql<VersionRow[]>`
        select * from index_versions where tenant_id = ${tenant} and index = ${index} and state = 'ready' order by version`;
      return rows.map(toRecord);
    },

    async list({ tenant, ...page }) {
      const after = afterKey(page);
      const rows = await sql<
        (typeof indexes.$inferSelect & { readonly champion: number | null })[]
      >`
        select i.*, a.version as champion from indexes i
        left join index_aliases a on a.tenant_id = i.tenant_id and a.index = i.name and a.alias = 'champion'
        where i.tenant_id = ${tenant} and ${after === null ? sql`true` : sql`i.name > ${after}`}
        order by i.name limit ${rowsToAsk(page)}`;
      return toPage(
        rows,
        page,
        (row) => row.name,
        ({ name, versions, champion, changes, createdAt }) => ({
          name,
          versions,
          champion,
          changes,
          createdAt,
        }),
      );
    },

    async versions({ tenant, index, ...page }) {
      const after = afterKey(page);
      const rows = await sql<VersionRow[]>`
        select * from index_versions where tenant_id = ${tenant} and index = ${index}
          and ${after === null ? sql`true` : sql`version < ${Number(after)}`}
        order by version desc limit ${rowsToAsk(page)}`;
      return toPage(rows, page, (row) => String(row.version), toRecord);
    },
  };
}
