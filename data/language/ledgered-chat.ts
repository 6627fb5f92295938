import type { Digest } from '../../domain/dataset/artifact';
import type { BudgetRef } from '../../domain/budget/budget';
import { isPerennialError } from '../../domain/failure';
import type { Tenant } from '../../domain/ids';
import type {
  CallLedger,
  CallOwner,
  LedgerCall,
  RecordedAnswer,
} from '../../domain/language/provider/call-ledger';
import { mostUsage } from '../../domain/language/provider/price';
import { budgetsFor } from '../../domain/language/provider/budget';
import { callKey } from './call-key';
import {
  affordAttempt,
  attemptEnds,
  claimAttempt,
  type LedgerEntry,
  type PlannedRequest,
} from './ledger-attempt';
import type {
  Answered,
  AskedTarget,
  AttemptJournal,
  ModelAccess,
  ModelTarget,
  Place,
  Question,
} from './model-access';
import type { OnText } from './provider/provider';
import { readPromised } from './promised-json';
import { shareInFlight } from '../share-in-flight';

export interface LedgeredQuestion {
  readonly tenant: Tenant;
  /** Where its report is found: `run_…/prompt-eval`. */
  readonly scope: string;
  readonly owner: CallOwner;
  readonly route: readonly [ModelTarget, ...ModelTarget[]];
  readonly question: Question;
  /**
   * Put to the provider's moderation or reranking instead of its chat: the answer's text is what
   * `ModelAccess` says of each. By the first of the route alone.
   */
  readonly operation?: 'moderation' | 'rerank' | undefined;
  readonly promptDigest: Digest | null;
  readonly repeat: number;
  /**
   * All that this is paid from; each must exist. Those of a provider pay what that one is asked.
   */
  readonly budgets: readonly BudgetRef[];
  readonly signal?: AbortSignal;
  /** Not called for an answer that is on the ledger already. */
  readonly onText?: OnText;
  readonly place?: Place | undefined;
}

export interface LedgeredAnswer extends RecordedAnswer {
  readonly key: Digest;
  /** Paid by an earlier call. */
  readonly fromLedger: boolean;
}

export interface LedgeredChat {
  /**
   * The one answer to this question: what is on the ledger is not asked again. Throws
   * AnswerInvalid, each time anew and paid once, when the answer is not the JSON that was promised,
   * AnswerWithheld where a provider's filter kept that from being any, and BudgetSpent before
   * anything is sent that could overspend.
   */
  ask(question: LedgeredQuestion): Promise<LedgeredAnswer>;
  /**
   * What is on the ledger of many questions at once, in their order, without asking: how a resumed
   * run catches up. Does not judge promised JSON.
   */
  recall(questions: readonly LedgeredQuestion[]): Promise<readonly (LedgeredAnswer | null)[]>;
}

export function ledgeredChat(access: ModelAccess, ledger: CallLedger): LedgeredChat {
  /**
   * The same question asked twice at once by one owner is one call: the second hears of the end
   * only. Another owner's end is another's: its budget, its cancellation.
   */
  const asking = new Map<string, Promise<LedgeredAnswer>>();

  return {
    async ask(asked) {
      const { tenant, question, owner } = asked;
      const identity = identityOf(asked);
      const name = `${tenant} ${identity.key} ${owner.attempt} ${owner.execution}`;
      const answer = await shareInFlight(asking, name, () =>
        askOnce(access, ledger, asked, identity),
      );
      if (question.jsonSchema !== null) readPromised(answer.answer, question.jsonSchema);
      return answer;
    },

    async recall(questions) {
      const keys = questions.map((each) => identityOf(each).key);
      const [first] = questions;
      if (first === undefined) return [];
      const known = await ledger.find({ tenant: first.tenant, scope: first.scope, keys });
      return keys.map((key) => {
        const recorded = known[key];
        return recorded ? { ...recorded, key, fromLedger: true } : null;
      });
    },
  };
}

function identityOf({
  route,
  question,
  operation,
  promptDigest,
  repeat,
}: LedgeredQuestion): ReturnType<typeof callKey> {
  return callKey({ target: route[0], question, operation, promptDigest, repeat });
}

async function askOnce(
  access: ModelAccess,
  ledger: CallLedger,
  asked: LedgeredQuestion,
  { key, inputDigest }: ReturnType<typeof callKey>,
): Promise<LedgeredAnswer> {
  const { tenant, scope, owner, route, question, promptDigest, repeat, signal, onText, place } =
    asked;
  const [{ provider, model }] = route;
  const call: LedgerCall = {
    tenant,
    key,
    scope,
    provider,
    model,
    promptDigest,
    inputDigest,
    repeat,
  };
  const known = (await ledger.find({ tenant, scope, keys: [key] }))[key];
  if (known) return { ...known, key, fromLedger: true };
  const seen: { recorded: RecordedAnswer | null; fromLedger: boolean } = {
    recorded: null,
    fromLedger: false,
  };
  const entryOf = ({ target }: AskedTarget): LedgerEntry => ({
    ledger,
    call,
    owner,
    budgets: budgetsFor(target.provider, asked.budgets),
  });
  const planned = ({ target, request, price, totalMs, aheadMs }: AskedTarget): PlannedRequest => ({
    target,
    most: mostUsage(request),
    price,
    totalMs,
    aheadMs,
  });
  const journal: AttemptJournal = {
    afford: (attempt) => affordAttempt(entryOf(attempt), planned(attempt)),
    async begin(attempt) {
      const entry = entryOf(attempt);
      const claim = await claimAttempt(entry, planned(attempt));
      if (claim.kind === 'held') return claim;
      if (claim.kind === 'answered') {
        seen.recorded = claim.recorded;
        seen.fromLedger = true;
        return { kind: 'answered', answered: claim.recorded };
      }
      const { answered, ...ends } = attemptEnds(entry, claim.number, attempt.price);
      return {
        kind: 'send',
        requestId: claim.requestId,
        answered: async (answer) => (seen.recorded = await answered(answer)),
        ...ends,
      };
    },
  };
  try {
    const answered = await send(asked.operation);
    return {
      ...(seen.recorded ?? { ...answered, model, scope, cost: 0 }),
      key,
      fromLedger: seen.fromLedger,
    };
  } catch (error) {
    // When that cannot be written either, the lease runs out.
    await ledger
      .giveUp({ call, owner, failure: isPerennialError(error) ? error.type : null })
      .catch(() => undefined);
    throw error;
  }

  function send(operation: LedgeredQuestion['operation']): Promise<Answered> {
    switch (operation) {
      case 'moderation':
        return access.moderate(route[0], question, { tenant, signal, journal });
      case 'rerank':
        return access.rerank(route[0], question, { tenant, signal, journal });
      case undefined:
        return access.chat(route, question, { tenant, signal, onText, journal, place });
    }
  }
}
