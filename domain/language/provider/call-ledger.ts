import type { Digest } from '../../dataset/artifact';
import type { Budget, BudgetAmount } from '../../budget/budget';
import type { FailureType } from '../../failure';
import type { Tenant } from '../../ids';
import type { ChatAnswer, Usage } from '../chat';

/**
 * One question to a model, by what decides its answer. `key` is the digest of all of it; the
 * digests say what prompt and what input that was.
 */
export interface LedgerCall {
  readonly tenant: Tenant;
  readonly key: Digest;
  /**
   * On whose behalf, and where its report is found: `run_…/prompt-eval`. The first to ask pays;
   * whoever asks later reads, until retention takes the answer away: then whoever asks pays anew,
   * and the call is that one's.
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
 * Who asks. A higher attempt of the same execution knows that the lower one is dead and takes over
 * at once; another execution waits for the lease to run out.
 */
export interface CallOwner {
  readonly execution: string;
  readonly attempt: number;
}

/**
 * One request to a provider on behalf of a call; a call has several when one failed, or was in
 * flight when its process died.
 */
export interface AttemptPlan {
  /** Who is asked: the call's own provider, or a standby. */
  readonly provider: string;
  readonly model: string;
  /** Held until the attempt ends: the most it can cost. */
  readonly reserve: readonly BudgetAmount[];
  readonly mostUsage: Usage;
  readonly mostCost: number;
  /** After this nobody waits for the attempt any more. */
  readonly leaseMs: number;
}

export interface RecordedAnswer {
  /** Of whoever asked first. */
  readonly scope: string;
  readonly answer: ChatAnswer;
  /** Whose answer it is: the call's own, or a standby. */
  readonly provider: string;
  /**
   * That was asked, by the name that it was asked by: a standby may be another model of the same
   * provider.
   */
  readonly model: string;
  /** Nanodollars. */
  readonly cost: number;
}

export type CallClaim =
  | { readonly kind: 'answered'; readonly recorded: RecordedAnswer }
  /**
   * `lost` attempts of earlier owners were in flight when these died: each may have been paid, and
   * is now made again.
   */
  | {
      readonly kind: 'claimed';
      readonly number: number;
      readonly requestId: string;
      readonly lost: number;
    }
  /** Somebody else is asking the same now. */
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
  /**
   * The provider said no before it worked, or, without a failure, it was not sent after all:
   * nothing was paid.
   */
  | { readonly kind: 'refused'; readonly failure: FailureType | null }
  /**
   * It had begun, or nobody knows: perhaps paid, so that the whole reservation counts as spent.
   * Without a failure, whoever asked went away.
   */
  | { readonly kind: 'broken'; readonly failure: FailureType | null };

export const attemptOutcomes = ['sent', 'answered', 'refused', 'broken', 'lost'] as const;
export type AttemptOutcome = (typeof attemptOutcomes)[number];

/** One stage's, or whatever else asked under a scope of its own. */
export interface ScopedReport extends CallReport {
  readonly scope: string;
}

export interface CallReport {
  readonly calls: { readonly asking: number; readonly answered: number; readonly failed: number };
  readonly attempts: Readonly<Record<AttemptOutcome, number>>;
  /** Of answered attempts: what the provider's bill must say, too. */
  readonly usage: Usage;
  readonly cost: number;
  /**
   * At most this much more may be on the bill, for attempts whose result was never received; each
   * has its request id.
   */
  readonly unsettled: {
    readonly requestIds: readonly string[];
    readonly usage: Usage;
    readonly cost: number;
  };
}

/**
 * Never pay twice: an attempt is on record before it is sent, an answer before it is used. Kept by
 * the registry; see db/language/call-repository.ts.
 */
export interface CallLedger {
  /**
   * Of these calls those that have their answer, by key. Another's are kept, from then on, for as
   * long as the scope that reads them is under way.
   */
  find(input: {
    readonly tenant: Tenant;
    readonly scope: string;
    readonly keys: readonly Digest[];
  }): Promise<Readonly<Record<Digest, RecordedAnswer>>>;
  /**
   * Without writing: a budget that can pay this no more, whatever becomes of what is reserved. Null
   * as well where another's answer is there, or being asked for.
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
  /**
   * The first answer recorded is the call's for ever, and is returned to whoever brings a later
   * one.
   */
  end(input: {
    readonly call: CallRef;
    readonly number: number;
    readonly end: AttemptEnd;
  }): Promise<RecordedAnswer | null>;
  /**
   * No attempt is made any more; whoever asks the same later starts anew. Without a failure,
   * whoever asked went away.
   */
  giveUp(input: {
    readonly call: CallRef;
    readonly owner: CallOwner;
    readonly failure: FailureType | null;
  }): Promise<void>;
  report(input: { readonly tenant: Tenant; readonly scope: string }): Promise<CallReport>;
  /** Of every scope below this one, such as all stages of `run/<id>`. */
  reportsBelow(input: {
    readonly tenant: Tenant;
    readonly scope: string;
  }): Promise<readonly ScopedReport[]>;
}
