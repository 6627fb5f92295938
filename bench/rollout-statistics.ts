/** How often a rollout's statistics are wrong under continuous watching, and how soon they are right: simulated, as of real traffic nobody knows the truth. */
import { rateIn, type Rate } from '../test/support/monte-carlo';
import type { RolloutPolicy } from '../domain/rollout/policy';
import { policyWith } from '../test/support/rollout-policies';
import { loglossPairs, simulateRollout, watchArrivals, watchBounds, type SimulatedEnd } from '../test/support/simulated-rollouts';
import { watchDays, watchShare } from '../test/support/simulated-sequences';
import { dayEffects, logitNoise, randomOf, rareNoise, type DayEffects, type Noise } from '../test/support/simulated-traffic';
import { median, report, rounded } from './figures';

export interface FalseAlarms {
  readonly statement: string;
  readonly traffic: string;
  readonly rate: Rate;
}

export interface Power {
  /** In margins; positive is worse. */
  readonly effect: number;
  readonly traffic: string;
  readonly steps: string;
  readonly worlds: number;
  /** Shares of the worlds. */
  readonly promoted: number;
  readonly rolledBack: number;
  /** Of those that were decided. */
  readonly medianPairs: number | null;
  readonly medianDays: number | null;
}

export interface RolloutStatistics {
  readonly alpha: number;
  readonly worlds: number;
  readonly falseAlarms: readonly FalseAlarms[];
  readonly power: readonly Power[];
}

/** The canary of the documentation, with a month to decide in. */
const policy = policyWith({ canary: { maxDurationSeconds: 31 * 86_400 } });
/** Who answers people from the start goes back on harm to these alone. */
const bold = policyWith({ canary: { maxDurationSeconds: 31 * 86_400, steps: [25] } });
const { alpha } = policy.test;
const { margin } = policy.quality;
/** About as many as leave New York in a day. */
const pairsPerDay = 900;
/** As between two months' models on real flights of August 2013. */
const dayToDay = 0.017;
const traffics: readonly (readonly [string, DayEffects])[] = [
  ['independent pairs', dayEffects.none],
  ['days that differ by 0.017', dayEffects.normal(dayToDay)],
];

/** Prints its tables. With 1,000 worlds a statement, and a fifth as many whole rollouts, it takes two to three minutes. */
export function rolloutStatistics({
  worlds = 1000,
  say,
}: {
  readonly worlds?: number;
  readonly say: (line: string) => void;
}): RolloutStatistics {
  const rollouts = Math.ceil(worlds / 5);
  say(`Statements that are wrong, ever, while they are watched; alpha is ${percent(alpha)}`);
  const falseAlarms: FalseAlarms[] = [];
  for (const rows of [ofTraffic, ofDelays, ofDays, ofShares]) falseAlarms.push(...told(rows(worlds), say));
  falseAlarms.push(...told(ofRollouts(rollouts), say));
  say(
    `\nWhole rollouts by their true difference, in margins of ${margin} (positive is worse); ${pairsPerDay} pairs a day, a month to decide in`,
  );
  say(`  ${'difference'.padStart(10)}  ${'traffic'.padEnd(26)}  ${'steps'.padEnd(12)}  promoted  rolled back  median pairs  median days`);
  const asked = [
    ...[-4, -2, -1, 0, 0.5, 1, 2, 5, 10].map((effect) => ({ effect, rules: policy })),
    ...[2, 5, 10].map((effect) => ({ effect, rules: bold })),
  ];
  const power = asked.flatMap(({ effect, rules }) =>
    traffics.map(([traffic, effects]) => {
      const row = powerAt({ effect, rules, traffic, effects, worlds: rollouts });
      say(powerLine(row));
      return row;
    }),
  );
  return { alpha, worlds, falseAlarms, power };
}

function told(rows: readonly FalseAlarms[], say: (line: string) => void): readonly FalseAlarms[] {
  for (const { statement, traffic, rate } of rows) {
    const interval = `${percent(rate.lower)} … ${percent(rate.upper)} of ${rate.worlds}`;
    say(`  ${statement.padEnd(56)}  ${traffic.padEnd(56)}  ${percent(rate.rate).padStart(6)}  (95 %: ${interval})`);
  }
  return rows;
}

/** Two weeks, looked at after every ten pairs. */
function ofTraffic(worlds: number): readonly FalseAlarms[] {
  const kinds: readonly (readonly [string, DayEffects, Noise])[] = [
    ...traffics.map(([traffic, effects]) => [traffic, effects, logitNoise] as const),
    ['days that differ by 0.12, as of shuffled labels', dayEffects.normal(0.12), logitNoise],
    ['days of which one in ten is a storm', dayEffects.storms(0.05), logitNoise],
    ['one pair in 500 is worse by 5', dayEffects.normal(dayToDay), rareNoise],
  ];
  return kinds.flatMap(([traffic, effects, noise], scenario) => {
    const seen = Array.from({ length: worlds }, (_, world) =>
      watchBounds(
        { mean: margin, effects, noise, days: 14, pairsPerDay: 300 },
        { random: randomOf(world, 100 + scenario), alpha, lookEvery: 10 },
      ),
    );
    const rate = (name: 'wrong' | 'wrongGood' | 'customary') => rateIn(worlds, (world) => seen[world]?.[name] === true);
    return [
      { statement: 'traffic so far: harmful', traffic, rate: rate('wrong') },
      { statement: 'traffic so far: good enough', traffic, rate: rate('wrongGood') },
      ...(scenario === 0 ? [{ statement: 'for comparison: a z interval, harmful', traffic, rate: rate('customary') }] : []),
    ];
  });
}

/** Late flights are known later. By arrival is how nobody should count: what comes late is not like what comes early. */
function ofDelays(worlds: number): readonly FalseAlarms[] {
  const rate = (order: 'turn' | 'arrival', first: 'bad' | 'good') =>
    rateIn(worlds, (world) =>
      watchArrivals({ order, first, days: 2, pairsPerDay, random: randomOf(world, 120), alpha, range: loglossPairs }),
    );
  return [
    { statement: 'traffic so far: harmful', traffic: 'labels in turn, bad news would come first', rate: rate('turn', 'bad') },
    { statement: 'traffic so far: good enough', traffic: 'labels in turn, good news would come first', rate: rate('turn', 'good') },
    { statement: 'for comparison: counted as they arrive, good enough', traffic: 'good news comes first', rate: rate('arrival', 'good') },
  ];
}

/** A month, looked at after every day. */
function ofDays(worlds: number): readonly FalseAlarms[] {
  const kinds: readonly (readonly [string, DayEffects])[] = [
    ['independent normal days', dayEffects.normal(1)],
    ['days with far outliers (t of 3 degrees)', dayEffects.heavy(1)],
    ['beyond its assumptions: bad days are the greater ones', dayEffects.skewed(1)],
    ['beyond its assumptions: a day resembles the last (0.4)', dayEffects.lasting(1, 0.4)],
    ['beyond its assumptions: one day in ten is a storm', dayEffects.storms(1)],
  ];
  return kinds.flatMap(([traffic, effects]) => {
    const seen = Array.from({ length: worlds }, (_, world) => watchDays(effects, { random: randomOf(world, 130), days: 31, alpha }));
    return [
      { statement: 'across days: good enough', traffic, rate: rateIn(worlds, (world) => seen[world]?.wrongGood === true) },
      { statement: 'across days: harmful', traffic, rate: rateIn(worlds, (world) => seen[world]?.wrongHarm === true) },
    ];
  });
}

function ofShares(worlds: number): readonly FalseAlarms[] {
  const kinds = [
    ['errors at the 1 % that is allowed', 0.01, 0],
    ['latency at the 3 % that is allowed', 0.03, 0],
    ['3 % on average, days that differ by a factor of 1.8', 0.03, 0.6],
  ] as const;
  return kinds.map(([traffic, share, spread]) => ({
    statement: 'guardrail: exceeded',
    traffic,
    rate: rateIn(worlds, (world) => watchShare({ share, spread }, { random: randomOf(world, 140), days: 7, requestsPerDay: 900, alpha })),
  }));
}

/** Everything at the edge of what is allowed: worse by the margin, 1 % failing, 3 % slow. Then neither a promotion nor a rollback is right. */
function ofRollouts(worlds: number): readonly FalseAlarms[] {
  return traffics.flatMap(([traffic, effects]) => {
    const ends = Array.from({ length: worlds }, (_, world) =>
      simulateRollout(
        policy,
        { mean: margin, effects, noise: logitNoise, days: 31, pairsPerDay, failing: 0.01, slow: 0.03 },
        { random: randomOf(world, 150), looksPerDay: 8 },
      ),
    );
    const rate = (kind: SimulatedEnd['kind']) => rateIn(worlds, (world) => ends[world]?.kind === kind);
    return [
      { statement: 'whole rollout at the edge: promoted', traffic, rate: rate('promote') },
      { statement: 'whole rollout at the edge: rolled back for harm', traffic, rate: rate('harm') },
    ];
  });
}

interface Asked {
  readonly effect: number;
  readonly rules: RolloutPolicy;
  readonly traffic: string;
  readonly effects: DayEffects;
  readonly worlds: number;
}

function powerAt({ effect, rules, traffic, effects, worlds }: Asked): Power {
  const ends = Array.from({ length: worlds }, (_, world) =>
    simulateRollout(
      rules,
      { mean: effect * margin, effects, noise: logitNoise, days: 31, pairsPerDay },
      { random: randomOf(world, 160), looksPerDay: 8 },
    ),
  );
  const of = (kind: SimulatedEnd['kind']) => ends.filter((end) => end.kind === kind);
  const decided = [...of('promote'), ...of('harm')];
  return {
    effect,
    traffic,
    steps: rules.steps.join(', '),
    worlds,
    promoted: of('promote').length / worlds,
    rolledBack: of('harm').length / worlds,
    medianPairs: decided.length === 0 ? null : median(decided.map(({ pairs }) => pairs)),
    medianDays: decided.length === 0 ? null : rounded(median(decided.map(({ days }) => days))),
  };
}

function powerLine({ effect, traffic, steps, promoted, rolledBack, medianPairs, medianDays }: Power): string {
  const columns = [
    String(effect).padStart(10),
    traffic.padEnd(26),
    steps.padEnd(12),
    percent(promoted).padStart(8),
    percent(rolledBack).padStart(11),
    (medianPairs?.toLocaleString('en-US') ?? '').padStart(12),
    String(medianDays ?? '').padStart(11),
  ];
  return `  ${columns.join('  ')}`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

if (require.main === module) {
  const given = process.argv.indexOf('--worlds');
  const worlds = given < 0 ? 1000 : Number(process.argv[given + 1]);
  if (!Number.isInteger(worlds) || worlds < 10) {
    process.stderr.write('--worlds takes a whole number from 10 on: simulated stretches of traffic a statement\n');
    process.exit(2);
  }
  const startedAt = performance.now();
  const figures = rolloutStatistics({ worlds, say: (line) => void process.stdout.write(`${line}\n`) });
  report('rollout statistics', [['seconds', String(rounded((performance.now() - startedAt) / 1000))]], { ...figures });
}
