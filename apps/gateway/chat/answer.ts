import { createEvaluatorTools } from '../../../data/language/evaluation/evaluator-tools';
import type { ModelAccess } from '../../../data/language/model-access';
import type { OnText } from '../../../data/language/provider/provider';
import {
  askWithFittingPassages,
  screenPassages,
  type RetrievedPassages,
} from '../../../data/language/retrieval';
import type { Tenant } from '../../../domain/ids';
import type { ChatAnswer, ChatMessage } from '../../../domain/chat/chat';
import { jsonErrors } from '../../../domain/language/dimension/rule';
import type {
  LoggedAnswer,
  SafetyAudit,
  ScreeningAudit,
} from '../../../domain/bundle/logged-answer';
import { passageValue, type Passage } from '../../../domain/bundle/passages';
import { renderPrompt } from '../../../domain/prompt/render';
import type { Side } from '../../../domain/safety/policy';
import { combineScreenings, type TextContext, type Screening } from '../../../domain/safety/screen';
import type { LoadedBundle } from '../model/load-bundle';
import type { MeasuredModel } from '../model/measured-model';
import { requireBundle, type ServedVersion } from '../model/served-version';
import type { ChatBody } from './chat-request.schema';
import type { Retriever } from './retrieve';

/** One question to one version. */
export interface AnswerCall {
  readonly tenant: Tenant;
  readonly body: ChatBody;
  readonly served: ServedVersion;
  readonly signal: AbortSignal;
  /**
   * Streams the answer in pieces if the policy permits it. A piece that was sent cannot be
   * withdrawn.
   */
  readonly onText?: OnText | undefined;
  /** The longest wait for a turn at the provider. */
  readonly patienceMs?: number | undefined;
  /**
   * The screenings so far, of the question and then of the passages, for an answer that fails
   * before it has its own.
   */
  readonly onAudit?: (safety: SafetyAudit | null) => void;
}

export interface VersionAnswer {
  readonly answer: Pick<ChatAnswer, 'text' | 'finish' | 'usage'>;
  /** The side that the safety policy blocked; null when it blocked nothing. */
  readonly blocked: 'input' | 'output' | null;
  /** The question as it may be logged; null when a policy blocked it, so that it was not asked. */
  readonly asked: ChatBody | null;
  readonly malformed: boolean;
  readonly safety: SafetyAudit | null;
  /** The passages in the prompt; null without an index, and when nothing was asked. */
  readonly retrieved: RetrievedPassages | null;
  /** The standby that answered; undefined when the bundle's own model did or nothing was asked. */
  readonly standby?: LoggedAnswer['standby'];
}

type ChatFinish = ChatAnswer & Pick<VersionAnswer, 'standby'>;

export interface AnswererOptions {
  readonly access: Pick<ModelAccess, 'chat'>;
  readonly retrieve: Retriever;
  readonly onScreened: OnScreened;
}

export type OnScreened = (model: MeasuredModel, side: Side, outcome: Screening['outcome']) => void;

export type ChatAnswerer = (call: AnswerCall) => Promise<VersionAnswer>;

/**
 * Answer with one version, of either arm: input filters, passages of its index, the prompt of the
 * bundle, its model, output filters.
 */
export function createAnswerer({ access, retrieve, onScreened }: AnswererOptions): ChatAnswerer {
  const tools = createEvaluatorTools(null);

  return async (call) => {
    const loaded = requireBundle(call.served);
    const { body, screening: input } = await screenedBody(loaded, call);
    if (body === null) {
      return {
        answer: nothing,
        blocked: 'input',
        asked: null,
        malformed: false,
        safety: buildSafetyAudit(loaded, { input, output: null, retrieved: null }),
        retrieved: null,
      };
    }
    const {
      answer: said,
      retrieved,
      screening: passages,
    } = await askShowing(call, loaded, body, input);
    const { text, finish, usage, standby } = said;
    const output = await screenText(loaded, 'output', text, {
      asked: body.input,
      signal: call.signal,
    });
    const { answerSchema } = loaded.prompt;
    return {
      answer: output.text === null ? { ...nothing, usage } : { text: output.text, finish, usage },
      blocked: output.text === null ? 'output' : null,
      asked: body,
      // A withheld answer need not be valid JSON.
      malformed:
        answerSchema !== null && finish !== 'filtered' && !keepsPromise(text, answerSchema),
      safety: buildSafetyAudit(loaded, { input, output, retrieved: passages }),
      retrieved,
      ...(standby && { standby }),
    };
  };

  /**
   * Validate the answer as the model wrote it, before the policy redacts it. An answer that cannot
   * be validated is invalid.
   */
  function keepsPromise(text: string, schema: Readonly<Record<string, unknown>>): boolean {
    const errors = jsonErrors(text, schema, tools);
    return !('untold' in errors) && errors.length === 0;
  }

  /** Retrieve passages and ask with as many as fit into the model's context. */
  async function askShowing(
    call: AnswerCall,
    loaded: LoadedBundle,
    body: ChatBody,
    input: ScreeningAudit,
  ): Promise<{
    readonly answer: ChatFinish;
    readonly retrieved: RetrievedPassages | null;
    readonly screening: ScreeningAudit | null;
  }> {
    const { tenant, signal } = call;
    call.onAudit?.(buildSafetyAudit(loaded, { input, output: null, retrieved: null }));
    const found = await retrieve(loaded, { tenant, text: body.input, signal });
    if (found === null)
      return {
        answer: await ask(call, loaded, messagesFor(loaded, body, [])),
        retrieved: null,
        screening: null,
      };
    const looks: Screening[] = [];
    const shown = await screenPassages(found, async (passage) => {
      const look = await screenText(loaded, 'retrieved', passage, { signal });
      looks.push(look);
      return look.text;
    });
    call.onAudit?.(
      buildSafetyAudit(loaded, { input, output: null, retrieved: combineScreenings(looks) }),
    );
    const asked = await askWithFittingPassages(shown, ({ passages }) =>
      ask(call, loaded, messagesFor(loaded, body, passages)),
    );
    return { ...asked, screening: combineScreenings(looks) };
  }

  async function ask(
    { tenant, body, signal, onText, patienceMs }: AnswerCall,
    loaded: LoadedBundle,
    messages: readonly ChatMessage[],
  ): Promise<ChatFinish> {
    const { sampling } = loaded.bundle;
    const { answer, standby } = await access.chat(
      loaded.route,
      {
        messages,
        sampling: {
          ...sampling,
          maxTokens: Math.min(sampling.maxTokens, body.maxTokens ?? Infinity),
        },
        jsonSchema: loaded.prompt.answerSchema,
      },
      { tenant, signal, patienceMs, ...(onText && !requiresWholeAnswer(loaded) ? { onText } : {}) },
    );
    return { ...answer, ...(standby && { standby }) };
  }

  /** The whole conversation is screened, because the caller sends the earlier messages, too. */
  async function screenedBody(
    loaded: LoadedBundle,
    { body, signal }: Pick<AnswerCall, 'body' | 'signal'>,
  ) {
    const input = await screenText(loaded, 'input', body.input, { signal });
    const history = await Promise.all(
      body.history.map(({ content }) => screenText(loaded, 'input', content, { signal })),
    );
    const screening = combineScreenings([...history, input]);
    if (screening.outcome === 'blocked') return { body: null, screening };
    const messages = body.history.map((message, index) => ({
      ...message,
      content: history[index]?.text ?? '',
    }));
    return { body: { ...body, history: messages, input: input.text ?? '' }, screening };
  }

  async function screenText(
    { tenant, policy, bundle: { model }, screen }: LoadedBundle,
    side: Side,
    text: string,
    about: TextContext,
  ): Promise<Screening> {
    const screening = await screen(side, text, about);
    if (policy) onScreened({ tenant, model }, side, screening.outcome);
    return screening;
  }
}

const nothing: VersionAnswer['answer'] = {
  text: '',
  finish: 'filtered',
  usage: { promptTokens: 0, completionTokens: 0 },
};

/**
 * Whether the answer must be complete before it is sent, because a sent piece cannot be withdrawn.
 */
export function requiresWholeAnswer({ policy }: LoadedBundle): boolean {
  return (
    policy?.detectors.some(
      ({ on, action, onError }) =>
        on.includes('output') && (action !== 'flag' || onError === 'block'),
    ) ?? false
  );
}

/**
 * The messages of the bundle, with the earlier conversation before the last one, which contains the
 * user's current message.
 */
function messagesFor(
  { prompt, bundle, index }: LoadedBundle,
  { history, input }: ChatBody,
  passages: readonly Passage[],
): readonly ChatMessage[] {
  const found = index && { [index.variable]: passageValue(passages, prompt, index.variable) };
  const rendered = renderPrompt(prompt, { [bundle.signature.input]: input, ...found });
  const last = rendered.findLastIndex(({ role }) => role === 'user');
  return [...rendered.slice(0, last), ...history, ...rendered.slice(last)];
}

function buildSafetyAudit(
  { bundle: { safety } }: LoadedBundle,
  { input, output, retrieved }: Omit<SafetyAudit, 'policy'>,
): SafetyAudit | null {
  if (safety === null) return null;
  return {
    policy: safety.digest,
    input: plain(input),
    output: output && plain(output),
    retrieved: retrieved && plain(retrieved),
  };
}

/** The screening without the text, which the log stores separately. */
function plain({ outcome, findings, kept }: ScreeningAudit): ScreeningAudit {
  return { outcome, findings, ...(kept !== undefined && { kept }) };
}
