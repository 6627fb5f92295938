import type { RunId, Tenant } from '../../domain/ids';
import type { AliasName } from '../../domain/model';
import type { Page, PageRequest } from '../page';

export interface AliasState {
  readonly version: number;
  /** Grows with every move of any alias of the model, also across times without a champion. */
  readonly fencing: number;
  readonly movedAt: string;
}

export type AliasMoveKind = 'promote' | 'rollback' | 'withdraw';

export interface AliasMove {
  readonly id: string;
  readonly kind: AliasMoveKind;
  readonly alias: 'champion';
  readonly from: number | null;
  readonly to: number | null;
  readonly fencing: number;
  readonly actor: string;
  readonly cause: string;
  readonly runId: RunId | null;
  readonly decisionId: string | null;
  readonly movedAt: string;
}

export interface ExpectedChampion {
  readonly version: number | null;
  /** Not looked at when `version` is null. */
  readonly fencing: number;
}

export type Promotion =
  | { readonly kind: 'promoted'; readonly previous: number | null; readonly fencing: number }
  /** The version already is the champion: nothing moved, and there is nothing for this caller to undo. */
  | { readonly kind: 'unchanged'; readonly fencing: number }
  | { readonly kind: 'conflict'; readonly champion: AliasState | null };

export type Withdrawal =
  | { readonly kind: 'withdrawn'; readonly champion: number | null; readonly fencing: number }
  /** The champion moved on since, or this promotion never happened: nothing to undo. */
  | { readonly kind: 'superseded'; readonly champion: AliasState | null };

/**
 * The alias register (I2). Every move is one transaction under the model's row lock: compare-and-swap, champion, previous, history, audit,
 * outbox `alias.moved`, routing epoch, NOTIFY. A repeated key gives the first answer; with other arguments it throws Conflict. A conflict
 * changed nothing and is not remembered under its key.
 */
export interface AliasRepository {
  get(input: { readonly tenant: Tenant; readonly model: string }): Promise<Readonly<Record<AliasName, AliasState | null>>>;
  promote(input: {
    readonly tenant: Tenant;
    readonly model: string;
    readonly version: number;
    readonly expectedChampion: ExpectedChampion;
    readonly decisionId: string | null;
    readonly runId: RunId | null;
    readonly actor: string;
    readonly cause: string;
    readonly idempotencyKey: string;
  }): Promise<Promotion>;
  /**
   * Without `to`: to `previous`. `to` must once have been a champion that was not withdrawn. `previous` becomes whom the new champion had
   * replaced when it was promoted, so rolling back again goes further back and never forward to the bad version. Conflict when there is nothing to go to.
   */
  rollback(input: {
    readonly tenant: Tenant;
    readonly model: string;
    readonly to?: number | undefined;
    readonly actor: string;
    readonly cause: string;
    readonly idempotencyKey: string;
  }): Promise<{ readonly from: number | null; readonly to: number; readonly fencing: number }>;
  /** Undo of a promotion, only while the champion still is that version at that fencing; the version becomes `withdrawn` unless it was a champion before. */
  withdraw(input: {
    readonly tenant: Tenant;
    readonly model: string;
    readonly version: number;
    readonly fencing: number;
    readonly actor: string;
    readonly cause: string;
    readonly idempotencyKey: string;
  }): Promise<Withdrawal>;
  /** Moves of the champion, newest first; with `at`, those up to that time: the first then says who was champion. */
  history(
    input: { readonly tenant: Tenant; readonly model: string; readonly at?: string | undefined } & PageRequest,
  ): Promise<Page<AliasMove>>;
}
