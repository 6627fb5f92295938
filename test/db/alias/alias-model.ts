import { failure } from '../../../domain/failure';
import type { ExpectedChampion } from '../../../db/alias/repository';

/** A champion, and the champion before its promotion. */
interface ChampionEntry {
  readonly champion: number;
  readonly before: ChampionEntry | null;
}

interface Promoted {
  readonly version: number;
  readonly fencing: number;
  readonly before: ChampionEntry | null;
  readonly wasChampionBefore: boolean;
  readonly originBefore: number | null;
}

/** The guarantees of the alias register in memory: the oracle of its property test. */
export class AliasModel {
  private current: ChampionEntry | null = null;
  private championFencing = 0;
  private fencing = 0;
  /** Of the promotion or rollback that made the current champion. */
  private origin: number | null = null;
  private readonly promotions: Promoted[] = [];
  private readonly status = new Map<number, 'candidate' | 'promoted' | 'withdrawn'>();
  private readonly answers = new Map<
    string,
    { readonly request: string; readonly answer: unknown }
  >();

  constructor(versions: number) {
    for (let version = 1; version <= versions; version++) this.status.set(version, 'candidate');
  }

  token(): ExpectedChampion {
    const { current } = this;
    return current === null
      ? { version: null, fencing: 0 }
      : { version: current.champion, fencing: this.championFencing };
  }

  shown(): unknown {
    const champion = this.current && {
      version: this.current.champion,
      fencing: this.championFencing,
    };
    return { champion, previous: this.current?.before?.champion ?? null };
  }

  promote(version: number, expected: ExpectedChampion, key: string): unknown {
    return this.once('promote', key, [version, expected], () => {
      const status = this.readStatus(version);
      if (status === 'withdrawn') throw failure('Conflict', 'withdrawn');
      const before = this.current;
      if (before?.champion === version) return { kind: 'unchanged', fencing: this.championFencing };
      const now = this.token();
      const same =
        now.version === expected.version &&
        (now.version === null || now.fencing === expected.fencing);
      if (!same) return { kind: 'conflict', champion: now.version === null ? null : now };
      const [originBefore, wasChampionBefore] = [this.origin, status === 'promoted'];
      this.move({ champion: version, before });
      this.promotions.push({
        version,
        fencing: this.fencing,
        before,
        wasChampionBefore,
        originBefore,
      });
      this.status.set(version, 'promoted');
      return { kind: 'promoted', previous: before?.champion ?? null, fencing: this.fencing };
    });
  }

  rollback(to: number | null, key: string): unknown {
    return this.once('rollback', key, [to], () => {
      const from = this.current?.champion ?? null;
      const target = to ?? this.current?.before?.champion ?? null;
      if (target === null) throw failure('Conflict', 'nothing to go to');
      if (target === from) throw failure('Conflict', 'is the champion');
      if (this.readStatus(target) !== 'promoted') throw failure('Conflict', 'was never a champion');
      this.move(this.earlier(target) ?? { champion: target, before: this.current });
      // None of its versions uses an index.
      return { from, to: target, fencing: this.fencing, index: null };
    });
  }

  withdraw(version: number, fencing: number, key: string): unknown {
    return this.once('withdraw', key, [version, fencing], () => {
      const promotion = this.promotions.find(
        (each) => each.version === version && each.fencing === fencing,
      );
      const now = this.token();
      if (!promotion || this.origin !== fencing)
        return { kind: 'superseded', champion: now.version === null ? null : now };
      this.move(promotion.before);
      this.origin = promotion.originBefore;
      if (!promotion.wasChampionBefore) this.status.set(version, 'withdrawn');
      return {
        kind: 'withdrawn',
        champion: promotion.before?.champion ?? null,
        fencing: this.fencing,
      };
    });
  }

  private earlier(version: number): ChampionEntry | null {
    for (let at = this.current; at !== null; at = at.before) if (at.champion === version) return at;
    return null;
  }

  private readStatus(version: number): string {
    const status = this.status.get(version);
    if (status === undefined) throw failure('NotFound', 'no such version');
    return status;
  }

  private move(current: ChampionEntry | null): void {
    this.fencing += 1;
    this.championFencing = this.fencing;
    this.origin = this.fencing;
    this.current = current;
  }

  private once(operation: string, key: string, request: unknown, effect: () => unknown): unknown {
    const name = `${operation} ${key}`;
    const first = this.answers.get(name);
    if (first) {
      if (first.request !== JSON.stringify(request))
        throw failure('IdempotencyConflict', 'other request');
      return first.answer;
    }
    const answer = effect();
    if ((answer as { kind?: string }).kind !== 'conflict')
      this.answers.set(name, { request: JSON.stringify(request), answer });
    return answer;
  }
}
