/**
 * How many samples variance reduction saves on replayed flights, and how often each way to decide
 * is wrong. `npm run bench -- variance [worlds]`. The versions are logistic regressions of the
 * months before; blocks of two weeks of a month are drawn with replacement.
 */
import { loadavg } from 'node:os';
import { median, rounded } from '../figures';
import { explainedIn, type Explained } from './explained';
import { methods, type DecisionEnd, type DecisionMethod } from './methods';
import { boundDayCorrelation } from '../../domain/statistics/day-correlation';
import { differencesByDay, computeMean, readReplays, resampledDays, type Replay } from './replays';

const worlds = Number(process.argv[2] ?? 80);
const margin = 0.01;
const alpha = 0.005;
const days = 56;
/** In margins: as bad as the margin, equal, far better and far worse. */
const differences = [1, 0, -6, 6];

const shares: readonly (readonly [keyof Explained, string])[] = [
  ['pairByExpectation', 'pair by its expected difference (prediction-powered)'],
  ['pairByHour', 'pair by hour (stratified)'],
  ['pairByCarrier', 'pair by carrier (stratified)'],
  ['pairByDay', 'pair by day (stratified)'],
  ['armByExpectation', 'loss of an arm by its expected loss (CUPED)'],
  ['armByHour', 'loss of an arm by hour (stratified)'],
  ['armByCarrier', 'loss of an arm by carrier (stratified)'],
  ['dayByChampion', 'mean difference of a day by the loss of the champion (CUPED)'],
  ['dayByResidual', 'the same by the loss less its expectation (CUPED)'],
];

async function main(): Promise<void> {
  const replays = await readReplays();
  const explained = replays.map(explainedIn);
  console.log(`Explained variance in percent, by month: ${replays.map((r) => r.month).join(', ')}`);
  for (const [key, what] of shares) {
    const each = explained.map((month) => 100 * month[key]);
    console.log(
      `| ${what} | ${each.map((share) => share.toFixed(0)).join(', ')} | ${median(each).toFixed(0)} |`,
    );
  }
  const correlations = estimateCorrelations(replays);
  console.log(
    '\nCorrelation of the differences of consecutive days, by month, and its 90 % upper bound:\n' +
      `| each month | ${correlations.months.map(({ lag }) => lag).join(', ')} | ${correlations.months.map(({ bound }) => bound).join(', ')} |\n` +
      `| all months | ${correlations.all.lag} | ${correlations.all.bound} |`,
  );
  console.log(
    `\n${worlds} worlds of ${days} days; margin ${margin}; alpha ${alpha} a side; ends by the true difference, in margins\n` +
      '| way to decide | 1: promoted % | 0: promoted / rolled back % | flights | −6: promoted % | flights | 6: rolled back % | flights |\n' +
      '|---|---|---|---|---|---|---|---|',
  );
  const rows = methods.map((method) => judged(method, replays));
  console.log(
    JSON.stringify({
      bench: 'variance',
      worlds,
      explained: Object.fromEntries(
        shares.map(([key]) => [key, rounded(median(explained.map((month) => month[key])), 3)]),
      ),
      correlations,
      methods: rows,
      load: loadavg()[0],
    }),
  );
}

/** Of each month and of all months, in which the versions differ. */
function estimateCorrelations(replays: readonly Replay[]) {
  const periods = replays.map(differencesByDay);
  const of = (days: readonly (readonly number[])[]) => ({
    lag: rounded(consecutive(days), 2),
    bound: boundDayCorrelation(days)?.correlation ?? null,
  });
  return { months: periods.map((days) => of([days])), all: of(periods) };
}

function consecutive(periods: readonly (readonly number[])[]): number {
  let [products, squares] = [0, 0];
  for (const days of periods) {
    const mean = computeMean(days);
    days.forEach((value, day) => {
      squares += (value - mean) ** 2;
      products += day === 0 ? 0 : (value - mean) * ((days[day - 1] ?? 0) - mean);
    });
  }
  return products / squares;
}

function judged(method: DecisionMethod, replays: readonly Replay[]) {
  const ends = differences.map((difference) => {
    const all = Array.from({ length: worlds }, (_, world): DecisionEnd => {
      const replay = replays[world % replays.length];
      if (replay === undefined) throw new Error('there are no replays');
      const drawn = resampledDays(replay, { days, difference: difference * margin, seed: world });
      return method.decide(drawn, { margin, alpha, seed: world });
    });
    const of = (kind: DecisionEnd['kind']) => all.filter((end) => end.kind === kind);
    const share = (kind: DecisionEnd['kind']) => rounded((100 * of(kind).length) / worlds, 1);
    // DecisionEnd worlds only, so it is null unless most worlds ended.
    const ended = all.filter((end) => end.kind !== 'undecided');
    const flights = ended.length * 2 > worlds ? median(all.map((end) => end.flights)) : null;
    return { difference, promoted: share('promoted'), rolledBack: share('rolledBack'), flights };
  });
  const [at, equal, better, worse] = ends;
  console.log(
    `| ${method.name} | ${at?.promoted} | ${equal?.promoted} / ${equal?.rolledBack} | ${equal?.flights ?? 'more'} ` +
      `| ${better?.promoted} | ${better?.flights ?? 'more'} | ${worse?.rolledBack} | ${worse?.flights ?? 'more'} |`,
  );
  return { name: method.name, ends };
}

void main();
