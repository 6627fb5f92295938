import fc from 'fast-check';
import {
  addBet,
  emptyWealth,
  logEvidence,
  neededTolerance,
} from '../../../domain/monitoring/betting';
import { seededRandom } from '../../../domain/statistics/random';
import { rateIn } from '../../support/rollout/monte-carlo';

const bet = fc.record({
  inside: fc.nat(40),
  outside: fc.nat(40),
  share: fc.double({ min: 0, max: 1, noNaN: true }),
});
const bets = fc.array(bet, { minLength: 1, maxLength: 12 });
const tolerance = fc.double({ min: 0.01, max: 0.9, noNaN: true });

describe('bets on a set of bins', () => {
  test('a row multiplies the wealth by 1 on average at the tolerance itself', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 0.9, noNaN: true }), tolerance, (share, tau) => {
        const at = share + tau;
        fc.pre(at < 1);
        const computeWealth = (inside: number) =>
          Math.exp(logEvidence(addBet(emptyWealth(), { inside, outside: 1 - inside, share }, tau)));
        expect(at * computeWealth(1) + (1 - at) * computeWealth(0)).toBeCloseTo(1, 9);
      }),
    );
  });

  test('a batch counts like its rows one by one', () => {
    fc.assert(
      fc.property(bet, tolerance, ({ inside, outside, share }, tau) => {
        const whole = addBet(emptyWealth(), { inside, outside, share }, tau);
        const rows = [...new Array<number>(inside).fill(1), ...new Array<number>(outside).fill(0)];
        const single = rows.reduce(
          (wealth, isIn) => addBet(wealth, { inside: isIn, outside: 1 - isIn, share }, tau),
          emptyWealth(),
        );
        expect(logEvidence(single)).toBeCloseTo(logEvidence(whole), 6);
      }),
    );
  });

  test('evidence falls with the tolerance, while each set can exceed its allowance', () => {
    fc.assert(
      fc.property(bets, tolerance, tolerance, (drawn, one, other) => {
        const all = drawn.filter(({ share }) => share + Math.max(one, other) < 1);
        const at = (tau: number) =>
          logEvidence(all.reduce((wealth, each) => addBet(wealth, each, tau), emptyWealth()));
        const [tight, loose] = [at(Math.min(one, other)), at(Math.max(one, other))];
        expect(loose).toBeLessThanOrEqual(tight + 1e-9);
      }),
    );
  });

  test('a set that can never exceed its allowance costs nothing', () => {
    const won = addBet(emptyWealth(), { inside: 10, outside: 0, share: 0.1 }, 0.2);
    expect(addBet(won, { inside: 0, outside: 40, share: 0.85 }, 0.2)).toEqual(won);
    const lost = addBet(won, { inside: 0, outside: 40, share: 0.75 }, 0.2);
    expect(logEvidence(lost)).toBeLessThan(logEvidence(won));
  });

  test('the needed tolerance is where the bets become quiet', () => {
    fc.assert(
      fc.property(bets, fc.double({ min: 1, max: 12, noNaN: true }), (all, threshold) => {
        const needed = neededTolerance(all, threshold);
        const most = (tau: number) => {
          let [wealth, found] = [emptyWealth(), 0];
          for (const each of all) {
            wealth = addBet(wealth, each, tau);
            found = Math.max(found, logEvidence(wealth));
          }
          return found;
        };
        expect(most(needed)).toBeLessThan(threshold);
        const canExceed = all.every(({ share }) => share + needed < 1);
        if (needed > 0.001 && canExceed)
          expect(most(needed - 0.001)).toBeGreaterThanOrEqual(threshold);
      }),
    );
  });

  test('a watched block within its tolerance reaches c with probability at most 1/c', () => {
    // The worst case: the set's probability is exactly what is allowed.
    const random = seededRandom([3, 1, 4, 1]);
    const { lower } = rateIn(2000, () => {
      let wealth = emptyWealth();
      for (let row = 0; row < 200; row += 1) {
        const inside = random() < 0.4 ? 1 : 0;
        wealth = addBet(wealth, { inside, outside: 1 - inside, share: 0.3 }, 0.1);
        if (logEvidence(wealth) >= Math.log(20)) return true;
      }
      return false;
    });
    expect(lower).toBeLessThanOrEqual(1 / 20);
  });
});
