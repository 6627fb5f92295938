/** The messages to and from the load of streams. */

export const upstreamModel = 'clock';

/** The upstream finds it anywhere in the prompt. */
export function question({ everyMs, tokens }: Pace): string {
  return `One token every ${everyMs} ms, ${tokens} tokens.`;
}

export const pace = /One token every (\d+) ms, (\d+) tokens\./;

export interface Pace {
  readonly everyMs: number;
  /** Tokens of one stream; a new stream then takes its place. */
  readonly tokens: number;
}

export type RequestPath = 'gateway' | 'straight';

export interface StreamTarget {
  readonly way: RequestPath;
  readonly host: string;
  readonly port: number;
  readonly authorization: string;
  readonly model: string;
}

export interface LoadPoint extends Pace {
  /** Over the targets in turn. */
  readonly places: readonly { readonly target: StreamTarget; readonly streams: number }[];
  /** The first streams start spread over this time. */
  readonly rampSeconds: number;
  /** The client's address; each connection needs a port of it. */
  readonly localAddress: string;
}

/**
 * `measure` drops earlier measurements; `figures` returns the current ones; `end` closes all
 * connections.
 */
export type PlanMessage =
  | { readonly kind: 'begin'; readonly point: LoadPoint }
  | { readonly kind: 'measure' | 'figures' | 'end' };

export interface PathFigures {
  /**
   * Time from writing a token in the upstream to reading it in the client: Float32, little-endian,
   * base64.
   */
  readonly tokenMs: string;
  /** From the request to the first token. */
  readonly firstMs: string;
  readonly open: number;
  readonly finished: number;
}

export interface StreamLoadFigures {
  readonly ways: Readonly<Record<RequestPath, PathFigures>>;
  /** By the kind of event. */
  readonly failures: Readonly<Record<string, number>>;
}
