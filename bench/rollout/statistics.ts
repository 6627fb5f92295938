/**
 * Simulates how often a rollout's statistics are wrong while they are watched, and how soon they
 * decide, compared with the rules before version 2. Only in a simulation is the true difference
 * known.
 */
import { byEarlierRules } from '../../test/support/rollout/earlier-rules';
import { rateIn, type Rate } from '../../test/support/rollout/monte-carlo';
import type { CanarySpec } from '../../domain/rollout/canary';
import { buildRolloutPolicy, type RolloutPolicy } from '../../domain/rollout/policy';
import { assumedDayCorrelation } from '../../domain/statistics/day-correlation';
import { promotesWithin } from '../../test/support/rollout/reruns';
import { policyWith, shownCanary } from '../../test/support/rollout/policies';
import {
  pairsUntil,
  playRollout,
  simulateRollout,
  watchArrivals,
  watchBounds,
  type SimulatedEnd,
  type SimulatedRollout,
} from '../../test/support/rollout/simulated-rollouts';
import {
  entityRates,
  playEntities,
  type EntityTraffic,
} from '../../test/support/rollout/simulated-entities';
import { watchFailures, type FailingStep } from '../../test/support/rollout/simulated-guardrail';
import { watchLabelRates, type LabelledStep } from '../../test/support/rollout/simulated-labels';
import { watchDays, watchShare } from '../../test/support/rollout/simulated-sequences';
import {
  alikePairs,
  boldPairs,
  dayEffects,
  lowPairs,
  createRandom,
  type DayEffects,
  type DrawPair,
} from '../../test/support/rollout/simulated-traffic';
import { median, report, rounded } from '../figures';

export interface FalseAlarms {
  readonly statement: string;
  readonly traffic: string;
  readonly rate: Rate;
  /** By the rules before version 2; null if there is nothing to compare. */
  readonly earlier: Rate | null;
}

export interface PairsNeeded {
  /** In margins; positive is worse. */
  readonly effect: number;
  readonly says: 'good' | 'harm';
  /** Medians; null if not reached. */
  readonly known: number | null;
  readonly widest: number | null;
}

export interface Power {
  /** In margins; positive is worse. */
  readonly effect: number;
  readonly traffic: string;
  readonly steps: string;
  readonly worlds: number;
  readonly now: Ends;
  readonly earlier: Ends;
}

interface Ends {
  /** Shares of the worlds. */
  readonly promoted: number;
  readonly rolledBack: number;
  /** Median over the decided worlds. */
  readonly medianPairs: number | null;
  readonly medianDays: number | null;
  /** Median over the worlds that were rolled back, since the challenger answered requests. */
  readonly medianServedDays: number | null;
}

export interface RolloutStatistics {
  readonly alpha: number;
  readonly worlds: number;
  readonly falseAlarms: readonly FalseAlarms[];
  readonly needed: readonly PairsNeeded[];
  readonly power: readonly Power[];
}

const month = 31 * 86_400;
/** The canary of the documentation, with a month to decide. */
const policy = policyWith({ canary: { maxDurationSeconds: month } });
/** Without a shadow step, so only harm to answered requests ends it. */
const bold = policyWith({ canary: { maxDurationSeconds: month, steps: [25] } });
/** The cost of not testing across days, which is now an explicit choice and was the default. */
const hasty = policyWith({
  canary: { maxDurationSeconds: month },
  test: { minDurationSeconds: 0 },
});
/** The promotion rests on the labels that come, which is an explicit choice. */
const trusting = policyWith({
  canary: { maxDurationSeconds: month },
  quality: { missingLabels: 'ignore' },
});
/** Half of the entities each, from the start. */
const byArms = policyWith({
  canary: { maxDurationSeconds: month, steps: [50] },
  comparison: 'arms',
});
const { alpha } = policy.test;
const { margin } = policy.quality;
/** About the number of flights that leave New York in a day. */
const pairsPerDay = 900;
/** As between the models of two months on real flights of August 2013. */
const dayToDay = 0.017;
/** Equal weekdays and worse weekends, starting on a Monday; the weekly mean is 0. */
const weekends = [-1, -1, -1, -1, -1, 2.5, 2.5];
const traffics: readonly (readonly [string, DayEffects])[] = [
  ['independent pairs', dayEffects.none],
  ['days that differ by 0.005', dayEffects.normal(0.005)],
  ['days that differ by 0.017', dayEffects.normal(dayToDay)],
];

/**
 * Prints its tables. `worlds` is per statement; whole rollouts use a fifth of it for errors and a
 * twentieth for times. 1,000 worlds take some seven minutes of one processor.
 */
export function rolloutStatistics({
  worlds = 1000,
  only,
  say,
}: {
  readonly worlds?: number;
  /** `days`: only the statements across days. `labels`: only those about label rates. */
  readonly only?: 'days' | 'labels' | undefined;
  readonly say: (line: string) => void;
}): RolloutStatistics {
  const rollouts = Math.ceil(worlds / 5);
  say(
    `Worlds in which a watched statement was ever wrong; alpha is ${percent(alpha)}; ` +
      'before: by the rules before version 2',
  );
  const falseAlarms: FalseAlarms[] = [];
  if (only !== undefined) {
    falseAlarms.push(...told((only === 'days' ? ofDays : ofLabelRates)(worlds), say));
    return { alpha, worlds, falseAlarms, needed: [], power: [] };
  }
  for (const rows of [ofDays, ofShares, ofSharedFailures, ofDelays, ofLabelRates])
    falseAlarms.push(...told(rows(worlds), say));
  for (const row of ofTraffic(worlds)) falseAlarms.push(...told(row(), say));
  for (const row of ofRollouts(rollouts)) falseAlarms.push(...told(row(), say));
  for (const row of ofArms(rollouts)) falseAlarms.push(...told(row(), say));
  falseAlarms.push(...told(ofReruns(Math.ceil(rollouts / 4)), say));
  say(
    `\nPairs until a statement about the margin of ${margin} at alpha 0.5 %, ` +
      'with the range of each pair, and with the widest range',
  );
  const needed = neededPairs(Math.ceil(worlds / 20), say);
  say(
    `\nWhole rollouts by true difference, in margins of ${margin} (positive is worse); ` +
      `${pairsPerDay} pairs a day, at most a month`,
  );
  say(
    `  ${'difference'.padStart(10)}  ${'traffic'.padEnd(26)}  ${'steps'.padEnd(12)}  ${endsHeader}  |  before: ${endsHeader}`,
  );
  const asked = [
    ...[-4, -2, -1, 0, 0.5, 2, 5].map((effect) => ({ effect, rules: policy })),
    ...[2, 5, 10].map((effect) => ({ effect, rules: bold })),
  ];
  const power = asked.flatMap(({ effect, rules }) =>
    traffics.map(([traffic, effects]) => {
      const row = powerAt({ effect, rules, traffic, effects, worlds: Math.ceil(worlds / 20) });
      say(powerLine(row));
      return row;
    }),
  );
  return { alpha, worlds, falseAlarms, needed, power };
}

const endsHeader = 'promoted  rolled back   pairs   days';

function told(rows: readonly FalseAlarms[], say: (line: string) => void): readonly FalseAlarms[] {
  for (const { statement, traffic, rate, earlier } of rows) {
    const interval = `${percent(rate.lower)} … ${percent(rate.upper)} of ${rate.worlds}`;
    const before = earlier === null ? '' : `; before: ${percent(earlier.rate)}`;
    say(
      `  ${statement.padEnd(50)}  ${traffic.padEnd(66)}  ${percent(rate.rate).padStart(6)}  (95 %: ${interval})${before}`,
    );
  }
  return rows;
}

/** A week, evaluated after every twenty pairs. */
function ofTraffic(worlds: number): readonly (() => readonly FalseAlarms[])[] {
  const kinds: readonly (readonly [string, DayEffects, DrawPair])[] = [
    ['independent pairs', dayEffects.none, alikePairs],
    ['days that differ by 0.017', dayEffects.normal(dayToDay), alikePairs],
    ['days that differ by 0.12, as with shuffled labels', dayEffects.normal(0.12), alikePairs],
    [
      'consecutive days correlate (0.4)',
      dayEffects.lasting(dayToDay, assumedDayCorrelation),
      alikePairs,
    ],
    ['days that drift by four margins in a month', dayEffects.drifting(margin), alikePairs],
    ['one day in ten is extreme', dayEffects.storms(0.05), alikePairs],
    ['one pair in 30 is worse by a loss of 5', dayEffects.normal(dayToDay), boldPairs],
  ];
  return kinds.map(([traffic, effects, draw], scenario) => () => {
    const seen = Array.from({ length: worlds }, (_, world) =>
      watchBounds(
        { mean: margin, effects, draw, days: 7, pairsPerDay: 200 },
        { random: createRandom(world, 100 + scenario), alpha, lookEvery: 20 },
      ),
    );
    const rate = (name: 'wrong' | 'wrongGood' | 'customary') =>
      rateIn(worlds, (world) => seen[world]?.[name] === true);
    return [
      { statement: 'traffic so far: harmful', traffic, rate: rate('wrong'), earlier: null },
      { statement: 'traffic so far: good enough', traffic, rate: rate('wrongGood'), earlier: null },
      ...(scenario === 0
        ? [
            {
              statement: 'for comparison: a z interval, harmful',
              traffic,
              rate: rate('customary'),
              earlier: null,
            },
          ]
        : []),
    ];
  });
}

/**
 * Labels of late flights arrive later. Counting by arrival would be biased, because late labels
 * differ from early ones.
 */
function ofDelays(worlds: number): readonly FalseAlarms[] {
  const rate = (order: 'turn' | 'arrival', first: 'bad' | 'good') =>
    rateIn(worlds, (world) =>
      watchArrivals({
        order,
        first,
        days: 2,
        pairsPerDay,
        random: createRandom(world, 120),
        alpha,
      }),
    );
  return [
    [
      'traffic so far: harmful',
      'labels in event order; bad outcomes arrive first',
      rate('turn', 'bad'),
    ] as const,
    [
      'traffic so far: good enough',
      'labels in event order; good outcomes arrive first',
      rate('turn', 'good'),
    ] as const,
    [
      'for comparison: counted by arrival, good enough',
      'good outcomes arrive first',
      rate('arrival', 'good'),
    ] as const,
  ].map(([statement, traffic, of]) => ({ statement, traffic, rate: of, earlier: null }));
}

/** Five weeks, evaluated after every day. */
function ofDays(worlds: number): readonly FalseAlarms[] {
  type Kind = readonly [string, DayEffects, readonly number[], (readonly number[])?];
  const quarter = [28, 28, 28];
  const histories: readonly (readonly [string, readonly number[]])[] = [
    ['no history', []],
    ['28 days of history', [28]],
    ['84 days of history', quarter],
  ];
  const lasting: readonly (readonly [string, DayEffects])[] = [
    ['consecutive days correlate (0.4)', dayEffects.lasting(1, 0.4)],
    ['consecutive days correlate (0.7)', dayEffects.lasting(1, 0.7)],
    ['weeks differ (half of the variance)', dayEffects.weekly(1, 0.5)],
    ['incidents fade within days', dayEffects.incidents(1)],
  ];
  const kinds: readonly Kind[] = [
    ['independent normal days', dayEffects.normal(1), []],
    ['days with far outliers (t of 3 degrees)', dayEffects.heavy(1), []],
    ['consecutive days correlate (0.2)', dayEffects.lasting(1, 0.2), []],
    ...lasting.flatMap(([traffic, effects]) =>
      histories.map(([name, history]): Kind => [`${traffic}; ${name}`, effects, [], history]),
    ),
    ['independent normal days; 28 days of history', dayEffects.normal(1), [], [28]],
    ['weekends are worse; starts on a Monday', dayEffects.normal(0.3), weekends],
    [
      'weekends are worse; consecutive days correlate (0.4)',
      dayEffects.lasting(0.5, 0.4),
      weekends,
    ],
    ['beyond the assumptions: bad days deviate further', dayEffects.skewed(1), []],
    ['beyond the assumptions: consecutive days correlate (0.6)', dayEffects.lasting(1, 0.6), []],
    ['beyond the assumptions: one day in ten is extreme', dayEffects.storms(1), []],
  ];
  return kinds.flatMap(([traffic, effects, week, history = []]) => {
    const watched = { days: 35, alpha, history, week };
    const seen = Array.from({ length: 2 * worlds }, (_, world) =>
      watchDays(effects, { random: createRandom(world, 130), ...watched }),
    );
    const rate = (of: 'now' | 'earlier', name: 'wrongGood' | 'wrongHarm') =>
      rateIn(2 * worlds, (world) => seen[world]?.[of][name] === true);
    return [
      {
        statement: 'across days: good enough',
        traffic,
        rate: rate('now', 'wrongGood'),
        earlier: rate('earlier', 'wrongGood'),
      },
      {
        statement: 'across days: harmful',
        traffic,
        rate: rate('now', 'wrongHarm'),
        earlier: rate('earlier', 'wrongHarm'),
      },
    ];
  });
}

function ofShares(worlds: number): readonly FalseAlarms[] {
  const kinds = [
    ['errors at the limit of 1 %', 0.01, 0],
    ['latency at the limit of 3 %', 0.03, 0],
    ['3 % on average, days that differ by a factor of 1.8', 0.03, 0.6],
  ] as const;
  return kinds.map(([traffic, share, spread]) => ({
    statement: 'guardrail: exceeded',
    traffic,
    rate: rateIn(worlds, (world) =>
      watchShare(
        { share, spread },
        { random: createRandom(world, 140), days: 7, requestsPerDay: 900, alpha },
      ),
    ),
    earlier: null,
  }));
}

/** A challenger that fails as often as the champion at each time; earlier: by the limit alone. */
function ofSharedFailures(worlds: number): readonly FalseAlarms[] {
  const outage = (place: number) => (place > 0.5 && place < 0.6 ? 0.3 : 0.002);
  const [steadily, half] = [() => 0.03, () => 0.5];
  type Kind = readonly [string, Pick<FailingStep, 'champion' | 'challenger' | 'share'>];
  const kinds: readonly Kind[] = [
    ['both fail 3 %', { champion: steadily, challenger: steadily, share: half }],
    ['both fail 30 % in an outage', { champion: outage, challenger: outage, share: half }],
    [
      'both fail 30 % in an outage; a bandit moves from 10 to 80 % before it',
      { champion: outage, challenger: outage, share: (place) => (place < 0.45 ? 0.1 : 0.8) },
    ],
  ];
  return kinds.map(([traffic, arms], index) => {
    const seen = Array.from({ length: worlds }, (_, world) =>
      watchFailures({ policy, requests: 6_000, ...arms }, createRandom(world, 160 + index)),
    );
    const rate = (by: 'exceededAfter' | 'byLimitAfter') =>
      rateIn(worlds, (world) => typeof seen[world]?.[by] === 'number');
    return {
      statement: 'guardrail: exceeded',
      traffic,
      rate: rate('exceededAfter'),
      earlier: rate('byLimitAfter'),
    };
  });
}

/**
 * Both arms get their labels alike: the rates must not differ by more than chance. In the last rows
 * they do differ, so there a hold is right.
 */
function ofLabelRates(worlds: number): readonly FalseAlarms[] {
  const alike = (missing: number, late: number) => () => ({ missing, late });
  // Fewer than 5 % are missing in all, so the limit of missing labels holds nothing.
  const bad = (badMissing: number, badLate: number) => (arm: string, isBad: boolean) =>
    arm === 'challenger' && isBad
      ? { missing: badMissing, late: badLate }
      : { missing: 0.005, late: 0 };
  type Kind = readonly [string, Pick<LabelledStep, 'labelOf' | 'perEntity'>];
  const kinds: readonly Kind[] = [
    ['alike: 4 % missing', { labelOf: alike(0.04, 0) }],
    ['alike: 1 % missing, 3 % late', { labelOf: alike(0.01, 0.03) }],
    ['alike: 40 % missing', { labelOf: alike(0.4, 0) }],
    ['alike: all of 4 % of entities missing, 10 each', { labelOf: alike(0.04, 0), perEntity: 10 }],
    ['a hold is right: 15 % of the bad labels never come', { labelOf: bad(0.15, 0) }],
    ['a hold is right: 15 % of the bad labels come late', { labelOf: bad(0, 0.15) }],
  ];
  return kinds.map(([traffic, step], index) => {
    const seen = Array.from({ length: worlds }, (_, world) =>
      watchLabelRates(
        { policy: byArms, requests: 3_000, ...step },
        createRandom(world, 180 + index),
      ),
    );
    return {
      statement: 'label rates: differ by more than chance',
      traffic,
      rate: rateIn(worlds, (world) => typeof seen[world] === 'number'),
      earlier: null,
    };
  });
}

/**
 * Worse by the margin, overall or while serving, with 1 % failing and 3 % slow: neither a promotion
 * nor a rollback is right. Worse by more while serving: a promotion is wrong.
 */
function ofRollouts(worlds: number): readonly (() => readonly FalseAlarms[])[] {
  const edge = { mean: margin, failing: 0.01, slow: 0.03 };
  const goodShadow = { mean: -2 * margin };
  // 300 requests a day, so that the last step reaches `minSamples` long after the other steps.
  const worseLastStep = { ...goodShadow, lastStepMean: 1.5 * margin, pairsPerDay: 300 };
  const lasting = dayEffects.lasting(dayToDay, assumedDayCorrelation);
  const week = weekends.map((each) => each * margin);
  // 25 % of the labels are 1. Without half of them, the challenger looks three margins better.
  const badLabels = { mean: 3.6 * margin, draw: lowPairs, days: 31 };
  const half = (daysLate: number | null) => ({ ...badLabels, badLabels: { share: 0.5, daysLate } });
  type Kind = readonly [
    string,
    RolloutPolicy,
    DayEffects,
    Partial<SimulatedRollout> & { readonly mean: number },
    readonly ('promoted' | 'rolled back')[],
  ];
  const both = ['promoted', 'rolled back'] as const;
  const kinds: readonly Kind[] = [
    ['at the margin; independent pairs', policy, dayEffects.none, edge, both],
    ['at the margin; days that differ by 0.017', policy, dayEffects.normal(dayToDay), edge, both],
    ['at the margin; consecutive days correlate (0.4)', policy, lasting, edge, both],
    [
      'at the margin; weekends are worse',
      policy,
      dayEffects.normal(0.004),
      { ...edge, week },
      both,
    ],
    [
      'at the margin, no shadow; days that differ by 0.017',
      bold,
      dayEffects.normal(dayToDay),
      edge,
      both,
    ],
    ['at the margin, no shadow; consecutive days correlate (0.4)', bold, lasting, edge, both],
    [
      '2 margins better in shadow, 1 worse serving; days differ by 0.005',
      policy,
      dayEffects.normal(0.005),
      { ...goodShadow, servingMean: margin },
      both,
    ],
    [
      '2 margins better in shadow, 1 worse serving; days differ by 0.017',
      policy,
      dayEffects.normal(dayToDay),
      { ...goodShadow, servingMean: margin },
      both,
    ],
    [
      '2 margins better in shadow, 1 worse serving; days correlate (0.4)',
      policy,
      lasting,
      { ...goodShadow, servingMean: margin },
      both,
    ],
    [
      '2 margins better in shadow, 2 worse serving; days differ by 0.017',
      policy,
      dayEffects.normal(dayToDay),
      { ...goodShadow, servingMean: 2 * margin },
      ['promoted'],
    ],
    [
      '2 margins better in shadow, 5 worse serving; days differ by 0.017',
      policy,
      dayEffects.normal(dayToDay),
      { ...goodShadow, servingMean: 5 * margin },
      ['promoted'],
    ],
    ...(
      [
        ['independent pairs', dayEffects.none],
        ['days differ by 0.005', dayEffects.normal(0.005)],
        ['days correlate (0.4)', lasting],
      ] as const
    ).map(([days, effects]): Kind => [
      `2 margins better, 1.5 worse in the last step; 300 a day, ${days}`,
      policy,
      effects,
      worseLastStep,
      ['promoted'],
    ]),
    [
      '3.6 margins worse; half of the bad labels never come',
      policy,
      dayEffects.normal(0.005),
      half(null),
      ['promoted'],
    ],
    [
      '3.6 margins worse; half of the bad labels come 8 days late',
      policy,
      dayEffects.normal(0.005),
      half(8),
      ['promoted'],
    ],
    [
      'for comparison: the same with missingLabels: ignore, never',
      trusting,
      dayEffects.normal(0.005),
      half(null),
      ['promoted'],
    ],
    [
      'at the margin, minDuration 0s; days that differ by 0.017',
      hasty,
      dayEffects.normal(dayToDay),
      edge,
      ['promoted'],
    ],
  ];
  return kinds.map(([traffic, rules, effects, of, wrong]) => () => {
    const simulated = { effects, draw: alikePairs, days: 31, pairsPerDay, ...of };
    const [now, earlier] = bothEnds(rules, simulated, { worlds, scenario: 150 });
    const rate = (ends: readonly SimulatedEnd[], kind: 'promoted' | 'rolled back') =>
      rateIn(worlds, (world) => ends[world]?.kind === (kind === 'promoted' ? 'promote' : 'harm'));
    return wrong.map((kind) => ({
      statement: `whole rollout: ${kind}`,
      traffic,
      rate: rate(now, kind),
      earlier: rate(earlier, kind),
    }));
  });
}

/** Rollouts by arms of a month with 300 requests a day, evaluated twice a day. */
export function ofArms(worlds: number): readonly (() => readonly FalseAlarms[])[] {
  const armMargin = 0.03;
  const rules = (steps: readonly number[]) =>
    policyWith({
      comparison: 'arms',
      canary: { maxDurationSeconds: month, steps: [...steps] },
      quality: { margin: armMargin },
    });
  const [half, steps] = [rules([50]), rules([5, 25, 50])];
  type Kind = readonly [string, RolloutPolicy, Partial<EntityTraffic>];
  const zipf = { entities: 2000, size: 1 };
  const kinds: readonly Kind[] = [
    ['2,000 entities of Zipf sizes', half, zipf],
    ['2,000 entities of Zipf sizes; steps of 5, 25, 50 %', steps, zipf],
    ['2,000 of Zipf sizes, one in thirty far worse', half, { ...zipf, rateOf: entityRates.skewed }],
    ['50 equal entities', half, { entities: 50, size: 0 }],
    ['300 equal entities', half, { entities: 300, size: 0 }],
    [
      '300 equal entities; consecutive days correlate (0.4)',
      half,
      { entities: 300, size: 0, effects: dayEffects.lasting(dayToDay, assumedDayCorrelation) },
    ],
    ['each request has an entity of its own', half, {}],
  ];
  const ends = (policy: RolloutPolicy, worse: number, of: Partial<EntityTraffic>) =>
    Array.from({ length: worlds }, (_, world) =>
      playEntities(
        policy,
        {
          entities: Infinity,
          size: 0,
          rateOf: entityRates.normal,
          differenceIn: () => worse * armMargin,
          perDay: 300,
          days: 31,
          effects: dayEffects.none,
          ...of,
        },
        { random: createRandom(world, 200), looksPerDay: 2 },
      ),
    );
  const statements = [
    ['promoted', 'as bad as the margin', 1, 'promote'],
    ['rolled back', 'equal', 0, 'harm'],
  ] as const;
  return kinds.map(
    ([traffic, policy, of]) =>
      () =>
        statements.map(([statement, difference, worse, kind]) => {
          const rate = (found: readonly SimulatedEnd[]) =>
            rateIn(worlds, (world) => found[world]?.kind === kind);
          return {
            statement: `arms: ${statement}`,
            traffic: `${difference}; ${traffic}`,
            rate: rate(ends(policy, worse, of)),
            earlier:
              of.entities === undefined
                ? null
                : rate(ends(policy, worse, { ...of, byRequest: true })),
          };
        }),
  );
}

/**
 * Ten canaries of the same two versions, each on its own traffic: whether any promotes. For
 * comparison, each with the whole alpha.
 */
function ofReruns(worlds: number): readonly FalseAlarms[] {
  const canary: CanarySpec = { ...shownCanary, maxDurationSeconds: month, steps: [25] };
  const traffic: SimulatedRollout = {
    mean: margin,
    failing: 0.01,
    slow: 0.03,
    days: 31,
    pairsPerDay,
    effects: dayEffects.lasting(dayToDay, assumedDayCorrelation),
    draw: alikePairs,
  };
  const promotes = (world: number) => (tried: CanarySpec, attempt: number) =>
    simulateRollout(buildRolloutPolicy(tried, { dependsOnPrediction: false }), traffic, {
      random: createRandom(world, 180 + attempt),
      looksPerDay,
    }).kind === 'promote';
  const attempts = 10;
  const whole = (world: number) =>
    promotesWithin(attempts, canary, (_shared, attempt) => promotes(world)(canary, attempt));
  return [
    {
      statement: 'one of ten canaries of the same pair: promoted',
      traffic: 'at the margin, no shadow; consecutive days correlate (0.4)',
      rate: rateIn(worlds, (world) => promotesWithin(attempts, canary, promotes(world))),
      earlier: rateIn(worlds, whole),
    },
  ];
}

const looksPerDay = 4;

/** The same worlds under today's rules and under the earlier ones. */
function bothEnds(
  rules: RolloutPolicy,
  traffic: SimulatedRollout,
  { worlds, scenario }: { readonly worlds: number; readonly scenario: number },
): readonly [readonly SimulatedEnd[], readonly SimulatedEnd[]] {
  const numbers = Array.from({ length: worlds }, (_, world) => world);
  const minDays = rules.quality.acrossDays ? 5 : 0;
  return [
    numbers.map((world) =>
      simulateRollout(rules, traffic, { random: createRandom(world, scenario), looksPerDay }),
    ),
    numbers.map((world) =>
      playRollout(byEarlierRules(rules, minDays), traffic, {
        random: createRandom(world, scenario),
        looksPerDay,
      }),
    ),
  ];
}

function neededPairs(worlds: number, say: (line: string) => void): readonly PairsNeeded[] {
  const asked = [
    [-4, 'good'],
    [-1, 'good'],
    [0, 'good'],
    [2, 'harm'],
    [6, 'harm'],
  ] as const;
  return asked.map(([effect, says]) => {
    const maxPairs = 15_000;
    const ends = Array.from({ length: worlds }, (_, world) =>
      pairsUntil(
        { mean: effect * margin, limit: margin, says, alpha: 0.005, maxPairs },
        createRandom(world, 170),
      ),
    );
    const middle = (of: 'known' | 'widest') => {
      const found = median(ends.map((end) => end[of] ?? Infinity));
      return Number.isFinite(found) ? found : null;
    };
    const row = { effect, says, known: middle('known'), widest: middle('widest') };
    say(
      `  ${String(effect).padStart(10)}  ${says.padEnd(5)}  ${String(row.known ?? `over ${maxPairs}`).padStart(8)}  before: ${row.widest ?? `over ${maxPairs}`}`,
    );
    return row;
  });
}

interface SimulatedCase {
  readonly effect: number;
  readonly rules: RolloutPolicy;
  readonly traffic: string;
  readonly effects: DayEffects;
  readonly worlds: number;
}

function powerAt({ effect, rules, traffic, effects, worlds }: SimulatedCase): Power {
  const simulated = { mean: effect * margin, effects, draw: alikePairs, days: 31, pairsPerDay };
  const [now, earlier] = bothEnds(rules, simulated, { worlds, scenario: 160 });
  return {
    effect,
    traffic,
    steps: rules.steps.join(', '),
    worlds,
    now: countEnds(now),
    earlier: countEnds(earlier),
  };
}

function countEnds(ends: readonly SimulatedEnd[]): Ends {
  const of = (kind: SimulatedEnd['kind']) => ends.filter((end) => end.kind === kind);
  const decided = [...of('promote'), ...of('harm')];
  const middle = (values: readonly number[]) =>
    values.length === 0 ? null : rounded(median([...values]));
  return {
    promoted: of('promote').length / ends.length,
    rolledBack: of('harm').length / ends.length,
    medianPairs: middle(decided.map(({ pairs }) => pairs)),
    medianDays: middle(decided.map(({ days }) => days)),
    medianServedDays: middle(of('harm').map(({ days, shadowDays }) => days - shadowDays)),
  };
}

function powerLine({ effect, traffic, steps, now, earlier }: Power): string {
  const columns = ({ promoted, rolledBack, medianPairs, medianDays }: Ends) =>
    [
      percent(promoted).padStart(8),
      percent(rolledBack).padStart(11),
      (medianPairs?.toLocaleString('en-US') ?? '').padStart(6),
      String(medianDays ?? '').padStart(5),
    ].join('  ');
  return `  ${[String(effect).padStart(10), traffic.padEnd(26), steps.padEnd(12)].join('  ')}  ${columns(now)}  |          ${columns(earlier)}`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

if (require.main === module) {
  const given = process.argv.indexOf('--worlds');
  const worlds = given < 0 ? 1000 : Number(process.argv[given + 1]);
  if (!Number.isInteger(worlds) || worlds < 10) {
    process.stderr.write(
      '--worlds must be a whole number from 10: simulated worlds per statement\n',
    );
    process.exit(2);
  }
  const startedAt = performance.now();
  const only = (['days', 'labels'] as const).find((name) => process.argv.includes(`--${name}`));
  const figures = rolloutStatistics({
    worlds,
    only,
    say: (line) => void process.stdout.write(`${line}\n`),
  });
  report(
    'rollout statistics',
    [['seconds', String(rounded((performance.now() - startedAt) / 1000))]],
    { ...figures },
  );
}
