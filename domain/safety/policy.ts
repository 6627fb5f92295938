/**
 * What may go into a language model and what may come out. A version of it is known by the digest
 * of its canonical JSON.
 */
export interface SafetyPolicy {
  readonly name: string;
  /** Each looks at the text as it came; what they find is acted on together. */
  readonly detectors: readonly DetectorSpec[];
  /** Whether the audit keeps the text of what did not pass as it came. */
  readonly keepText?: boolean;
}

/**
 * What the user says, what the model answers, or a passage of a document that is put before the
 * model.
 */
export const sides = ['input', 'output', 'retrieved'] as const;
export type Side = (typeof sides)[number];

/** The strictest first: it wins where several detectors find something. */
export const actions = ['block', 'redact', 'flag'] as const;
export type Action = (typeof actions)[number];

export interface DetectorTerms {
  readonly name: string;
  readonly on: readonly Side[];
  readonly action: Action;
  /** When it could not look: `block` fails closed, `allow` fails open. */
  readonly onError: 'block' | 'allow';
}

export type DetectorSpec = DetectorTerms & DetectorKind;

export type DetectorKind =
  | { readonly kind: 'personalData'; readonly types: readonly PersonalDataType[] }
  | { readonly kind: 'secrets' }
  | { readonly kind: 'blocklist'; readonly phrases: readonly string[] }
  /**
   * Orders to the model that are not the operator's: jailbreaks, overridden instructions, attempts
   * at the prompt.
   */
  | ({ readonly kind: 'injection' } & ClassifierTerms)
  /** Asks for something harmful; on the side `output`, gives it. */
  | ({ readonly kind: 'harmful' } & ClassifierTerms)
  | TopicsKind
  | ModerationKind
  | GuardModelKind;

/** Whom the policy's detectors ask, each once. */
export function askedProviders({ detectors }: SafetyPolicy): readonly string[] {
  return [...new Set(detectors.flatMap((spec) => ('provider' in spec ? [spec.provider] : [])))];
}

export interface ClassifierTerms {
  /**
   * `words` alone, in well under a millisecond; `meaning` also by sentence embedding, some ten
   * milliseconds a text of usual length.
   */
  readonly reads: 'words' | 'meaning';
  /**
   * Which share of harmless texts it may stop, as measured over sources that it was not trained on.
   */
  readonly falseAlarms: number;
}

/**
 * A model of a provider that the operator has set up, asked about each text. Its name and its model
 * are part of the policy's digest; what answers under them is a matter of the place.
 */
export interface GuardModel {
  readonly provider: string;
  readonly model: string;
  /** Of all attempts together; after it the detector could not look. */
  readonly timeoutSeconds: number;
  /** Those that count; empty for all that the model knows. */
  readonly categories: readonly string[];
}

/** By the protocol of OpenAI's `/v1/moderations`. */
export interface ModerationKind extends GuardModel {
  readonly kind: 'moderation';
  /** Score from which a category counts; null where the model's own flags do. */
  readonly threshold: number | null;
}

/** A model trained to judge texts, by chat completions. */
export interface GuardModelKind extends GuardModel {
  readonly kind: 'guardModel';
  /**
   * What it is asked, with `{{text}}` and, before an answer of the model, `{{asked}}`; null where
   * the server's chat template asks for it, as for Llama Guard.
   */
  readonly prompt: string | null;
  readonly answers: GuardAnswers;
}

/**
 * Llama Guard's `safe`, or `unsafe` and a line of categories; or two patterns, of which exactly one
 * must match.
 */
export type GuardAnswers = 'llamaGuard' | { readonly unsafe: string; readonly safe: string };

/** By nearness to examples: of a denied topic, or of none of the allowed ones. */
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

/** Offsets into the text in UTF-16 units, `to` behind the last. */
export interface Finding {
  readonly from: number;
  readonly to: number;
  /**
   * What it is, such as `email`: stands in the text's place when it is redacted, and in the audit;
   * the text itself does not.
   */
  readonly what: string;
}
