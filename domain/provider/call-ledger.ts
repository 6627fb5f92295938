import type { Digest } from '../artifact';
import type { Budget, BudgetAmount } from '../budget/budget';
import type { FailureType } from '../failure';
import type { Tenant } from '../ids';
import type { ChatAnswer, Usage } from '../chat/chat';

/** One request to a model. `key` is the digest of everything that determines the answer. */
export interface LedgerCall {
  readonly tenant: Tenant;
  readonly key: Digest;
  /**
   * The owner of the cost, such as `run_…/prompt-eval`; reports are per scope. The first scope to
   * ask pays, and later ones read the answer. After retention deletes it, the next one pays again.
   */
  readonly scope: string;
  readonly provider: string;
  readonly model: string;
  readonly promptDigest: Digest | null;
  readonly inputDigest: Digest;
  readonly repeat: number;
}

export type CallRef = Pick<LedgerCall, 'tenant' | 'key'>;

/**
 * The process that makes a call. A higher attempt of the same execution takes over at once, since
 * the lower one is dead; another execution waits until the lease ends.
 */
export interface CallOwner {
  readonly execution: string;
  readonly attempt: number;
}

/**
 * One request to a provider for a call. A call has several attempts if one failed, or if its
 * process died during the request.
 */
export interface AttemptPlan {
  /** The call's own provider, or a standby's. */
  readonly provider: string;
  readonly model: string;
  /** The most that the attempt can cost, reserved until it ends. */
  readonly reserve: readonly BudgetAmount[];
  readonly mostUsage: Usage;
  readonly mostCost: number;
  /** Time after which the attempt counts as lost. */
  readonly leaseMs: number;
}

export interface RecordedAnswer {
  /** The scope that paid. */
  readonly scope: string;
  readonly answer: ChatAnswer;
  /** The provider that answered: the call's own, or a standby's. */
  readonly provider: string;
  /** The requested model name; a standby may be another model of the same provider. */
  readonly model: string;
  /** Nanodollars. */
  readonly cost: number;
}

export type CallClaim =
  | { readonly kind: 'answered'; readonly recorded: RecordedAnswer }
  /** `lost` requests were in progress when their owners died; each may have been billed. */
  | {
      readonly kind: 'claimed';
      readonly number: number;
      readonly requestId: string;
      readonly lost: number;
    }
  /** Another owner has the same request in progress. */
  | { readonly kind: 'asked'; readonly waitMs: number }
  | { readonly kind: 'budgetHeld'; readonly budget: Budget; readonly asked: number }
  | { readonly kind: 'budgetSpent'; readonly budget: Budget; readonly asked: number };

export type AttemptEnd =
  | {
      readonly kind: 'answered';
      readonly answer: ChatAnswer;
      readonly cost: number;
      readonly spent: readonly BudgetAmount[];
    }
  /** Rejected by the provider, or, without a failure, never sent: it costs nothing. */
  | { readonly kind: 'refused'; readonly failure: FailureType | null }
  /**
   * It ended without an answer and may have been billed, so the whole reservation counts as spent.
   * Without a failure, the caller disconnected.
   */
  | { readonly kind: 'broken'; readonly failure: FailureType | null };

export const attemptOutcomes = ['sent', 'answered', 'refused', 'broken', 'lost'] as const;
export type AttemptOutcome = (typeof attemptOutcomes)[number];

/** The report of one scope, such as a stage. */
export interface ScopedReport extends CallReport {
  readonly scope: string;
}

export interface CallReport {
  readonly calls: { readonly asking: number; readonly answered: number; readonly failed: number };
  readonly attempts: Readonly<Record<AttemptOutcome, number>>;
  /** Usage of answered attempts; the provider's bill must match it. */
  readonly usage: Usage;
  readonly cost: number;
  /** The most that the bill may have in addition, for requests whose result was never received. */
  readonly unsettled: {
    readonly requestIds: readonly string[];
    readonly usage: Usage;
    readonly cost: number;
  };
}

/**
 * Prevents paying twice: an attempt is recorded before it is sent, and an answer before it is used.
 * See db/language/call-repository.ts.
 */
export interface CallLedger {
  /**
   * Key → answer, of the calls that have one. Answers of other scopes are then kept until this
   * scope ends.
   */
  find(input: {
    readonly tenant: Tenant;
    readonly scope: string;
    readonly keys: readonly Digest[];
  }): Promise<Readonly<Record<Digest, RecordedAnswer>>>;
  /**
   * A budget that cannot pay for this call even if all reservations are released; writes nothing.
   * Null if there is none, or if the answer exists or is being requested.
   */
  spentFor(input: {
    readonly call: CallRef;
    readonly owner: CallOwner;
    readonly reserve: readonly BudgetAmount[];
  }): Promise<{ readonly budget: Budget; readonly asked: number } | null>;
  claim(input: {
    readonly call: LedgerCall;
    readonly owner: CallOwner;
    readonly attempt: AttemptPlan;
  }): Promise<CallClaim>;
  /** Ends an attempt. The first recorded answer is final, and is returned for a later one. */
  end(input: {
    readonly call: CallRef;
    readonly number: number;
    readonly end: AttemptEnd;
  }): Promise<RecordedAnswer | null>;
  /**
   * Ends the call without an answer; a later call starts again. Without a failure, the caller
   * disconnected.
   */
  giveUp(input: {
    readonly call: CallRef;
    readonly owner: CallOwner;
    readonly failure: FailureType | null;
  }): Promise<void>;
  report(input: { readonly tenant: Tenant; readonly scope: string }): Promise<CallReport>;
  /** The reports of all scopes below this one, such as all stages of `run/<id>`. */
  reportsBelow(input: {
    readonly tenant: Tenant;
    readonly scope: string;
  }): Promise<readonly ScopedReport[]>;
  /** Sums of the requests by provider or by scope, the most expensive first. */
  spend(query: LlmSpendQuery): Promise<readonly LlmSpend[]>;
}

export const llmSpendGroups = ['provider', 'scope'] as const;

export interface LlmSpendQuery {
  readonly tenant: Tenant;
  /** `provider` with its model, or the run, search or evaluation that asked first. */
  readonly by: (typeof llmSpendGroups)[number];
  /** RFC 3339: requests that started at this time or later. */
  readonly from: string;
  readonly limit: number;
}

export interface LlmSpend {
  /** `<provider> <model>`, or a scope such as `run/<id>`. */
  readonly key: string;
  readonly requests: number;
  readonly answered: number;
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly usd: number;
  /** The most that requests without a received result may have cost beside. */
  readonly mostUnsettledUsd: number;
}
