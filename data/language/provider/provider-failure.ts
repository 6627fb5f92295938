import { truncateText } from '../../../domain/text';
import { failure, type FailureType, type PerennialError } from '../../../domain/failure';

/** An HTTP error response of a provider. */
export interface Refusal {
  readonly provider: string;
  /** Null for a request that names no model. */
  readonly model: string | null;
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** The failure for an error response, from its status, its code and, if need be, its wording. */
export function refusalFailure(refusal: Refusal): PerennialError {
  const { provider, model, status, headers } = refusal;
  const said = readError(parse(refusal.body));
  const type = classifyFailure(status, said, model !== null);
  const retryAfterMs = readRetryAfter(headers, Date.now());
  return failure(
    type,
    `provider ${provider} ${meanings[type] ?? 'refused the request'}` +
      `${model === null ? '' : ` (${model})`}: ${describe(status, said)}`,
    {
      ...(retryAfterMs !== undefined && { retryAfterMs }),
      ...nextStep(type, status, provider, said),
    },
  );
}

interface ErrorWords {
  readonly codes: readonly string[];
  /** The request parameter that the provider refuses, if it is one of `parameters`. */
  readonly parameter: Parameter | null;
  readonly message: string;
  /** Whether OpenRouter lists what its moderation found in the question. */
  readonly flagged: boolean;
}

const meanings: Partial<Record<FailureType, string>> = {
  ProviderRateLimited: 'limits the request rate',
  ProviderUnavailable: 'is not available',
  ModelNotFound: 'has no such model',
  ProviderDenied: 'denied access',
  ContextOverflow: 'cannot fit prompt and answer into the context',
  AnswerWithheld: 'withheld the answer because of its content filter',
};

/**
 * The wordings of OpenAI, Anthropic, vLLM, llama-server, TGI and the gateways in front of them.
 * They have only status 400 in common.
 */
const overflowWords =
  /context[_ ](length|size|window|limit)|maximum context|(prompt|input) is too long|max_model_len|maximum model length|too many tokens|exceeds? (the )?(available|token) (context|limit)/i;
const noModelWords =
  /model\b.*\b(not found|does not exist|not exist|unknown|not loaded)|(unknown|no such|invalid) model/i;

/**
 * The codes of Azure OpenAI and OpenAI, and the wordings of OpenAI's thinking models, of Anthropic
 * and of LiteLLM.
 */
const filterCodes = /^(content_filter|content_policy_violation)$/;
const filterWords =
  /\bprompt was flagged\b|\bblocked by content filtering policy\b|\bContentPolicyViolationError\b/i;

/** Whether an error inside a stream comes from the provider's content filter. */
export function isContentFilterError(error: unknown): boolean {
  return tellsOfFilter(readError({ error }));
}

function tellsOfFilter({ codes, message, flagged }: ErrorWords): boolean {
  return flagged || codes.some((code) => filterCodes.test(code)) || filterWords.test(message);
}

function classifyFailure(status: number, said: ErrorWords, aboutModel: boolean): FailureType {
  const { codes, message, flagged } = said;
  const has = (pattern: RegExp): boolean => codes.some((code) => pattern.test(code));
  if ((status === 400 || (status === 403 && flagged)) && tellsOfFilter(said))
    return 'AnswerWithheld';
  // Waiting does not help against these limits.
  if (has(/insufficient_quota|billing/) || [401, 402, 403].includes(status))
    return 'ProviderDenied';
  if (status === 429) return 'ProviderRateLimited';
  if (status === 413) return 'ContextOverflow';
  if ((status === 400 || status === 422) && (has(overflowWords) || overflowWords.test(message)))
    return 'ContextOverflow';
  const noModel = has(/model_not_found|not_found_error/) || noModelWords.test(message);
  if (aboutModel && (status === 404 || status === 400) && noModel) return 'ModelNotFound';
  if ([408, 409, 425].includes(status) || (status >= 500 && status !== 501 && status !== 505))
    return 'ProviderUnavailable';
  return 'ProviderRefused';
}

function readError(parsed: unknown): ErrorWords {
  const inner = isRecord(parsed) ? (isRecord(parsed['error']) ? parsed['error'] : parsed) : {};
  const codes = [inner['code'], inner['type']].filter(
    (code): code is string => typeof code === 'string' && /^[\w.-]{1,64}$/.test(code),
  );
  const words = [inner['message'], inner['detail'], isRecord(parsed) ? parsed['error'] : null].find(
    (each) => typeof each === 'string',
  );
  const parameter = parameters.find((each) => each === inner['param']) ?? null;
  const flagged = isRecord(inner['metadata']) && 'flagged_input' in inner['metadata'];
  return { codes, parameter, message: typeof words === 'string' ? words : '', flagged };
}

/** Only these names are repeated. Other quoted text in a provider's message may be a caller's. */
const parameters = [
  'temperature',
  'top_p',
  'seed',
  'stop',
  'max_tokens',
  'max_completion_tokens',
  'response_format',
] as const;
type Parameter = (typeof parameters)[number];

function describe(status: number, { codes, parameter, message }: ErrorWords): string {
  const words = withoutQuotes(message);
  const names = [...new Set(codes), ...(parameter === null ? [] : [parameter])];
  return `status ${status}${names.length === 0 ? '' : ` ${names.join(' ')}`}${words === '' ? '' : `, ${words}`}`;
}

/**
 * A provider's message may quote the prompt or a part of the key (I11). Quoted text, strings that
 * look like keys, and terminal control characters are removed.
 */
function withoutQuotes(message: string): string {
  const told = withoutPart(withoutPart(withoutPart(message, '{', '}'), '[', ']'), '“', '”')
    .replace(/'[^']*'|"[^"]*"|`[^`]*`/g, '…')
    .replace(/\S+/g, (word) => (word.length > 32 || /sk-|key-|\*{3}/.test(word) ? '…' : word))
    .replace(/[\s\p{C}]+/gu, ' ')
    .trim();
  return truncateText(told, 200);
}

/** Replaces everything from the first `open` to the last `close`. */
function withoutPart(message: string, open: string, close: string): string {
  const [from, to] = [message.indexOf(open), message.lastIndexOf(close)];
  return from !== -1 && from < to ? `${message.slice(0, from)}…${message.slice(to + 1)}` : message;
}

const leftOut: Partial<Record<Parameter, string>> = {
  temperature: 'set sampling.temperature to 1',
  top_p: 'set sampling.topP to 1',
  seed: 'set sampling.seed to null',
  stop: 'leave sampling.stop empty',
};

function nextStep(
  type: FailureType,
  status: number,
  provider: string,
  { codes, parameter }: ErrorWords,
): { readonly next?: string } {
  const without =
    parameter !== null && codes.some((code) => /^unsupported_(value|parameter)$/.test(code))
      ? leftOut[parameter]
      : undefined;
  if (without !== undefined)
    return {
      next:
        `${without}, or set thinkingTokens for this model in the settings of provider ` +
        `${provider}, or use a model that accepts ${parameter}`,
    };
  if (type === 'ProviderDenied' && (status === 401 || status === 403))
    return { next: `check the key that the settings of provider ${provider} refer to` };
  if (status === 404 && type === 'ProviderRefused')
    return { next: `check the address of provider ${provider}: this path does not exist` };
  if (type === 'ContextOverflow')
    return { next: 'shorten the prompt, retrieve fewer passages, or lower maxTokens' };
  return {};
}

/**
 * The wait in milliseconds. Some providers send `retry-after-ms`; the standard header has seconds
 * or a date (RFC 9110, 10.2.3).
 */
export function readRetryAfter(headers: Refusal['headers'], nowMs: number): number | undefined {
  const exact = Number(single(headers['retry-after-ms']));
  if (Number.isFinite(exact) && single(headers['retry-after-ms']) !== undefined)
    return Math.max(0, exact);
  const text = single(headers['retry-after']);
  if (text === undefined) return undefined;
  const ms = /^\d+(\.\d+)?$/.test(text) ? Number(text) * 1000 : Date.parse(text) - nowMs;
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
}

function single(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
