import { failure } from '../../domain/failure';
import type { ExpectedChampion } from '../../db/repositories/aliases';

interface Standing {
  readonly champion: number | null;
  readonly previous: number | null;
}

interface Promoted {
  readonly version: number;
  readonly fencing: number;
  readonly before: Standing;
  readonly wasChampionBefore: boolean;
  readonly originBefore: number | null;
  undone: boolean;
}

/** What the alias register promises, in plain memory: the oracle of its property test. */
export class AliasModel {
  private standing: Standing = { champion: null, previous: null };
  private championFencing = 0;
  private fencing = 0;
  /** Of the promotion or rollback that the present standing comes from. */
  private origin: number | null = null;
  private readonly promotions: Promoted[] = [];
  private readonly status = new Map<number, 'candidate' | 'promoted' | 'withdrawn'>();
  private readonly answers = new Map<string, { readonly request: string; readonly answer: unknown }>();

  constructor(versions: number) {
    for (let version = 1; version <= versions; version++) this.status.set(version, 'candidate');
  }

  token(): ExpectedChampion {
    const { champion } = this.standing;
    return champion === null ? { version: null, fencing: 0 } : { version: champion, fencing: this.championFencing };
  }

  shown(): unknown {
    const { champion, previous } = this.standing;
    return { champion: champion === null ? null : { version: champion, fencing: this.championFencing }, previous };
  }

  promote(version: number, expected: ExpectedChampion, key: string): unknown {
    return this.once('promote', key, [version, expected], () => {
      const status = this.statusOf(version);
      if (status === 'withdrawn') throw failure('Conflict', 'withdrawn');
      const before = this.standing;
      if (before.champion === version) return { kind: 'unchanged', fencing: this.championFencing };
      const now = this.token();
      const same = now.version === expected.version && (now.version === null || now.fencing === expected.fencing);
      if (!same) return { kind: 'conflict', champion: now.version === null ? null : now };
      const [originBefore, wasChampionBefore] = [this.origin, status === 'promoted'];
      this.move({ champion: version, previous: before.champion });
      this.promotions.push({ version, fencing: this.fencing, before, wasChampionBefore, originBefore, undone: false });
      this.status.set(version, 'promoted');
      return { kind: 'promoted', previous: before.champion, fencing: this.fencing };
    });
  }

  rollback(to: number | null, key: string): unknown {
    return this.once('rollback', key, [to], () => {
      const { champion: from, previous } = this.standing;
      const target = to ?? previous;
      if (target === null) throw failure('Conflict', 'nothing to go to');
      if (target === from) throw failure('Conflict', 'is the champion');
      if (this.statusOf(target) !== 'promoted') throw failure('Conflict', 'never was a champion that stood');
      const promotion = this.promotions.findLast((each) => each.version === target && !each.undone);
      this.move({ champion: target, previous: promotion?.before.champion ?? null });
      // None of its versions asks an index.
      return { from, to: target, fencing: this.fencing, index: null };
    });
  }

  withdraw(version: number, fencing: number, key: string): unknown {
    return this.once('withdraw', key, [version, fencing], () => {
      const promotion = this.promotions.find((each) => each.version === version && each.fencing === fencing);
      const now = this.token();
      if (!promotion || this.origin !== fencing) return { kind: 'superseded', champion: now.version === null ? null : now };
      this.move(promotion.before);
      this.origin = promotion.originBefore;
      promotion.undone = true;
      if (!promotion.wasChampionBefore) this.status.set(version, 'withdrawn');
      return { kind: 'withdrawn', champion: promotion.before.champion, fencing: this.fencing };
    });
  }

  private statusOf(version: number): string {
    const status = this.status.get(version);
    if (status === undefined) throw failure('NotFound', 'no such version');
    return status;
  }

  private move(standing: Standing): void {
    this.fencing += 1;
    this.championFencing = this.fencing;
    this.origin = this.fencing;
    this.standing = standing;
  }

  private once(operation: string, key: string, request: unknown, effect: () => unknown): unknown {
    const name = `${operation} ${key}`;
    const first = this.answers.get(name);
    if (first) {
      if (first.request !== JSON.stringify(request)) throw failure('IdempotencyConflict', 'other request');
      return first.answer;
    }
    const answer = effect();
    if ((answer as { kind?: string }).kind !== 'conflict') this.answers.set(name, { request: JSON.stringify(request), answer });
    return answer;
  }
}
