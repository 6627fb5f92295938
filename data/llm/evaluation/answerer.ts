import type { Digest } from '../../../domain/artifact';
import type { BudgetRef } from '../../../domain/budget';
import type { Tenant } from '../../../domain/ids';
import type { CallOwner } from '../../../domain/llm/call-ledger';
import type { Sampling } from '../../../domain/llm/chat';
import type { EvaluationCase } from '../../../domain/llm/evaluation/case';
import type { RetrievedPassage } from '../../../domain/llm/evaluation/evaluator';
import type { PromptTemplate, PromptValues } from '../../../domain/llm/prompt';
import { renderPrompt, variablesOf } from '../../../domain/llm/prompt-render';
import { digestOf } from '../../digest';
import type { LedgeredChat } from '../ledgered-chat';
import type { ModelTarget } from '../model-access';

/** Whatever is evaluated: a prompt over a model, a bundle, a server behind an address. */
export type Answerer = (of: EvaluationCase, asked: { readonly repeat: number; readonly signal?: AbortSignal }) => Promise<GivenAnswer>;

export interface GivenAnswer {
  readonly text: string;
  readonly retrieved: readonly RetrievedPassage[];
  readonly latencyMs: number;
  /** Nanodollars. */
  readonly cost: number;
  /** It was paid before. */
  readonly fromLedger: boolean;
}

/** What every call of one evaluation shares. */
export interface Asking {
  readonly chat: LedgeredChat;
  readonly tenant: Tenant;
  readonly scope: string;
  readonly owner: CallOwner;
  readonly budgets: readonly BudgetRef[];
}

export interface PromptAnswererOptions {
  readonly asking: Asking;
  readonly template: PromptTemplate;
  readonly route: readonly [ModelTarget, ...ModelTarget[]];
  readonly sampling: Sampling;
  /** Fills `variable` of the prompt with what is found for the case; null without retrieval. */
  readonly retrieval: {
    readonly variable: string;
    readonly retrieve: (of: EvaluationCase, signal: AbortSignal | undefined) => Promise<readonly RetrievedPassage[]>;
  } | null;
}

/** Asks a prompt's questions through the ledger: what was answered before the process died is read, not paid again. */
export function promptAnswerer({ asking, template, route, sampling, retrieval }: PromptAnswererOptions): Answerer {
  const { chat, ...shared } = asking;
  const promptDigest: Digest = digestOf(template);
  const wanted = variablesOf(template);
  return async (of, { repeat, signal }) => {
    const retrieved = retrieval ? await retrieval.retrieve(of, signal) : [];
    const found: PromptValues = retrieval ? { [retrieval.variable]: retrieved.map(({ text }) => text) } : {};
    // A case may hold more than this prompt asks for: the same cases are asked of every prompt.
    const given = Object.fromEntries(Object.entries({ ...of.input, ...found }).filter(([name]) => wanted.includes(name)));
    const messages = renderPrompt(template, given);
    const { answer, cost, fromLedger } = await chat.ask({
      ...shared,
      route,
      question: { messages, sampling, jsonSchema: template.answerSchema },
      promptDigest,
      repeat,
      ...(signal && { signal }),
    });
    return { text: answer.text, retrieved, latencyMs: answer.totalMs, cost, fromLedger };
  };
}
