/** The rules for inputs and answers. The digest of its canonical JSON identifies a version. */
export interface SafetyPolicy {
  readonly name: string;
  /** Each detector sees the original text. Their findings are combined. */
  readonly detectors: readonly DetectorSpec[];
  /** Whether the audit keeps the original text if it did not pass. */
  readonly keepText?: boolean;
}

/** The user's input, the model's answer, or a passage that a prompt quotes. */
export const sides = ['input', 'output', 'retrieved'] as const;
export type Side = (typeof sides)[number];

/** From strict to lenient. The strictest action of all detectors with findings applies. */
export const actions = ['block', 'redact', 'flag'] as const;
export type Action = (typeof actions)[number];

export interface DetectorTerms {
  readonly name: string;
  readonly on: readonly Side[];
  readonly action: Action;
  /** If the detector fails: `block` fails closed, `allow` fails open. */
  readonly onError: 'block' | 'allow';
}

export type DetectorSpec = DetectorTerms & DetectorKind;

export type DetectorKind =
  | { readonly kind: 'personalData'; readonly types: readonly PersonalDataType[] }
  | { readonly kind: 'secrets' }
  | { readonly kind: 'blocklist'; readonly phrases: readonly string[] }
  /** Instructions to the model by someone else than the operator, such as jailbreaks. */
  | ({ readonly kind: 'injection' } & ClassifierTerms)
  /** Requests for harmful content; on the side `output`, harmful content itself. */
  | ({ readonly kind: 'harmful' } & ClassifierTerms)
  | TopicsKind
  | ModerationKind
  | GuardModelKind;

/** The distinct providers of the policy's detectors. */
export function policyProviders({ detectors }: SafetyPolicy): readonly string[] {
  return [...new Set(detectors.flatMap((spec) => ('provider' in spec ? [spec.provider] : [])))];
}

export interface ClassifierTerms {
  /**
   * `words` takes well under a millisecond. `meaning` adds a sentence embedding, and takes about
   * ten milliseconds for a text of usual length.
   */
  readonly reads: 'words' | 'meaning';
  /** The largest share of harmless texts that it may detect, measured on held-out sources. */
  readonly falseAlarms: number;
}

/**
 * A model of a configured provider that judges each text. The policy's digest covers the names of
 * provider and model, but not the endpoint behind them.
 */
export interface GuardModel {
  readonly provider: string;
  readonly model: string;
  /** For all attempts together; after it the detector fails. */
  readonly timeoutSeconds: number;
  /** The categories that count; empty for all. */
  readonly categories: readonly string[];
}

/** A model with the protocol of OpenAI's `/v1/moderations`. */
export interface ModerationKind extends GuardModel {
  readonly kind: 'moderation';
  /** Score from which a category counts; null to use the model's own flags. */
  readonly threshold: number | null;
}

/** A guard model with the protocol of chat completions. */
export interface GuardModelKind extends GuardModel {
  readonly kind: 'guardModel';
  /**
   * The prompt, with `{{text}}` and, for answers, `{{asked}}`. Null to use the server's chat
   * template, as for Llama Guard.
   */
  readonly prompt: string | null;
  readonly answers: GuardAnswers;
}

/** Llama Guard's format, or two patterns of which exactly one must match. */
export type GuardAnswers = 'llamaGuard' | { readonly unsafe: string; readonly safe: string };

/** Detects texts that are similar to a denied topic, or to none of the allowed topics. */
export interface TopicsKind {
  readonly kind: 'topics';
  readonly allow: readonly Topic[];
  readonly deny: readonly Topic[];
  /** Cosine of the embeddings from which a text is of a topic. */
  readonly similarity: number;
}

export interface Topic {
  readonly name: string;
  /** Texts as users write them. */
  readonly examples: readonly string[];
}

export const personalDataTypes = [
  'email',
  'phone',
  'creditCard',
  'iban',
  'ipAddress',
  'usSocialSecurity',
] as const;
export type PersonalDataType = (typeof personalDataTypes)[number];

/** A part of the text: offsets in UTF-16 units, `to` exclusive. */
export interface Finding {
  readonly from: number;
  readonly to: number;
  /** Type of the finding, such as `email`. It replaces redacted text and appears in the audit. */
  readonly what: string;
}
