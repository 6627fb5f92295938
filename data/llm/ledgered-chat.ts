import type { Digest } from '../../domain/artifact';
import type { Budget, BudgetAmount, BudgetRef } from '../../domain/budget';
import { formatBudgetAmount } from '../../domain/budget';
import { failure, isPerennialError, type FailureType } from '../../domain/failure';
import type { Tenant } from '../../domain/ids';
import type { AttemptEnd, AttemptPlan, CallLedger, CallOwner, LedgerCall, RecordedAnswer } from '../../domain/llm/call-ledger';
import type { Usage } from '../../domain/llm/chat';
import { costOf, mostUsage } from '../../domain/llm/price';
import { callKey } from './call-key';
import type { AskedTarget, AttemptJournal, BegunAttempt, ModelAccess, ModelTarget, Question } from './model-access';
import { pauseMs } from './pause';
import { readPromised } from './promised-json';
import type { OnText } from './provider';

export interface LedgeredQuestion {
  readonly tenant: Tenant;
  /** Where its report is found: `run_…/prompt-eval`. */
  readonly scope: string;
  readonly owner: CallOwner;
  readonly route: readonly [ModelTarget, ...ModelTarget[]];
  readonly question: Question;
  readonly promptDigest: Digest | null;
  readonly repeat: number;
  /** All that this is paid from; each must exist. */
  readonly budgets: readonly BudgetRef[];
  readonly signal?: AbortSignal;
  /** Not called for an answer that is on the ledger already. */
  readonly onText?: OnText;
}

export interface LedgeredAnswer extends RecordedAnswer {
  readonly key: Digest;
  /** Paid by an earlier call. */
  readonly fromLedger: boolean;
}

export interface LedgeredChat {
  /**
   * The one answer to this question: what is on the ledger is not asked again. Throws AnswerInvalid, each time anew and paid once, when the answer is not
   * the JSON that was promised, and BudgetSpent before anything is sent that could overspend.
   */
  ask(question: LedgeredQuestion): Promise<LedgeredAnswer>;
  /** What is on the ledger of many questions at once, in their order, without asking: how a resumed run catches up. Does not judge promised JSON. */
  recall(questions: readonly LedgeredQuestion[]): Promise<readonly (LedgeredAnswer | null)[]>;
}

/** Past the end of an attempt: the time to write that it ended. */
const leaseMarginMs = 15_000;
const budgetLookMs = 250;

export function ledgeredChat(access: ModelAccess, ledger: CallLedger): LedgeredChat {
  /** The same question asked twice at once in this process is one call: the second hears of the end only. */
  const asking = new Map<string, Promise<LedgeredAnswer>>();

  return {
    async ask(asked) {
      const { tenant, question } = asked;
      const identity = identityOf(asked);
      const name = `${tenant} ${identity.key}`;
      const answer = await shared(asking, name, () => askOnce(access, ledger, asked, identity));
      if (question.jsonSchema !== null) readPromised(answer.answer, question.jsonSchema);
      return answer;
    },

    async recall(questions) {
      const keys = questions.map((each) => identityOf(each).key);
      const [first] = questions;
      if (first === undefined) return [];
      const known = await ledger.find({ tenant: first.tenant, keys });
      return keys.map((key) => {
        const recorded = known[key];
        return recorded ? { ...recorded, key, fromLedger: true } : null;
      });
    },
  };
}

function identityOf({ route, question, promptDigest, repeat }: LedgeredQuestion): ReturnType<typeof callKey> {
  return callKey({ target: route[0], question, promptDigest, repeat });
}

async function shared<T>(running: Map<string, Promise<T>>, name: string, work: () => Promise<T>): Promise<T> {
  const known = running.get(name);
  if (known) return known;
  const mine = work().finally(() => running.delete(name));
  running.set(name, mine);
  return mine;
}

async function askOnce(
  access: ModelAccess,
  ledger: CallLedger,
  asked: LedgeredQuestion,
  { key, inputDigest }: ReturnType<typeof callKey>,
): Promise<LedgeredAnswer> {
  const { tenant, scope, owner, route, question, promptDigest, repeat, signal, onText } = asked;
  const [{ provider, model }] = route;
  const call: LedgerCall = { tenant, key, scope, provider, model, promptDigest, inputDigest, repeat };
  const known = (await ledger.find({ tenant, keys: [key] }))[key];
  if (known) return { ...known, key, fromLedger: true };
  const seen: { recorded: RecordedAnswer | null; fromLedger: boolean } = { recorded: null, fromLedger: false };
  const journal: AttemptJournal = {
    async begin(target) {
      const begun = await claimed(ledger, call, asked, target);
      if (begun.kind === 'answered') {
        seen.recorded = begun.recorded;
        seen.fromLedger = true;
        return { kind: 'answered', answered: begun.recorded };
      }
      return attemptOn(ledger, call, asked, target, begun, (answer) => (seen.recorded = answer));
    },
  };
  try {
    const answered = await access.chat(route, question, { tenant, signal, onText, journal });
    return { ...(seen.recorded ?? { ...answered, cost: 0 }), key, fromLedger: seen.fromLedger };
  } catch (error) {
    // When that cannot be written either, the lease runs out.
    await ledger.giveUp({ call, owner, failure: isPerennialError(error) ? error.type : null }).catch(() => undefined);
    throw error;
  }
}

type Begun =
  | { readonly kind: 'answered'; readonly recorded: RecordedAnswer }
  | { readonly kind: 'claimed'; readonly number: number; readonly requestId: string };

/** Waits while another process asks the same, and while others hold what is left of a budget: both end by themselves, or by their lease. */
async function claimed(ledger: CallLedger, call: LedgerCall, asked: LedgeredQuestion, target: AskedTarget): Promise<Begun> {
  const attempt = planOf(target, asked.budgets);
  for (;;) {
    const claim = await ledger.claim({ call, owner: asked.owner, attempt });
    switch (claim.kind) {
      case 'answered':
      case 'claimed':
        return claim;
      case 'asked':
        await pauseMs(claim.waitMs, asked.signal);
        break;
      case 'budgetHeld':
        await pauseMs(budgetLookMs * (0.5 + Math.random()), asked.signal);
        break;
      case 'budgetSpent':
        throw budgetSpent(claim.budget, claim.asked);
    }
  }
}

function attemptOn(
  ledger: CallLedger,
  call: LedgerCall,
  { budgets }: LedgeredQuestion,
  { price }: AskedTarget,
  { number, requestId }: Begun & { kind: 'claimed' },
  keep: (recorded: RecordedAnswer) => void,
): BegunAttempt {
  const end = (how: AttemptEnd) => ledger.end({ call, number, end: how });
  return {
    kind: 'send',
    requestId,
    async answered(answer) {
      const cost = costOf(answer.usage, price);
      const spent = budgets.map((budget) => ({ ...budget, amount: amountOf(budget, answer.usage, cost, answer.totalMs) }));
      const recorded = await end({ kind: 'answered', answer, cost, spent });
      if (recorded === null) throw failure('DatabaseUnavailable', `the answer to ${call.key} was written and not read back`);
      keep(recorded);
      return recorded;
    },
    async failed(type) {
      await end(type !== null && unpaid.includes(type) ? { kind: 'refused', failure: type } : { kind: 'broken', failure: type });
    },
  };
}

/** By the words of domain/failure.ts. */
const unpaid: readonly FailureType[] = [
  'ProviderRateLimited',
  'ProviderUnavailable',
  'ProviderRefused',
  'ModelNotFound',
  'ContextOverflow',
];

function planOf({ target, request, price, totalMs }: AskedTarget, budgets: readonly BudgetRef[]): AttemptPlan {
  const most = mostUsage(request);
  const mostCost = costOf(most, price);
  const reserve: BudgetAmount[] = budgets.map((budget) => ({ ...budget, amount: amountOf(budget, most, mostCost, totalMs) }));
  const { provider, model } = target;
  return { provider, model, reserve, mostUsage: most, mostCost, leaseMs: totalMs + leaseMarginMs };
}

function amountOf({ unit }: BudgetRef, { promptTokens, completionTokens }: Usage, cost: number, ms: number): number {
  return unit === 'usd' ? cost : unit === 'tokens' ? promptTokens + completionTokens : Math.ceil(ms);
}

function budgetSpent({ scope, unit, limit, spent }: Budget, asked: number): Error {
  const amount = (parts: number) => formatBudgetAmount(unit, parts);
  return failure(
    'BudgetSpent',
    `the budget of ${scope} is spent: ${amount(spent)} of ${amount(limit)}, and the next call may take ${amount(asked)}`,
    {
      next: 'raise the budget and resume: what was answered is on the ledger and is not paid again',
    },
  );
}
