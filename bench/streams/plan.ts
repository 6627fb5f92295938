/** What the load of streams is told, and what it tells. */

export const upstreamModel = 'clock';

/** The upstream reads it out of whatever prompt it stands in. */
export function question({ everyMs, tokens }: Pace): string {
  return `One token every ${everyMs} ms, ${tokens} tokens.`;
}

export const pace = /One token every (\d+) ms, (\d+) tokens\./;

export interface Pace {
  readonly everyMs: number;
  /** Of one stream; its place then takes the next one. */
  readonly tokens: number;
}

export type Way = 'gateway' | 'straight';

export interface StreamTarget {
  readonly way: Way;
  readonly host: string;
  readonly port: number;
  readonly authorization: string;
  readonly model: string;
}

export interface LoadPoint extends Pace {
  /** Over the targets in turn. */
  readonly places: readonly { readonly target: StreamTarget; readonly streams: number }[];
  /** The first streams are spread over it. */
  readonly rampSeconds: number;
  /** Of the client's side: a port of its own for each connection. */
  readonly localAddress: string;
}

/** `measure` drops what was seen so far; `figures` is answered with them; `end` hangs up on all. */
export type PlanMessage =
  | { readonly kind: 'begin'; readonly point: LoadPoint }
  | { readonly kind: 'measure' | 'figures' | 'end' };

export interface WayFigures {
  /**
   * From the writing of a token by the upstream to its reading by the client: Float32,
   * little-endian, base64.
   */
  readonly tokenMs: string;
  /** From the request to the first token. */
  readonly firstMs: string;
  readonly open: number;
  readonly finished: number;
}

export interface StreamLoadFigures {
  readonly ways: Readonly<Record<Way, WayFigures>>;
  /** By what happened. */
  readonly failures: Readonly<Record<string, number>>;
}
