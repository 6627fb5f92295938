import type { Digest } from '../../../domain/dataset/artifact';
import type { BudgetRef } from '../../../domain/budget/budget';
import type { Tenant } from '../../../domain/ids';
import type { CallOwner } from '../../../domain/language/provider/call-ledger';
import type { BundleIndex } from '../../../domain/language/bundle';
import type { Sampling } from '../../../domain/language/chat';
import type { EvaluationCase } from '../../../domain/language/cases/case';
import type { RetrievedPassage } from '../../../domain/language/judge/judged-case';
import type { AnsweredBy } from '../../../domain/language/evaluation/result';
import {
  arrangedBy,
  perturbPassages,
  type PassageChange,
} from '../../../domain/language/dimension/perturb-passages';
import { passageValue, type Passage } from '../../../domain/language/passages';
import type { PromptTemplate, PromptValues } from '../../../domain/prompt/prompt';
import { renderPrompt, variablesOf } from '../../../domain/prompt/render';
import { digestOf } from '../../digest';
import type { LedgeredAnswer, LedgeredChat } from '../ledgered-chat';
import type { ModelTarget, Place } from '../model-access';
import { rerankOnLedger } from '../reranker';
import { askWithRoom, type Retrieve, type RetrievedForAnswer } from '../retrieval';
import { answerWithheld } from '../provider/withheld';

/**
 * Whatever is evaluated: a prompt over a model, a bundle, a server behind an address. Throws
 * AnswerWithheld where a provider's filter stopped question or answer.
 */
export interface Answerer {
  (of: EvaluationCase, asked: AskedHow): Promise<GivenAnswer>;
  /** The variable that it fills with what its index finds; not given where it asks none. */
  readonly indexVariable?: string | null;
}

export interface AskedHow {
  readonly repeat: number;
  /** Done to what the index finds, before anybody else sees it. */
  readonly change?: PassageChange;
  readonly place?: Place | undefined;
  readonly signal?: AbortSignal;
}

export interface GivenAnswer {
  /** Empty when a safety policy kept it back. */
  readonly text: string;
  /** By which side; not given where it did not, or there is none. */
  readonly blocked?: 'input' | 'output';
  /**
   * A provider's filter stopped it, which is what should become of such a case: `evaluateCases`
   * puts this in the place of AnswerWithheld.
   */
  readonly withheld?: true;
  /**
   * The change that was to be measured changes nothing of what was found: this is no answer to it.
   */
  readonly unchanged?: true;
  readonly retrieved: readonly RetrievedPassage[];
  /** Of the model's answer, without retrieval and filters. */
  readonly latencyMs: number;
  /** On behalf of another run or stage: under another load, on another day. */
  readonly earlier?: boolean;
  /** Not given where nobody was asked. */
  readonly by?: AnsweredBy;
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
  readonly retrieval: CaseRetrieval | null;
}

/** Fills `variable` of the prompt with what is found for a case. */
export interface CaseRetrieval {
  readonly variable: string;
  readonly retrieve: (
    of: EvaluationCase,
    asked: Pick<AskedHow, 'change' | 'signal'>,
  ) => Promise<RetrievedForCase>;
}

export interface RetrievedForCase extends RetrievedForAnswer {
  /**
   * Nanodollars for the question's embedding and for the order of what was found; not given where
   * nobody was paid.
   */
  readonly cost?: number;
  /**
   * Where the passages were changed: how they stand in the prompt, by `chunkId`; null where there
   * was nothing to change.
   */
  readonly arranged?: readonly string[] | null;
}

/** As the gateway does for what a user writes; `input` is the prompt's variable that holds it. */
export function bundleRetrieval({
  retrieve,
  paying: { tenant, scope, owner, budgets },
  reranking,
  index,
  input,
}: {
  readonly retrieve: Retrieve;
  /** What questions are embedded from, where that is paid. */
  readonly paying: Omit<Asking, 'chat'>;
  /** What the index's reranker is paid from; needed where it has one. */
  readonly reranking?: Asking;
  readonly index: BundleIndex;
  readonly input: string;
}): CaseRetrieval {
  return {
    variable: index.variable,
    async retrieve(of, { change, signal }) {
      let cost = 0;
      const paid = (each: number) => (cost += each);
      const payer = { scope, owner, budgets, paid };
      const rerank = reranking && rerankOnLedger(reranking, paid);
      const found = await retrieve({
        tenant,
        index,
        text: String(of.input[input] ?? ''),
        payer,
        rerank,
        signal,
      });
      if (change === undefined) return { ...found, cost };
      const changed = perturbPassages(found.passages, change);
      return changed === null
        ? { ...found, passages: [], cost, arranged: null }
        : { ...found, ...changed, cost };
    },
  };
}

/**
 * Asks a prompt's questions through the ledger: what was answered before the process died is read,
 * not paid again.
 */
export function promptAnswerer({
  asking,
  template,
  route,
  sampling,
  retrieval,
}: PromptAnswererOptions): Answerer {
  const { chat, ...shared } = asking;
  const promptDigest: Digest = digestOf(template);
  const wanted = variablesOf(template);
  const [first] = route;
  const standsIn = ({ provider, model }: LedgeredAnswer) =>
    provider !== first.provider || model !== first.model;
  const answer = async (
    of: EvaluationCase,
    { repeat, change, place, signal }: AskedHow,
  ): Promise<GivenAnswer> => {
    const ask = async (found: PromptValues): Promise<LedgeredAnswer> => {
      // A case may hold more than this prompt asks for: the same cases are asked of every prompt.
      const values = Object.fromEntries(
        Object.entries({ ...of.input, ...found }).filter(([name]) => wanted.includes(name)),
      );
      const question = {
        messages: renderPrompt(template, values),
        sampling,
        jsonSchema: template.answerSchema,
      };
      const asked = {
        ...shared,
        route,
        question,
        promptDigest,
        repeat,
        place,
        ...(signal && { signal }),
      };
      const before = await chat.ask(asked);
      // Somebody with standbys asked the same before, and one of them answered for good: who is
      // asked alone is asked anew.
      const answer =
        route.length > 1 || !standsIn(before)
          ? before
          : await chat.ask({ ...asked, repeat: repeat + anewAlone });
      if (answer.answer.finish === 'filtered') throw answerWithheld(answer.answer);
      return answer;
    };
    const given = (
      answer: LedgeredAnswer,
      { passages, cost = 0 }: Pick<RetrievedForCase, 'passages' | 'cost'>,
    ): GivenAnswer => ({
      text: answer.answer.text,
      retrieved: passages,
      latencyMs: answer.answer.totalMs,
      earlier: answer.fromLedger && answer.scope !== shared.scope,
      by: { provider: answer.provider, model: answer.answer.model, standsIn: standsIn(answer) },
      cost: answer.cost + cost,
      fromLedger: answer.fromLedger,
    });
    if (retrieval === null) return given(await ask({}), { passages: [] });
    const { variable } = retrieval;
    const found = await retrieval.retrieve(of, {
      ...(change && { change }),
      ...(signal && { signal }),
    });
    const arrange = (passages: readonly Passage[]) =>
      found.arranged ? arrangedBy(found.arranged, passages) : passages;
    /**
     * What a policy or the model's room leave of them may be too little for a change, and so may
     * the prompt: it may not ask for them.
     */
    const unchanged = (passages: readonly Passage[]) =>
      found.arranged === null ||
      (change !== undefined && !wanted.includes(variable)) ||
      (change?.perturbation.kind === 'order' &&
        arrange(passages).every((passage, place) => passage === passages[place]));
    if (unchanged(found.passages)) return unasked(found.cost ?? 0);
    const askOver = ({ passages }: Pick<RetrievedForAnswer, 'passages'>) =>
      ask({ [variable]: passageValue(arrange(passages), template, variable) });
    // Filler takes no room from what was found: a context that is too long for the model is the
    // answer to how long it may be.
    const asked =
      change?.perturbation.kind === 'longContext'
        ? { answer: await askOver(found), retrieved: found }
        : await askWithRoom(found, askOver);
    if (unchanged(asked.retrieved.passages)) return unasked(found.cost ?? 0);
    return given(asked.answer, {
      passages: arrange(asked.retrieved.passages),
      ...(found.cost !== undefined && { cost: found.cost }),
    });
  };
  return Object.assign(answer, { indexVariable: retrieval?.variable ?? null });
}

function unasked(cost: number): GivenAnswer {
  return { text: '', unchanged: true, retrieved: [], latencyMs: 0, cost, fromLedger: false };
}

/** Repeats that a dimension asks for are below this. */
const anewAlone = 100_000;
