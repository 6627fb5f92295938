import type { Budget } from '../../domain/budget/budget';
import { failure } from '../../domain/failure';
import { nextBlock, type BlockReport, type BlockLedger } from '../../domain/provider/budget-block';

/** The operator's budgets in memory, with the reports of each gateway. */
export interface FakeBudgets extends BlockLedger {
  readonly budgets: Budget[];
  readonly accounts: BlockReport[];
  away: boolean;
  /** Deletes old reports, as retention does. */
  forgetSettled(): void;
  /** Called before and after a report is stored. If it throws, the message is lost. */
  travel: () => Promise<void>;
}

export function fakeBudgets(...budgets: Budget[]): FakeBudgets {
  const blocks = new Map<string, { granted: number; told: number }>();
  const fake: FakeBudgets = {
    budgets,
    accounts: [],
    away: false,
    forgetSettled() {
      for (const [key, { granted }] of blocks) if (granted === 0) blocks.delete(key);
    },
    travel: () => Promise.resolve(),
    list: ({ tenant }) => present(() => fake.budgets.filter((each) => each.tenant === tenant)),
    account: (account) =>
      present(() => {
        fake.accounts.push(account);
        const place = fake.budgets.findIndex(
          ({ scope, unit }) => scope === account.scope && unit === account.unit,
        );
        const budget = fake.budgets[place];
        if (!budget)
          throw failure('NotFound', `there is no budget of ${account.unit} for ${account.scope}`);
        const key = `${account.holder}/${account.scope}/${account.unit}`;
        const before = blocks.get(key) ?? { granted: 0, told: account.told };
        const now = {
          ...budget,
          spent: budget.spent + account.spent - before.told,
          reserved: budget.reserved - before.granted,
        };
        const block = nextBlock(now, account);
        blocks.set(key, { granted: block.granted, told: account.spent });
        const after = { ...now, reserved: now.reserved + block.granted };
        fake.budgets[place] = after;
        return { ...block, budget: after };
      }),
  };
  async function present<T>(answer: () => T): Promise<T> {
    if (fake.away) throw failure('DatabaseUnavailable', 'PostgreSQL cannot be reached');
    await fake.travel();
    const answered = answer();
    await fake.travel();
    return answered;
  }
  return fake;
}
