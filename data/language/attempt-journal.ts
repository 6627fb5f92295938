import { isPerennialError } from '../../domain/failure';
import type { ChatAnswer, ChatRequest } from '../../domain/chat/chat';
import { freePrice, likelyTokens } from '../../domain/provider/price';
import type { ProviderSettings } from '../../domain/provider/settings';
import type {
  AccessOptions,
  AttemptStart,
  ConcurrencySlot,
  Journal,
  ModelTarget,
  OpenAttempt,
  PlannedAttempt,
  Question,
  RoutedAnswer,
} from './attempt';
import { sleepMs } from './provider/pause';
import type { RequestOrigin, ProviderGate } from './provider/provider-gate';
import type { Turn } from './provider/rate-limiter';

/** Send one question in its turn and record it before it is sent and after it has ended. */
export function withAttemptJournal(
  gate: ProviderGate,
  target: ModelTarget,
  question: Question,
  options: AccessOptions & Pick<RequestOrigin, 'standsBy'>,
  send: (request: ChatRequest, sent: { readonly requestId?: string }) => Promise<ChatAnswer>,
): Promise<RoutedAnswer> {
  const { provider, settings } = gate;
  const request = buildRequest(settings, target, question);
  const { totalMs } = settings.timeouts;
  const price = settings.prices[target.model] ?? freePrice;
  const asked: PlannedAttempt = {
    target,
    request,
    price,
    totalMs,
    ...(options.place && { aheadMs }),
  };
  return sendInTurn(gate, options, asked, {
    tokens: likelyTokens(request),
    send: (begun) => send(request, begun ? { requestId: begun.requestId } : {}),
    used: ({ usage: { promptTokens, completionTokens } }) => promptTokens + completionTokens,
    unrecorded: (answer) => ({ answer, provider: provider.name }),
  });
}

/**
 * The request as it is sent and paid for. The operator's settings for the model change only the
 * request; the question and the key of its answer stay the same.
 */
function buildRequest(
  { thinkingTokens }: ProviderSettings,
  { model, adapter = null }: ModelTarget,
  question: Question,
): ChatRequest {
  const thoughts = Object.hasOwn(thinkingTokens, model) ? thinkingTokens[model] : undefined;
  if (thoughts === undefined) return { ...question, model, adapter };
  const sampling = { ...question.sampling, maxTokens: question.sampling.maxTokens + thoughts };
  return { ...question, sampling, model, adapter, thinks: true };
}

export interface Exchange<Answer, Kept> {
  /** The estimate for the rate limits. */
  readonly tokens: number;
  send(begun: Pick<OpenAttempt<Answer, Kept>, 'requestId'> | undefined): Promise<Answer>;
  /** The tokens that the answer used. */
  used(answer: Answer): number;
  /** The result when there is no journal. */
  unrecorded(answer: Answer): Kept;
}

type Recorded<Asked, Answer, Kept> = RequestOrigin & {
  readonly place?: ConcurrencySlot | undefined;
  readonly journal?: Journal<Asked, AttemptStart<Answer, Kept>> | undefined;
};

/**
 * Send one request and record it: before its turn or in it, as the journal demands, and after it.
 * The request holds no place at the provider while the answer is recorded or while it waits for a
 * budget that others have reserved.
 */
export async function sendInTurn<Asked, Answer, Kept>(
  gate: ProviderGate,
  options: Recorded<Asked, Answer, Kept>,
  asked: Asked,
  exchange: Exchange<Answer, Kept>,
): Promise<Kept> {
  for (;;) {
    const end = await inOneTurn(gate, options, asked, exchange);
    if (end.kind === 'answered') return end.answered;
    await sleepMs(end.waitMs, options.signal);
  }
}

interface Sent<Answer> {
  readonly kind: 'sent';
  readonly answer: Answer;
}

type Unsent<Answer, Kept> = Exclude<AttemptStart<Answer, Kept>, OpenAttempt<Answer, Kept>>;

async function inOneTurn<Asked, Answer, Kept>(
  gate: ProviderGate,
  options: Recorded<Asked, Answer, Kept>,
  asked: Asked,
  exchange: Exchange<Answer, Kept>,
): Promise<Unsent<Answer, Kept>> {
  const { journal, signal, place = anywhere } = options;
  let begun: OpenAttempt<Answer, Kept> | undefined;
  let begunAt = 0;
  const begin = async (): Promise<Unsent<Answer, Kept> | undefined> => {
    begun = undefined;
    const now = await journal?.begin(asked);
    if (now?.kind !== 'send') return now;
    begunAt = performance.now();
    begun = now;
    return undefined;
  };
  const beginAnew = async () => {
    await begun?.unsent();
    return begin();
  };
  const isAhead =
    journal !== undefined && (journal.beforeTurn === true || options.place !== undefined);
  if (isAhead) {
    // Otherwise each retry during an open circuit breaker would add a record.
    gate.refuse();
    const end = await begin();
    if (end) return end;
  } else await journal?.afford?.(asked);

  const ask = async (turn: Turn): Promise<Sent<Answer> | Unsent<Answer, Kept>> => {
    const isLate = isAhead && journal.beforeTurn !== true && performance.now() - begunAt > aheadMs;
    if (!isAhead || isLate) {
      const end = await (isLate ? beginAnew() : begin()).catch((error: unknown) => {
        turn.unsent();
        throw error;
      });
      if (end) {
        turn.unsent();
        return end;
      }
      // The caller may have cancelled while the request was recorded.
      requireCaller(signal, turn);
    }
    under.isSent = true;
    const answer = await exchange.send(begun);
    turn.used(exchange.used(answer));
    return { kind: 'sent', answer };
  };

  const under: { asking?: ReturnType<typeof ask>; isSent?: true } = {};
  const inTurn = async (turn: Turn) => {
    requireCaller(signal, turn);
    return await (under.asking = ask(turn));
  };
  const turn = place(() => gate.run(options, exchange.tokens, inTurn));
  const [left] = await Promise.allSettled([turn]);
  // A cancelled caller leaves its turn at once, but a request in progress must still be recorded.
  const [end] = await Promise.allSettled([under.asking ?? turn]);
  if (end.status === 'rejected') {
    // When this cannot be recorded either, the lease expires.
    await Promise.resolve(
      under.isSent
        ? begun?.failed(isPerennialError(end.reason) ? end.reason.type : null)
        : begun?.unsent(),
    ).catch(() => undefined);
    throw left.status === 'rejected' ? left.reason : end.reason;
  }
  const kept = end.value.kind === 'sent' ? await keepAnswer(end.value.answer) : end.value;
  if (left.status === 'rejected') throw left.reason;
  return kept;

  async function keepAnswer(answer: Answer): Promise<Unsent<Answer, Kept>> {
    return {
      kind: 'answered',
      answered: begun ? await begun.answered(answer) : exchange.unrecorded(answer),
    };
  }
}

/**
 * How long before it is sent a request may be recorded. After that it is recorded again in its
 * turn, because its lease may have expired.
 */
const aheadMs = 60_000;

const anywhere: ConcurrencySlot = async (work) => work();

/** Give the turn back when the caller has cancelled: a request that starts now counts as paid. */
function requireCaller(signal: AbortSignal | undefined, { unsent }: Turn): void {
  if (signal?.aborted === true) unsent();
  signal?.throwIfAborted();
}
