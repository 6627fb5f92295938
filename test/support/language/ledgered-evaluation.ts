/**
 * An evaluation in a separate process that can be killed: every variant of a prompt over every
 * case, each answer through the call ledger, and the scores on the last line.
 * `node -r tsx/cjs test/support/language/ledgered-evaluation.ts '<plan as JSON>'`
 */
import {
  openLedgerChat,
  type LedgerAnswer,
  type LedgerQuestion,
} from '../../../data/language/ledger-chat';
import { openModelAccess } from '../../../data/language/model-access';
import { openDatabase } from '../../../db/connection';
import { createCallLedger } from '../../../db/language/call-repository';
import { isPerennialError } from '../../../domain/failure';
import type { BudgetRef } from '../../../domain/budget/budget';
import { noSecret, providerAt, question, tenant } from '../provider/model-access';

export interface EvaluationPlan {
  readonly databaseUrl: string;
  readonly providerUrl: string;
  readonly scope: string;
  readonly variants: number;
  readonly cases: number;
  readonly atOnce: number;
  /** One more after each kill. */
  readonly attempt: number;
}

export interface EvaluationResult {
  /** Per variant: the mean over the answered cases. */
  readonly scores: readonly number[];
  readonly asked: number;
  readonly fromLedger: number;
  /** By the type of the failure. */
  readonly failed: Readonly<Record<string, number>>;
}

/** US dollars per million tokens, chosen so that costs are whole nanodollars. */
export const price = { promptPerMillion: 0.15, completionPerMillion: 0.6 };

export function listBudgets(scope: string): readonly BudgetRef[] {
  return [
    { scope, unit: 'usd' },
    { scope, unit: 'tokens' },
  ];
}

export const labels = ['noun', 'verb', 'adjective', 'adverb'];

const recalledAtOnce = 1000;

/** The right label of a case. */
function expected(place: number): string {
  return labels[(place * 7) % labels.length] ?? '';
}

export async function evaluate(plan: EvaluationPlan): Promise<EvaluationResult> {
  const database = openDatabase({ url: plan.databaseUrl, maxConnections: 12 });
  const access = openModelAccess(
    [
      providerAt(plan.providerUrl, {
        prices: { scripted: price },
        limits: { requestsPerMinute: null, tokensPerMinute: null, concurrency: plan.atOnce },
        timeouts: { firstTokenMs: 10_000, totalMs: 20_000 },
      }),
    ],
    noSecret,
  );
  const chat = openLedgerChat(access, createCallLedger(database));
  const sums = Array.from({ length: plan.variants }, () => ({ right: 0, answered: 0 }));
  const failed: Record<string, number> = {};
  let fromLedger = 0;
  const buildQuestion = (number: number): LedgerQuestion => ({
    tenant,
    scope: plan.scope,
    owner: { execution: plan.scope, attempt: plan.attempt },
    route: [{ provider: 'scripted', model: 'scripted' }],
    question: question(
      `Variant ${Math.floor(number / plan.cases)} of the prompt. What is the class of word ${number % plan.cases}?`,
    ),
    promptDigest: null,
    repeat: 0,
    budgets: listBudgets(plan.scope),
  });
  const score = (number: number, { answer, ...answered }: LedgerAnswer): void => {
    const sum = sums[Math.floor(number / plan.cases)];
    if (!sum) return;
    fromLedger += answered.fromLedger ? 1 : 0;
    sum.answered += 1;
    sum.right += answer.text.trim() === expected(number % plan.cases) ? 1 : 0;
  };
  const ask = async (number: number): Promise<void> => {
    try {
      score(number, await chat.ask(buildQuestion(number)));
    } catch (error) {
      const type = isPerennialError(error) ? error.type : 'Unexpected';
      failed[type] = (failed[type] ?? 0) + 1;
      if (!isPerennialError(error)) process.stderr.write(`${String(error)}\n`);
    }
  };
  const total = plan.variants * plan.cases;
  const left: number[] = [];
  for (let start = 0; start < total; start += recalledAtOnce) {
    const batch = Array.from(
      { length: Math.min(recalledAtOnce, total - start) },
      (_, place) => start + place,
    );
    const known = await chat.recall(batch.map(buildQuestion));
    for (const [place, number] of batch.entries()) {
      const answer = known[place];
      if (answer) score(number, answer);
      else left.push(number);
    }
  }
  left.reverse();
  const work = async (): Promise<void> => {
    for (let number = left.pop(); number !== undefined; number = left.pop()) await ask(number);
  };
  await Promise.all(Array.from({ length: plan.atOnce }, work));
  await access.close();
  await database.close();
  return {
    scores: sums.map(({ right, answered }) => (answered === 0 ? 0 : right / answered)),
    asked: total,
    fromLedger,
    failed,
  };
}

if (require.main === module) {
  // Standard input closes when the parent process ends, and then the evaluation stops.
  process.stdin.on('close', () => process.exit(1)).resume();
  evaluate(JSON.parse(process.argv[2] ?? '') as EvaluationPlan).then(
    (result) => process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0)),
    (error: unknown) => {
      process.stderr.write(
        `${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
      );
      process.exit(1);
    },
  );
}
