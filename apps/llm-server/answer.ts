import type { Sampling } from '../../domain/chat/chat';
import type { GrammarState, LlamaModel, Token } from './llama-cpp';
import type { Slot } from './sequence-pool';
import { createStopText } from './stop-text';

export interface AnswerRequest {
  readonly prompt: readonly Token[];
  /** Prompt and `maxTokens` fit into the context. */
  readonly sampling: Sampling;
  readonly frequencyPenalty: number;
  readonly presencePenalty: number;
  readonly grammar: GrammarState | null;
  /** End after the last bracket, because the grammar permits endless white space after it. */
  readonly endsAtJson: boolean;
}

export interface WrittenAnswer {
  readonly text: string;
  readonly finish: 'stop' | 'length';
  readonly completionTokens: number;
  /** The tokens of the prompt that an earlier answer of this sequence has computed. */
  readonly cachedTokens: number;
  readonly firstTokenMs: number | null;
}

interface AnswerWork {
  readonly model: LlamaModel;
  readonly slot: Slot;
  readonly keepPrompts: boolean;
  readonly signal: AbortSignal;
  readonly onText: (delta: string) => void;
}

/**
 * Write one answer in one sequence. A cancelled answer leaves a valid prefix in the sequence, which
 * the next answer may reuse.
 */
export async function writeAnswer(
  request: AnswerRequest,
  { model, slot: { sequence }, keepPrompts, signal, onText }: AnswerWork,
): Promise<WrittenAnswer> {
  const began = performance.now();
  if (keepPrompts) await sequence.adaptStateToTokens(request.prompt.slice(0, -1), false);
  else await sequence.clearHistory();
  const cachedTokens = sequence.nextTokenIndex;
  const { sampling } = request;
  const written: Token[] = [];
  const text = createStopText(sampling.stop, onText);
  let pending: Token[] = [];
  let firstTokenMs: number | null = null;
  let finish: WrittenAnswer['finish'] = 'stop';

  for await (const token of sequence.evaluate(request.prompt.slice(cachedTokens), {
    temperature: sampling.temperature,
    topP: sampling.topP,
    seed: (sampling.seed ?? Math.floor(Math.random() * 2 ** 31)) >>> 0,
    ...(request.grammar === null ? {} : { grammarEvaluationState: request.grammar }),
    ...(request.frequencyPenalty === 0 && request.presencePenalty === 0
      ? {}
      : { repeatPenalty: penalties(request, written) }),
  })) {
    signal.throwIfAborted();
    firstTokenMs ??= performance.now() - began;
    written.push(token);
    pending.push(token);
    const piece = model.detokenize(pending, false, written.slice(0, -pending.length).slice(-8));
    // A character may need several tokens.
    if (!piece.endsWith('\uFFFD') || pending.length >= 8) {
      pending = [];
      if (text.add(piece) || (request.endsAtJson && isWholeJson(text.all()))) break;
    }
    if (written.length >= sampling.maxTokens) {
      finish = 'length';
      break;
    }
  }
  signal.throwIfAborted();
  if (pending.length > 0)
    text.add(model.detokenize(pending, false, written.slice(0, -pending.length).slice(-8)));
  text.end();
  return {
    text: request.endsAtJson ? text.all().trimEnd() : text.all(),
    finish: text.stopped() ? 'stop' : finish,
    completionTokens: written.length,
    cachedTokens,
    firstTokenMs,
  };
}

function penalties(
  { frequencyPenalty, presencePenalty }: AnswerRequest,
  written: readonly Token[],
) {
  return {
    punishTokens: () => written.slice(-1024),
    penalty: 1 as const,
    frequencyPenalty,
    presencePenalty,
  };
}

/** Parses only where a JSON value can end: after a bracket, a quotation mark or white space. */
function isWholeJson(text: string): boolean {
  if (!/[}\]"\s]$/.test(text) || text.trim() === '') return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
