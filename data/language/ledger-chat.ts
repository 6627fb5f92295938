import type { Digest } from '../../domain/artifact';
import type { BudgetRef } from '../../domain/budget/budget';
import { isPerennialError } from '../../domain/failure';
import type { Tenant } from '../../domain/ids';
import type {
  CallLedger,
  CallOwner,
  LedgerCall,
  RecordedAnswer,
} from '../../domain/provider/call-ledger';
import { maxUsage } from '../../domain/provider/price';
import { budgetsFor } from '../../domain/provider/budget';
import { callKey } from './call-key';
import {
  checkBudgets,
  attemptRecorder,
  claimAttempt,
  type LedgerEntry,
  type PlannedRequest,
} from './ledger-attempt';
import type { ModelAccess } from './model-access';
import type {
  AttemptJournal,
  ConcurrencySlot,
  ModelTarget,
  PlannedAttempt,
  Question,
  RoutedAnswer,
} from './attempt';
import type { OnText } from './provider/provider';
import { parseJsonAnswer } from './json-answer';
import { shareConcurrentCalls } from '../share-in-flight';

export interface LedgerQuestion {
  readonly tenant: Tenant;
  /** The run and stage for reports: `run_…/prompt-eval`. */
  readonly scope: string;
  readonly owner: CallOwner;
  readonly route: readonly [ModelTarget, ...ModelTarget[]];
  readonly question: Question;
  /**
   * Use the provider's moderation or reranking instead of chat, without standbys. `ModelAccess`
   * describes the answer's text.
   */
  readonly operation?: 'moderation' | 'rerank' | undefined;
  readonly promptDigest: Digest | null;
  readonly repeat: number;
  /** The budgets that pay; each must exist. A provider's budget pays only requests to it. */
  readonly budgets: readonly BudgetRef[];
  readonly signal?: AbortSignal;
  /** Not called for an answer that is already in the ledger. */
  readonly onText?: OnText;
  readonly place?: ConcurrencySlot | undefined;
}

export interface LedgerAnswer extends RecordedAnswer {
  readonly key: Digest;
  /** Whether an earlier call paid for it. */
  readonly fromLedger: boolean;
}

export interface LedgerChat {
  /**
   * Ask the question, or return its recorded answer. Throws BudgetSpent before a request that could
   * overspend. When the answer must be JSON, throws AnswerInvalid if it does not match the schema
   * and AnswerWithheld if a provider's filter stopped it; such an answer is recorded and paid once.
   */
  ask(question: LedgerQuestion): Promise<LedgerAnswer>;
  /**
   * The recorded answers to many questions, in their order, without asking. A resumed run starts
   * with it. Does not validate JSON.
   */
  recall(questions: readonly LedgerQuestion[]): Promise<readonly (LedgerAnswer | null)[]>;
}

export function openLedgerChat(access: ModelAccess, ledger: CallLedger): LedgerChat {
  /**
   * Concurrent requests of one owner for the same question share one call; the second gets only
   * the final answer. Owners do not share: each has its own budgets and cancellation.
   */
  const asking = new Map<string, Promise<LedgerAnswer>>();

  return {
    async ask(asked) {
      const { tenant, question, owner } = asked;
      const identity = formatCallKey(asked);
      const name = `${tenant} ${identity.key} ${owner.attempt} ${owner.execution}`;
      const answer = await shareConcurrentCalls(asking, name, () =>
        askOnce(access, ledger, asked, identity),
      );
      if (question.jsonSchema !== null) parseJsonAnswer(answer.answer, question.jsonSchema);
      return answer;
    },

    async recall(questions) {
      const keys = questions.map((each) => formatCallKey(each).key);
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

function formatCallKey({
  route,
  question,
  operation,
  promptDigest,
  repeat,
}: LedgerQuestion): ReturnType<typeof callKey> {
  return callKey({ target: route[0], question, operation, promptDigest, repeat });
}

async function askOnce(
  access: ModelAccess,
  ledger: CallLedger,
  asked: LedgerQuestion,
  { key, inputDigest }: ReturnType<typeof callKey>,
): Promise<LedgerAnswer> {
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
  const buildEntry = ({ target }: PlannedAttempt): LedgerEntry => ({
    ledger,
    call,
    owner,
    budgets: budgetsFor(target.provider, asked.budgets),
  });
  const planRequest = ({
    target,
    request,
    price,
    totalMs,
    aheadMs,
  }: PlannedAttempt): PlannedRequest => ({
    target,
    worstCase: maxUsage(request),
    price,
    totalMs,
    aheadMs,
  });
  const journal: AttemptJournal = {
    afford: (attempt) => checkBudgets(buildEntry(attempt), planRequest(attempt)),
    async begin(attempt) {
      const entry = buildEntry(attempt);
      const claim = await claimAttempt(entry, planRequest(attempt));
      if (claim.kind === 'held') return claim;
      if (claim.kind === 'answered') {
        seen.recorded = claim.recorded;
        seen.fromLedger = true;
        return { kind: 'answered', answered: claim.recorded };
      }
      const { answered, ...ends } = attemptRecorder(entry, claim.number, attempt.price);
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
    // When this cannot be recorded either, the lease expires.
    await ledger
      .giveUp({ call, owner, failure: isPerennialError(error) ? error.type : null })
      .catch(() => undefined);
    throw error;
  }

  function send(operation: LedgerQuestion['operation']): Promise<RoutedAnswer> {
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
