/**
 * How often a canary behind a judge is decided wrongly, in many simulated worlds: at the margin plus a
 * point it may be promoted with the error of one statement, and an equal challenger refuted.
 * `npm run bench -- judged [worlds]`. test/domain/rollout/judging has the same worlds, fewer of them.
 */
import { loadavg } from 'node:os';
import type { Random } from '../../domain/statistics/random';
import { rateIn } from '../../test/support/rollout/monte-carlo';
import {
  calibratedBy,
  judgedPolicy,
  judgeVerdicts,
  watchJudged,
  type JudgeRates,
  type JudgeVerdict,
  type TrueAnswer,
} from '../../test/support/rollout/simulated-judged';
import { createRandom } from '../../test/support/rollout/simulated-traffic';
import { rounded } from '../figures';

const [worlds = 1_000] = process.argv.slice(2).map(Number);
const margin = 0.25;
const usual: JudgeRates = { sensitivity: 0.8, specificity: 0.9 };
const amounts = { questions: 1_000, labelled: 600 };
/** Half of alpha, by default 0.05, for each of the two sides. */
const stated = 0.05 / 2;

interface World {
  readonly what: string;
  readonly end: 'passed' | 'failed';
  /** How much smaller the challenger's share of right answers is. */
  readonly worse: number;
  readonly rates: { readonly champion: JudgeRates; readonly challenger: JudgeRates };
}

const alike = { champion: usual, challenger: usual };
const kinder = (specificity: number, sensitivity: number): JudgeRates => ({
  sensitivity,
  specificity,
});

const rows: readonly World[] = [
  {
    what: 'promoted; worse by the margin and a point, the judge errs alike',
    end: 'passed',
    worse: margin + 0.01,
    rates: alike,
  },
  {
    what: 'promoted; worse by the margin and a point, the judge favours it a little',
    end: 'passed',
    worse: margin + 0.01,
    rates: { champion: usual, challenger: kinder(0.87, 0.82) },
  },
  {
    what: 'promoted; worse by the margin and a point, the judge favours it',
    end: 'passed',
    worse: margin + 0.01,
    rates: { champion: usual, challenger: kinder(0.83, 0.85) },
  },
  {
    what: 'rolled back; as good, the judge favours the champion',
    end: 'failed',
    worse: 0,
    rates: { champion: kinder(0.83, 0.85), challenger: usual },
  },
  { what: 'promoted; as good, the judge errs alike', end: 'passed', worse: 0, rates: alike },
];

function measure({ end, worse, rates }: World, scenario: number) {
  return rateIn(worlds, (world) => {
    const random = createRandom(world, scenario);
    const policy = judgedPolicy({ margin }, calibratedBy(random, 150, usual));
    const answers = () => {
      const difficulty = random();
      const answer = (share: number): TrueAnswer => (difficulty < share ? 'right' : 'wrong');
      return { champion: answer(0.6), challenger: answer(0.6 - worse) };
    };
    return watchJudged(policy, amounts, answers, drawVerdict(random, rates)) === end;
  });
}

function drawVerdict(random: Random, { champion, challenger }: World['rates']): JudgeVerdict {
  const says = {
    champion: judgeVerdicts(random, champion),
    challenger: judgeVerdicts(random, challenger),
  };
  return (answer, of) => says[of](answer, of);
}

console.log(`| decision and world | worlds | % | 95 % interval |\n|---|---|---|---|`);
const found = rows.map((row, index) => {
  const { rate, lower, upper } = measure(row, 90 + index);
  const percent = (share: number) => (100 * share).toFixed(1);
  console.log(
    `| ${row.what} | ${worlds} | ${percent(rate)} | ${percent(lower)} … ${percent(upper)} |`,
  );
  return { what: row.what, rate: rounded(rate, 4), lower, upper };
});
console.log(JSON.stringify({ bench: 'judged', worlds, stated, found, load: loadavg()[0] }));
