import { newId } from '../../../db/ids';
import type { PredictionRow } from '../../../db/repositories/predictions';
import type { PredictionId, Tenant } from '../../../domain/ids';
import type { ChatAnswer, ChatMessage } from '../../../domain/llm/chat';
import { renderPrompt } from '../../../domain/llm/prompt-render';
import type { AnsweredBy } from '../answer-headers';
import type { LoadedBundle } from '../load-bundle';
import { parseModelName } from '../model-name';
import { bundleOf } from '../served-version';
import type { VersionPicker } from '../version-picker';
import type { ChatBody } from './chat-request.schema';

/** Who answers, and under which id it is logged; known before the first word. */
export interface ChatHead extends AnsweredBy {
  readonly arm: string;
}

export interface ChatCall {
  readonly tenant: Tenant;
  readonly body: ChatBody;
  /** A `performance.now()`. */
  readonly arrivedAt: number;
  /** The caller went away. */
  readonly signal: AbortSignal;
  /** With it the answer is streamed, each piece as it comes. */
  readonly onText?: (head: ChatHead, delta: string) => void;
}

export interface ChatReply extends ChatHead {
  readonly answer: ChatAnswer;
}

export interface ChatOptions {
  readonly picker: Pick<VersionPicker, 'pick'>;
  readonly leaseHolds: () => boolean;
  /** Whether the champion that is wanted cannot be loaded here. */
  readonly isBlocked: (tenant: string, model: string) => boolean;
  readonly log: (row: PredictionRow) => void;
}

/** One conversation, from the parsed body to the model's answer; what was asked and answered goes to the prediction log. */
export function createChat({ picker, leaseHolds, isBlocked, log }: ChatOptions): (call: ChatCall) => Promise<ChatReply> {
  return async (call) => {
    const { tenant, body } = call;
    const picked = await picker.pick(tenant, parseModelName(body.model));
    const predictionId = newId('pred') as PredictionId;
    if (picked.kind === 'named') {
      const { served, arm } = picked;
      return answer(call, { predictionId, served, arm, stale: null }).finally(() => picked.release());
    }
    const { alias, served } = picked.route.champion;
    // The version stays loaded until it has said its last word, whatever the table says meanwhile.
    const hold = served.hold.hold();
    const stale = !leaseHolds() ? 'lease' : isBlocked(tenant, picked.route.model) ? 'not-loaded' : null;
    return answer(call, { predictionId, served, arm: alias, stale }).finally(() => hold.release());
  };

  async function answer(call: ChatCall, head: ChatHead): Promise<ChatReply> {
    const { onText, signal } = call;
    const loaded = bundleOf(head.served);
    const { base, sampling } = loaded.bundle;
    const maxTokens = Math.min(sampling.maxTokens, call.body.maxTokens ?? Infinity);
    const answered = await loaded.provider.chat(
      {
        model: base.model,
        messages: messagesFor(loaded, call.body),
        sampling: { ...sampling, maxTokens },
        jsonSchema: loaded.prompt.answerSchema,
        adapter: base.adapter?.digest ?? null,
      },
      {
        signal,
        requestId: head.predictionId,
        ...(onText ? { onText: (delta) => onText(head, delta) } : {}),
      },
    );
    log(rowOf(call, head, answered));
    return { ...head, answer: answered };
  }
}

/** The bundle's own messages, with what was said before in front of its last one: that holds what the user says now. */
function messagesFor({ prompt, bundle }: LoadedBundle, { history, input }: ChatBody): readonly ChatMessage[] {
  const rendered = renderPrompt(prompt, { [bundle.signature.input]: input });
  const last = rendered.findLastIndex(({ role }) => role === 'user');
  return [...rendered.slice(0, last), ...history, ...rendered.slice(last)];
}

function rowOf({ tenant, body, arrivedAt }: ChatCall, { predictionId, served, arm }: ChatHead, answer: ChatAnswer): PredictionRow {
  const latencyMs = performance.now() - arrivedAt;
  const { text, finish, usage, firstTokenMs } = answer;
  return {
    tenant,
    id: predictionId,
    receivedAt: new Date(Date.now() - latencyMs).toISOString(),
    model: served.model,
    version: served.version,
    arm,
    entity: body.entity,
    eventTime: null,
    input: { messages: [...body.history, { role: 'user', content: body.input }] },
    output: { text, finish, usage, firstTokenMs },
    latencyMs,
    rollout: null,
    other: null,
  };
}
