import { AliasModel } from '../alias/alias-model';

/** One row of the audit log about a model, in the order in which the changes were made. */
export interface JournalRow {
  readonly action: string;
  readonly before: unknown;
  readonly after: unknown;
}

export interface OpenRollout {
  readonly rollout: string;
  readonly status: string;
  readonly step: number;
  readonly weight: number;
}

export type VersionsOf = (rollout: string) => {
  readonly champion: number;
  readonly challenger: number;
};

/** The promotion that the withdrawal with this fencing token undid. */
export type Undone = (
  fencing: number,
) => { readonly version: number; readonly fencing: number } | undefined;

interface Standing {
  readonly champion: number | null;
  readonly previous?: number | null;
  readonly fencing?: number;
}

/**
 * The guarantees between champion and rollout, in memory. It receives events in order and throws
 * for an event that must not happen.
 */
export class RegisterModel {
  readonly aliases: AliasModel;
  open: OpenRollout | null = null;
  readonly ended = new Map<string, string>();
  /** Changes that notify the gateways. */
  reroutes = 0;
  /** The move whose transaction must end the open rollout, and with which status. */
  private due: { readonly status: 'promoted' | 'superseded' } | null = null;

  private readonly versionsOf: VersionsOf;
  private readonly undone: Undone;

  constructor(
    versions: number,
    told: { readonly versionsOf: VersionsOf; readonly undone: Undone },
  ) {
    this.aliases = new AliasModel(versions);
    this.versionsOf = told.versionsOf;
    this.undone = told.undone;
  }

  happened({ action, before, after }: JournalRow): void {
    if (this.due !== null && action !== 'rollout.end')
      throw new Error(`${action} while a rollout lies open beside another champion`);
    if (action.startsWith('alias.')) this.moved(action, before as Standing, after as Standing);
    else if (action.startsWith('rollout.'))
      this.rolled(action, before as OpenRollout | null, after as OpenRollout);
  }

  /** Throws if anything is incomplete at the end. */
  isSettled(): boolean {
    return this.due === null;
  }

  private moved(action: string, before: Standing, after: Standing): void {
    const champion = this.champion();
    if (champion !== before.champion)
      throw new Error(`${action} from ${before.champion}, but the champion was ${champion}`);
    const key = `${after.fencing}`;
    const answer = this.buildAnswer(action, after, key) as { readonly fencing?: number };
    if (answer.fencing !== after.fencing)
      throw new Error(
        `${action} ${JSON.stringify(after)}, the model says ${JSON.stringify(answer)}`,
      );
    if (this.champion() !== after.champion)
      throw new Error(`${action} to ${after.champion}, the model says ${this.champion()}`);
    this.reroutes += 1;
    if (this.open === null || before.champion === after.champion) return;
    const { challenger } = this.versionsOf(this.open.rollout);
    this.due = {
      status:
        action === 'alias.promote' && after.champion === challenger ? 'promoted' : 'superseded',
    };
  }

  private buildAnswer(action: string, after: Standing, key: string): unknown {
    if (action === 'alias.promote')
      return this.aliases.promote(after.champion ?? 0, this.aliases.token(), key);
    if (action === 'alias.rollback') return this.aliases.rollback(null, key);
    const promotion = this.undone(after.fencing ?? 0);
    if (promotion === undefined)
      throw new Error(`nobody was told of the withdrawal ${after.fencing}`);
    return this.aliases.withdraw(promotion.version, promotion.fencing, key);
  }

  private rolled(action: string, before: OpenRollout | null, after: OpenRollout): void {
    const { rollout } = after;
    if (this.ended.has(rollout)) throw new Error(`${action} of ${rollout}, which had ended`);
    if (action === 'rollout.open') {
      if (this.open !== null) throw new Error(`${rollout} opened beside ${this.open.rollout}`);
      if (this.champion() !== this.versionsOf(rollout).champion)
        throw new Error(`${rollout} opened beside another champion than its own`);
    } else if (this.open?.rollout !== rollout) {
      throw new Error(`${action} of ${rollout}, which was not open`);
    }
    if (before !== null && !same(before, this.open))
      throw new Error(`${action} from ${JSON.stringify(before)}, was ${JSON.stringify(this.open)}`);
    const isPassing = (this.open?.status === 'passed') !== (after.status === 'passed');
    const isRouted =
      action === 'rollout.status'
        ? isPassing || this.open?.weight !== after.weight
        : action !== 'rollout.extend';
    // A move of the champion and the end that it causes are one transaction and one epoch.
    if (isRouted && this.due === null) this.reroutes += 1;
    if (action === 'rollout.end') this.end(after);
    else this.open = after;
  }

  private end({ rollout, status }: OpenRollout): void {
    const byHand = status === 'rolledBack' || status === 'aborted';
    if (this.due === null ? !byHand : status !== this.due.status)
      throw new Error(`${rollout} ended as ${status}, due was ${this.due?.status ?? 'nothing'}`);
    this.due = null;
    this.open = null;
    this.ended.set(rollout, status);
  }

  private champion(): number | null {
    return this.aliases.token().version;
  }
}

function same(a: OpenRollout, b: OpenRollout | null): boolean {
  return (
    b !== null &&
    a.rollout === b.rollout &&
    a.status === b.status &&
    a.step === b.step &&
    a.weight === b.weight
  );
}
