import type { ArtifactRef } from '../../domain/artifact';
import type { RunId, Tenant } from '../../domain/ids';
import type {
  IndexAlias,
  IndexRecipe,
  IndexReport,
  IndexState,
  IndexVersionRef,
} from '../../domain/index/version';
import type { AliasState } from '../alias-register';
import type { Page, PageRequest } from '../page';

export interface IndexName {
  readonly tenant: Tenant;
  readonly index: string;
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
   * Documents in the table, including changes; the report has those of the build. Null while it is
   * filled.
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
  | { readonly kind: 'conflict'; readonly champion: AliasState | null };

export type SealResult =
  { readonly kind: 'ready' } | { readonly kind: 'behind'; readonly changes: number };

/** The version and its state before it was retired. */
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
 * The aliases of an index. Each move is one transaction under the row lock of the index, with
 * history and audit row.
 */
export interface IndexAliasRepository {
  aliases(name: IndexName): Promise<Readonly<Record<IndexAlias, AliasState | null>>>;
  /**
   * Compares and swaps the champion. A conflict changes nothing and is not stored under its key.
   */
  promote(
    input: IndexVersionName &
      KeyedIndex & {
        readonly expectedChampion:
          | { readonly version: number; readonly fencing: number }
          | { readonly version: null; readonly fencing?: undefined };
        /**
         * The bundle whose promotion it follows. Conflict when that bundle is no longer the
         * champion.
         */
        readonly bundle?: BundleRef | undefined;
        readonly actor: string;
        readonly cause: string;
      },
  ): Promise<IndexPromotion>;
  /**
   * Rolls back to `to`, or to `previous` by the rule of `domain/model/rollback-path.ts`. `to` must
   * be a former champion. Conflict when there is no such version, or it is retired.
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
      /** The bundle whose promotion or rollback it followed; null for a move of the index alone. */
      readonly bundle: BundleRef | null;
      readonly movedAt: string;
    }>
  >;
}

/** Changes of documents in the order in which they were accepted. */
export interface IndexChangeRepository {
  /** Accepted changes are durable; they become searchable once the versions applied them. */
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
  /**
   * Records that the table of the version has these changes. FencedOff when another process
   * recorded them first.
   */
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
   * Creates a version, numbered from 1 without gaps. It applies the changes after the registration
   * of its dataset version, which contains the earlier ones. FencedOff for a run that has ended.
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
  /** Finds a version by number or alias; null when it is not ready. */
  served(
    name: IndexName & { readonly version?: number | IndexAlias | undefined },
  ): Promise<IndexVersionRecord | null>;
  /**
   * Makes a version in `building` ready once it has every change. Later changes are applied as they
   * arrive.
   */
  seal(input: IndexVersionName & { readonly report: IndexReport }): Promise<SealResult>;
  /**
   * Ends a version, whose table may then be deleted. Conflict while an alias points to it or a
   * bundle may use it. Does nothing for an ended version.
   */
  end(
    input: IndexVersionName & {
      readonly state: 'failed' | 'retired';
      readonly actor: string;
      readonly cause: string;
    },
  ): Promise<void>;
  /**
   * The id of a build that a person started and that is not recorded as ended. Only Temporal knows
   * whether it still runs. Null without one.
   */
  findBuild(name: IndexVersionName): Promise<string | null>;
  /**
   * Retires a version on request and schedules the deletion of its table. Conflict as for `end`,
   * while its run continues, and while a build other than `endedBuild` runs.
   */
  retire(
    input: IndexVersionName &
      KeyedIndex & {
        readonly actor: string;
        readonly cause: string;
        readonly endedBuild?: string | null;
      },
  ): Promise<RetiredVersion>;
  /** All versions in state `ready`. */
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

/** Whether the alias of the application's index moved with the rollback. */
export type FollowedIndex =
  | { readonly kind: 'moved'; readonly index: string; readonly from: number; readonly to: number }
  | {
      readonly kind: 'stays';
      readonly index: string;
      readonly at: number | null;
      readonly why: string;
    };
