/** What may go into a language model and what may come out. A version of it is known by the digest of its canonical JSON. */
export interface SafetyPolicy {
  readonly name: string;
  /** Each looks at the text as it came; what they find is acted on together. */
  readonly detectors: readonly DetectorSpec[];
}

/** What the user says, or what the model answers. */
export const sides = ['input', 'output'] as const;
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
  | { readonly kind: 'blocklist'; readonly phrases: readonly string[] };

export const personalDataTypes = ['email', 'phone', 'creditCard', 'iban', 'ipAddress', 'usSocialSecurity'] as const;
export type PersonalDataType = (typeof personalDataTypes)[number];

/** Offsets into the text in UTF-16 units, `to` behind the last. */
export interface Finding {
  readonly from: number;
  readonly to: number;
  /** What it is, such as `email`: stands in the text's place when it is redacted, and in the audit; the text itself does not. */
  readonly what: string;
}
