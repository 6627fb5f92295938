import { detect } from '../../../data/safety/detect';
import type { ModelAccess } from '../../../data/llm/model-access';
import { newId } from '../../../db/ids';
import type { PredictionRow } from '../../../db/repositories/predictions';
import type { PredictionId, Tenant } from '../../../domain/ids';
import type { ChatAnswer, ChatMessage } from '../../../domain/llm/chat';
import { renderPrompt } from '../../../domain/llm/prompt-render';
import { joined, screen, type Screening } from '../../../domain/llm/safety/screen';
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
  readonly answer: Pick<ChatAnswer, 'text' | 'finish' | 'usage'>;
  /** By which side the safety policy kept the answer back; null when it did not. */
  readonly blocked: 'input' | 'output' | null;
}

export interface ChatOptions {
  readonly picker: Pick<VersionPicker, 'pick'>;
  readonly access: Pick<ModelAccess, 'chat'>;
  readonly leaseHolds: () => boolean;
  /** Whether the champion that is wanted cannot be loaded here. */
  readonly isBlocked: (tenant: string, model: string) => boolean;
  readonly log: (row: PredictionRow) => void;
  readonly onScreened: (model: string, side: 'input' | 'output', outcome: Screening['outcome']) => void;
}

/** One conversation, from the parsed body to the model's answer; what was asked and answered goes to the prediction log. */
export function createChat(options: ChatOptions): (call: ChatCall) => Promise<ChatReply> {
  const { picker, access, leaseHolds, isBlocked, log, onScreened } = options;

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
    const loaded = bundleOf(head.served);
    const { body, screening: input } = await screenedBody(loaded, call.body);
    if (body === null) return finish(call, head, { body, input, output: null, answer: nothing, firstTokenMs: null });
    const { text, finish: end, usage, firstTokenMs } = await ask(call, head, loaded, body);
    const output = await screened(loaded, 'output', text);
    const answered = output.text === null ? { ...nothing, usage } : { text: output.text, finish: end, usage };
    return finish(call, head, { body, input, output, answer: answered, firstTokenMs });
  }

  async function ask(call: ChatCall, head: ChatHead, loaded: LoadedBundle, body: ChatBody): Promise<ChatAnswer> {
    const { sampling } = loaded.bundle;
    const { onText } = call;
    const { answer: answered } = await access.chat(
      loaded.route,
      {
        messages: messagesFor(loaded, body),
        sampling: { ...sampling, maxTokens: Math.min(sampling.maxTokens, body.maxTokens ?? Infinity) },
        jsonSchema: loaded.prompt.answerSchema,
      },
      {
        tenant: call.tenant,
        signal: call.signal,
        // What was sent cannot be taken back: where the policy may, the answer goes out when it is whole.
        ...(onText && !mayKeepBack(loaded) ? { onText: (delta: string) => onText(head, delta) } : {}),
      },
    );
    return answered;
  }

  /** All of the conversation: what was said earlier comes from the caller as well. */
  async function screenedBody(loaded: LoadedBundle, body: ChatBody) {
    const input = await screened(loaded, 'input', body.input);
    const history = await Promise.all(body.history.map(({ content }) => screened(loaded, 'input', content)));
    const screening = joined([...history, input]);
    if (screening.outcome === 'blocked') return { body: null, screening };
    const messages = body.history.map((message, index) => ({ ...message, content: history[index]?.text ?? '' }));
    return { body: { ...body, history: messages, input: input.text ?? '' }, screening };
  }

  async function screened({ policy, bundle }: LoadedBundle, side: 'input' | 'output', text: string): Promise<Screening> {
    if (policy === null) return { outcome: 'passed', text, findings: [] };
    const screening = await screen(policy, side, text, detect);
    onScreened(bundle.model, side, screening.outcome);
    return screening;
  }

  function finish(call: ChatCall, head: ChatHead, said: Said): ChatReply {
    log(rowOf(call, head, said));
    const blocked = said.body === null ? 'input' : said.output?.outcome === 'blocked' ? 'output' : null;
    return { ...head, answer: said.answer, blocked };
  }
}

interface Said {
  /** What may be known of the request; null when nothing may, and nothing was asked. */
  readonly body: ChatBody | null;
  readonly input: Omit<Screening, 'text'>;
  readonly output: Screening | null;
  readonly answer: ChatReply['answer'];
  readonly firstTokenMs: number | null;
}

const nothing: ChatReply['answer'] = { text: '', finish: 'filtered', usage: { promptTokens: 0, completionTokens: 0 } };

function mayKeepBack({ policy }: LoadedBundle): boolean {
  return policy?.detectors.some(({ on, action, onError }) => on.includes('output') && (action !== 'flag' || onError === 'block')) ?? false;
}

/** The bundle's own messages, with what was said before in front of its last one: that holds what the user says now. */
function messagesFor({ prompt, bundle }: LoadedBundle, { history, input }: ChatBody): readonly ChatMessage[] {
  const rendered = renderPrompt(prompt, { [bundle.signature.input]: input });
  const last = rendered.findLastIndex(({ role }) => role === 'user');
  return [...rendered.slice(0, last), ...history, ...rendered.slice(last)];
}

/** What a policy has kept back or blotted out is not in the log either (I11): there stands what was found, by which policy. */
function rowOf({ tenant, body: asked, arrivedAt }: ChatCall, { predictionId, served, arm }: ChatHead, said: Said): PredictionRow {
  const latencyMs = performance.now() - arrivedAt;
  const { text, finish, usage } = said.answer;
  const policy = bundleOf(served).bundle.safety;
  const { body } = said;
  return {
    tenant,
    id: predictionId,
    receivedAt: new Date(Date.now() - latencyMs).toISOString(),
    model: served.model,
    version: served.version,
    arm,
    entity: asked.entity,
    eventTime: null,
    input: { messages: body === null ? [] : [...body.history, { role: 'user', content: body.input }] },
    output: {
      text,
      finish,
      usage,
      firstTokenMs: said.firstTokenMs,
      ...(policy ? { safety: { policy: policy.digest, input: auditOf(said.input), output: said.output && auditOf(said.output) } } : {}),
    },
    latencyMs,
    rollout: null,
    other: null,
  };
}

function auditOf({ outcome, findings }: Omit<Screening, 'text'>) {
  return { outcome, findings };
}
