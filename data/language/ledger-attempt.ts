/**
 * One request to a provider. It is recorded in the call ledger and reserved in every budget before
 * it is sent.
 */
import type { Budget, BudgetAmount, BudgetRef } from '../../domain/budget/budget';
import { formatBudgetAmount, spentMessage } from '../../domain/budget/budget';
import { failure, type FailureType } from '../../domain/failure';
import type {
  AttemptEnd,
  AttemptPlan,
  CallLedger,
  CallOwner,
  LedgerCall,
  RecordedAnswer,
} from '../../domain/provider/call-ledger';
import type { ChatAnswer, Usage } from '../../domain/chat/chat';
import { computeCost, type Price } from '../../domain/provider/price';
import type { ModelTarget } from './attempt';

export interface LedgerEntry {
  readonly ledger: CallLedger;
  readonly call: LedgerCall;
  readonly owner: CallOwner;
  /** The budgets that pay for the request; each must exist. */
  readonly budgets: readonly BudgetRef[];
}

export interface PlannedRequest {
  readonly target: ModelTarget;
  readonly worstCase: Usage;
  readonly price: Price;
  readonly totalMs: number;
  readonly aheadMs?: number | undefined;
}

type ClaimedCall =
  | { readonly kind: 'answered'; readonly recorded: RecordedAnswer }
  | { readonly kind: 'claimed'; readonly number: number; readonly requestId: string }
  | { readonly kind: 'held'; readonly waitMs: number };

/** The time to record the end of an attempt, in addition to its timeout. */
const leaseMarginMs = 15_000;
const budgetLookMs = 250;

/**
 * Check the budgets before the request waits for its turn. `claimAttempt` checks again in the turn.
 * @throws BudgetSpent
 */
export async function checkBudgets(
  { ledger, call, owner, budgets }: LedgerEntry,
  request: PlannedRequest,
): Promise<void> {
  const { reserve } = planAttempt(request, budgets);
  const spent = reserve.length === 0 ? null : await ledger.spentFor({ call, owner, reserve });
  if (spent) throw budgetSpent(spent.budget, spent.asked);
}

/**
 * Claim the call and reserve its budgets. `held` means that another process asks the same question
 * or that others have reserved the rest of a budget. Both end, at the latest by their lease.
 * @throws BudgetSpent
 */
export async function claimAttempt(
  { ledger, call, owner, budgets }: LedgerEntry,
  request: PlannedRequest,
): Promise<ClaimedCall> {
  const claim = await ledger.claim({ call, owner, attempt: planAttempt(request, budgets) });
  switch (claim.kind) {
    case 'answered':
    case 'claimed':
      return claim;
    case 'asked':
      return { kind: 'held', waitMs: claim.waitMs };
    case 'budgetHeld':
      return { kind: 'held', waitMs: budgetLookMs * (0.5 + Math.random()) };
    case 'budgetSpent':
      throw budgetSpent(claim.budget, claim.asked);
  }
}

interface AttemptEnds {
  readonly answered: (answer: ChatAnswer) => Promise<RecordedAnswer>;
  readonly failed: (type: FailureType | null) => Promise<void>;
  readonly unsent: () => Promise<void>;
}

/** Record the end of the claimed attempt in the ledger and the budgets. */
export function attemptRecorder(
  { ledger, call, budgets }: LedgerEntry,
  number: number,
  price: Price,
): AttemptEnds {
  const end = (how: AttemptEnd) => ledger.end({ call, number, end: how });
  return {
    async answered(answer) {
      const cost = computeCost(answer.usage, price);
      const spent = budgets.map((budget) => ({
        ...budget,
        amount: computeAmount(budget, answer.usage, cost, answer.totalMs),
      }));
      const recorded = await end({ kind: 'answered', answer, cost, spent });
      if (recorded === null)
        throw failure(
          'DatabaseUnavailable',
          `the recorded answer to call ${call.key} could not be read back`,
        );
      return recorded;
    },
    async failed(type) {
      await end(
        type !== null && unbilledFailures.includes(type)
          ? { kind: 'refused', failure: type }
          : { kind: 'broken', failure: type },
      );
    },
    async unsent() {
      await end({ kind: 'refused', failure: null });
    },
  };
}

/** The failures for which the provider bills nothing (domain/failure.ts). */
export const unbilledFailures: readonly FailureType[] = [
  'ProviderRateLimited',
  'ProviderUnavailable',
  'ProviderRefused',
  'ProviderDenied',
  'ModelNotFound',
  'ContextOverflow',
];

function planAttempt(
  { target: { provider, model }, worstCase, price, totalMs, aheadMs = 0 }: PlannedRequest,
  budgets: readonly BudgetRef[],
): AttemptPlan {
  const worstCost = computeCost(worstCase, price);
  const reserve: BudgetAmount[] = budgets.map((budget) => ({
    ...budget,
    amount: computeAmount(budget, worstCase, worstCost, totalMs),
  }));
  return {
    provider,
    model,
    reserve,
    mostUsage: worstCase,
    mostCost: worstCost,
    leaseMs: aheadMs + totalMs + leaseMarginMs,
  };
}

function computeAmount(
  { unit }: BudgetRef,
  { promptTokens, completionTokens }: Usage,
  cost: number,
  ms: number,
): number {
  return unit === 'usd'
    ? cost
    : unit === 'tokens'
      ? promptTokens + completionTokens
      : Math.ceil(ms);
}

function budgetSpent({ scope, unit, limit, spent }: Budget, asked: number): Error {
  const amount = (parts: number) => formatBudgetAmount(unit, parts);
  return failure(
    'BudgetSpent',
    `${spentMessage(scope)}: ${amount(spent)} of ${amount(limit)}; ` +
      `the next call may need ${amount(asked)}`,
    {
      next:
        (scope.startsWith('run/')
          ? 'raise spec.budget, apply and start again'
          : `perennial budget set ${scope} <more>, and start again`) +
        '; recorded answers are reused and not paid for again',
    },
  );
}
