import type { Digest } from '../../../domain/artifact';
import type { BundleIndex } from '../../../domain/bundle/bundle';
import type { Sampling } from '../../../domain/chat/chat';
import type { EvaluationCase } from '../../../domain/language/cases/case';
import type { RetrievedPassage } from '../../../domain/language/judge/evaluator-input';
import type { AnswerModel } from '../../../domain/language/evaluation/result';
import {
  arrangePassages,
  perturbPassages,
  type PassageChange,
} from '../../../domain/language/dimension/perturb-passages';
import { passageValue, type Passage } from '../../../domain/bundle/passages';
import type { PromptTemplate, PromptValues } from '../../../domain/prompt/prompt';
import { renderPrompt, listVariables } from '../../../domain/prompt/render';
import { computeDigest } from '../../digest';
import type { LedgerAnswer } from '../ledger-chat';
import type { ConcurrencySlot, ModelTarget } from '../attempt';
import { type LedgerAccess, rerankOnLedger } from '../reranker';
import { askWithFittingPassages, type Retrieve, type RetrievedPassages } from '../retrieval';
import { answerWithheld } from '../provider/withheld-answer';

/**
 * Answers the cases of an evaluation: a prompt with a model, a bundle, or a server at an address.
 * Throws AnswerWithheld when a provider's filter stopped the question or the answer.
 */
export interface Answerer {
  (of: EvaluationCase, asked: AskOptions): Promise<CaseAnswer>;
  /** The prompt variable that receives the passages; absent without an index. */
  readonly indexVariable?: string | null;
}

export interface AskOptions {
  readonly repeat: number;
  /** The change of the passages, applied before screening. */
  readonly change?: PassageChange;
  readonly place?: ConcurrencySlot | undefined;
  readonly signal?: AbortSignal;
}

export interface CaseAnswer {
  /** Empty when a safety policy blocked it. */
  readonly text: string;
  /** The side that the safety policy blocked; absent when it blocked nothing. */
  readonly blocked?: 'input' | 'output';
  /** A provider's filter stopped a case that should be refused; set by `evaluateCases`. */
  readonly withheld?: true;
  /** The change has no effect on the passages, so that the question was not asked. */
  readonly unchanged?: true;
  readonly retrieved: readonly RetrievedPassage[];
  /** The time of the model's answer, without retrieval and screening. */
  readonly latencyMs: number;
  /** Another run or stage asked it, under a different load. */
  readonly earlier?: boolean;
  /** Absent when no model was asked. */
  readonly by?: AnswerModel;
  /** Nanodollars. */
  readonly cost: number;
  /** Whether it was recorded and paid before. */
  readonly fromLedger: boolean;
}

export interface PromptAnswererOptions {
  readonly asking: LedgerAccess;
  readonly template: PromptTemplate;
  readonly route: readonly [ModelTarget, ...ModelTarget[]];
  readonly sampling: Sampling;
  readonly retrieval: CaseRetrieval | null;
}

/** Fills `variable` of the prompt with the passages for a case. */
export interface CaseRetrieval {
  readonly variable: string;
  readonly retrieve: (
    of: EvaluationCase,
    asked: Pick<AskOptions, 'change' | 'signal'>,
  ) => Promise<CasePassages>;
}

export interface CasePassages extends RetrievedPassages {
  /** Nanodollars for the question's embedding and the reranking; absent when both were free. */
  readonly cost?: number;
  /** After a change: the order in the prompt, by `chunkId`. Null when nothing could be changed. */
  readonly arranged?: readonly string[] | null;
}

/** Retrieve as the gateway does. `input` is the prompt variable with the user's text. */
export function bundleRetrieval({
  retrieve,
  paying: { tenant, scope, owner, budgets },
  reranking,
  index,
  input,
}: {
  readonly retrieve: Retrieve;
  /** Pays for the embedding of questions. */
  readonly paying: Omit<LedgerAccess, 'chat'>;
  /** Pays for the index's reranker; required when it has one. */
  readonly reranking?: LedgerAccess;
  readonly index: BundleIndex;
  readonly input: string;
}): CaseRetrieval {
  return {
    variable: index.variable,
    async retrieve(of, { change, signal }) {
      let cost = 0;
      const addCost = (each: number) => (cost += each);
      const payer = { scope, owner, budgets, paid: addCost };
      const rerank = reranking && rerankOnLedger(reranking, addCost);
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

/** Ask the questions of a prompt through the call ledger, which reuses recorded answers. */
export function promptAnswerer({
  asking,
  template,
  route,
  sampling,
  retrieval,
}: PromptAnswererOptions): Answerer {
  const { chat, ...shared } = asking;
  const promptDigest: Digest = computeDigest(template);
  const wanted = listVariables(template);
  const [first] = route;
  const standsIn = ({ provider, model }: LedgerAnswer) =>
    provider !== first.provider || model !== first.model;
  const answer = async (
    of: EvaluationCase,
    { repeat, change, place, signal }: AskOptions,
  ): Promise<CaseAnswer> => {
    const ask = async (found: PromptValues): Promise<LedgerAnswer> => {
      // A case may have more variables than this prompt, because all prompts share the cases.
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
      // The recorded answer may be that of a standby. A route of one model must ask that model.
      const answer =
        route.length > 1 || !standsIn(before)
          ? before
          : await chat.ask({ ...asked, repeat: repeat + anewAlone });
      if (answer.answer.finish === 'filtered') throw answerWithheld(answer.answer);
      return answer;
    };
    const toCaseAnswer = (
      answer: LedgerAnswer,
      { passages, cost = 0 }: Pick<CasePassages, 'passages' | 'cost'>,
    ): CaseAnswer => ({
      text: answer.answer.text,
      retrieved: passages,
      latencyMs: answer.answer.totalMs,
      earlier: answer.fromLedger && answer.scope !== shared.scope,
      by: { provider: answer.provider, model: answer.answer.model, standsIn: standsIn(answer) },
      cost: answer.cost + cost,
      fromLedger: answer.fromLedger,
    });
    if (retrieval === null) return toCaseAnswer(await ask({}), { passages: [] });
    const { variable } = retrieval;
    const found = await retrieval.retrieve(of, {
      ...(change && { change }),
      ...(signal && { signal }),
    });
    const arrange = (passages: readonly Passage[]) =>
      found.arranged ? arrangePassages(found.arranged, passages) : passages;
    /**
     * The change has no effect when too few passages are left after screening, or when the prompt
     * does not use them.
     */
    const isUnchanged = (passages: readonly Passage[]) =>
      found.arranged === null ||
      (change !== undefined && !wanted.includes(variable)) ||
      (change?.perturbation.kind === 'order' &&
        arrange(passages).every((passage, place) => passage === passages[place]));
    if (isUnchanged(found.passages)) return toUnasked(found.cost ?? 0);
    const askOver = ({ passages }: Pick<RetrievedPassages, 'passages'>) =>
      ask({ [variable]: passageValue(arrange(passages), template, variable) });
    // With filler no passage may be left out: an overflow is the result of this perturbation.
    const asked =
      change?.perturbation.kind === 'longContext'
        ? { answer: await askOver(found), retrieved: found }
        : await askWithFittingPassages(found, askOver);
    if (isUnchanged(asked.retrieved.passages)) return toUnasked(found.cost ?? 0);
    return toCaseAnswer(asked.answer, {
      passages: arrange(asked.retrieved.passages),
      ...(found.cost !== undefined && { cost: found.cost }),
    });
  };
  return Object.assign(answer, { indexVariable: retrieval?.variable ?? null });
}

function toUnasked(cost: number): CaseAnswer {
  return { text: '', unchanged: true, retrieved: [], latencyMs: 0, cost, fromLedger: false };
}

/** Larger than the repeats of any dimension, so that the keys of the calls differ. */
const anewAlone = 100_000;
