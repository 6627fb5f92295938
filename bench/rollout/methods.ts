/**
 * Compares the methods of a rollout in the same simulated worlds, at the same alpha: how often each
 * is wrong, how long it takes, and how many requests the worse version answers.
 * `npm run bench -- rollout-methods [worlds] [pairs]`; with `pairs`, only beside other tools.
 */
import { loadavg } from 'node:os';
import type { RolloutPolicy } from '../../domain/rollout/policy';
import { assumedDayCorrelation } from '../../domain/statistics/day-correlation';
import { estimateRate, type Rate } from '../../test/support/rollout/monte-carlo';
import { policyWith, type PolicyChange } from '../../test/support/rollout/policies';
import { playMethod, type MethodEnd } from '../../test/support/rollout/simulated-methods';
import {
  alikePairs,
  dayEffects,
  createRandom,
  type DayEffects,
} from '../../test/support/rollout/simulated-traffic';
import { median, report, rounded } from '../figures';
import { otherMethods, simulatedDays } from './other-methods';

const horizonDays = 28;
const margin = 0.01;
const pairsPerDay = 900;
const looksPerDay = 2;

const canary = (change: PolicyChange['canary'] = {}) =>
  policyWith({
    canary: { maxDurationSeconds: horizonDays * 86_400, ...change },
    quality: { margin },
  });
const methods: readonly (readonly [string, RolloutPolicy])[] = [
  ['bandit, 5 to 95', canary({ method: 'bandit', steps: [5, 95] })],
  ['canary, 5', canary({ steps: [5] })],
  ['canary, 0, 5, 25, 50', canary()],
  ['A/B, 50', canary({ method: 'ab', steps: [50] })],
];
const traffics: readonly (readonly [string, DayEffects])[] = [
  ['days differ by 0.005', dayEffects.normal(0.005)],
  ['days differ by 0.017 and correlate', dayEffects.lasting(0.017, assumedDayCorrelation)],
];
/** In margins; positive is worse. At 1 and above, a promotion is wrong. */
const effects = [-5, -2, 0, 1, 2, 5];
/** The first effect at which errors are counted gets more worlds. */
const edge = 1;

interface ComparedRow {
  readonly traffic: string;
  readonly effect: number;
  readonly method: string;
  readonly promoted: Rate;
  readonly rolledBack: Rate;
  /** Median over the worlds that were promoted or rolled back because of harm. */
  readonly medianDays: number | null;
  /** Percent of all requests of the horizon; null between equal versions. */
  readonly byWorse: number | null;
  /** Moves of a bandit: means over the worlds. */
  readonly moves: number;
  readonly changedEntities: number;
}

function compared(
  [method, policy]: (typeof methods)[number],
  [traffic, days]: (typeof traffics)[number],
  { effect, worlds }: { readonly effect: number; readonly worlds: number },
): ComparedRow {
  const simulated = {
    mean: effect * margin,
    effects: days,
    draw: alikePairs,
    // Labels of the last day are due on the next.
    days: horizonDays + 1,
    pairsPerDay,
  };
  const ends = Array.from({ length: worlds }, (_, world) =>
    playMethod(policy, simulated, { random: createRandom(world, 190), looksPerDay }),
  );
  const of = (kind: MethodEnd['kind']) => ends.filter((end) => end.kind === kind).length;
  const mean = (value: (end: MethodEnd) => number) =>
    ends.reduce((sum, end) => sum + value(end), 0) / worlds;
  const decided = ends.filter(({ kind }) => kind !== 'undecided');
  const challenger = mean(({ challengerShare }) => challengerShare);
  return {
    traffic,
    effect,
    method,
    promoted: estimateRate(of('promoted'), worlds),
    rolledBack: estimateRate(of('rolledBack'), worlds),
    medianDays: decided.length === 0 ? null : rounded(median(decided.map(({ days: d }) => d))),
    byWorse: effect === 0 ? null : rounded(100 * (effect > 0 ? challenger : 1 - challenger)),
    moves: rounded(mean(({ moves }) => moves)),
    changedEntities: rounded(100 * mean(({ changedEntities }) => changedEntities)),
  };
}

function formatLine(row: ComparedRow): string {
  const { promoted, rolledBack, medianDays, byWorse, moves, changedEntities } = row;
  const percent = ({ rate }: Rate) => (100 * rate).toFixed(1);
  const interval =
    row.effect >= edge
      ? ` (${(100 * promoted.lower).toFixed(1)} … ${(100 * promoted.upper).toFixed(1)})`
      : '';
  const cells = [
    row.traffic,
    row.effect,
    row.method,
    `${percent(promoted)}${interval}`,
    percent(rolledBack),
    medianDays ?? '',
    byWorse ?? '',
    moves === 0 ? '' : `${moves}, ${changedEntities} %`,
  ];
  return `| ${cells.join(' | ')} |`;
}

const fewPairsPerDay = 300;
const steps = canary();

/** A canary with a shadow beside other ways to decide, with 300 requests a day. */
function besideOthers(worlds: number): readonly BesideRow[] {
  process.stdout.write(
    `\n${worlds} worlds; ${fewPairsPerDay} requests a day, at most ${horizonDays} days; alpha 3 %\n` +
      '| traffic | difference, margins | way to decide | promoted, % | rolled back, % | days to a verdict |\n' +
      '|---|---|---|---|---|---|\n',
  );
  return traffics.flatMap(([traffic, days]) =>
    [-5, -2, -1, 0, 1, 2, 5].flatMap((effect) => {
      const simulated = {
        mean: effect * margin,
        effects: days,
        draw: alikePairs,
        days: horizonDays + 1,
        pairsPerDay: fewPairsPerDay,
      };
      const rules = { margin, alpha: steps.test.alpha };
      const ways = [
        {
          name: 'canary, 0, 5, 25, 50',
          decide: (world: number) =>
            playMethod(steps, simulated, { random: createRandom(world, 195), looksPerDay }),
        },
        ...otherMethods.map(({ name, decide }) => ({
          name,
          decide: (world: number) =>
            decide(simulatedDays(simulated, createRandom(world, 195)), rules),
        })),
      ];
      return ways.map(({ name, decide }) => {
        const ends = Array.from({ length: worlds }, (_, world) => decide(world));
        const share = (kind: MethodEnd['kind']) =>
          estimateRate(ends.filter((end) => end.kind === kind).length, worlds);
        const decided = ends.filter(({ kind }) => kind !== 'undecided');
        const row = {
          traffic,
          effect,
          method: name,
          promoted: share('promoted'),
          rolledBack: share('rolledBack'),
          medianDays: decided.length === 0 ? null : rounded(median(decided.map((end) => end.days))),
        };
        const percent = ({ rate }: Rate) => (100 * rate).toFixed(0);
        const cells = [percent(row.promoted), percent(row.rolledBack), row.medianDays ?? '–'];
        process.stdout.write(`| ${[traffic, effect, name, ...cells].join(' | ')} |\n`);
        return row;
      });
    }),
  );
}

type BesideRow = Omit<ComparedRow, 'byWorse' | 'moves' | 'changedEntities'>;

function main(): void {
  const worlds = Number(process.argv[2] ?? 25);
  if (!Number.isInteger(worlds) || worlds < 5) {
    process.stderr.write('the number of worlds must be a whole number from 5\n');
    process.exit(2);
  }
  const startedAt = performance.now();
  const beside = besideOthers(worlds);
  if (process.argv[3] === 'pairs') {
    report('rollout methods', [], { beside, load: loadavg()[0] });
    return;
  }
  process.stdout.write(
    `\n${worlds} worlds, ${4 * worlds} at the margin; ${pairsPerDay} requests a day, at most ${horizonDays} days; alpha 3 %\n` +
      '| traffic | difference, margins | method | promoted, % | rolled back, % | days to a verdict | requests by the worse version, % | moves, entities that changed |\n' +
      '|---|---|---|---|---|---|---|---|\n',
  );
  const rows = traffics.flatMap((traffic) =>
    effects.flatMap((effect) =>
      methods.map((method) => {
        const row = compared(method, traffic, {
          effect,
          worlds: effect === edge ? 4 * worlds : worlds,
        });
        process.stdout.write(`${formatLine(row)}\n`);
        return row;
      }),
    ),
  );
  const seconds = rounded((performance.now() - startedAt) / 1000);
  report('rollout methods', [['seconds', String(seconds)]], { rows, beside, load: loadavg()[0] });
}

main();
