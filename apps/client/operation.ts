import type { paths } from './openapi';

type Method = 'get' | 'put' | 'post' | 'patch' | 'delete';

/** An operation of the API by method and path, such as `GET /runs/{id}`. */
export type OperationName = {
  readonly [P in keyof paths]: {
    readonly [M in Method]: paths[P][M] extends { readonly responses: unknown }
      ? `${Uppercase<M>} ${P}`
      : never;
  }[Method];
}[keyof paths];

type ApiOperation<N extends OperationName> = N extends `${infer M} ${infer P extends keyof paths}`
  ? Lowercase<M> extends Method
    ? NonNullable<paths[P][Lowercase<M>]>
    : never
  : never;

type JsonOf<T> = T extends { readonly content: { readonly 'application/json': infer J } }
  ? J
  : never;

/** The JSON body of a successful answer. */
export type AnswerOf<N extends OperationName> = N extends OperationName
  ? ApiOperation<N> extends { readonly responses: infer R }
    ? JsonOf<R[keyof R]>
    : never
  : never;

/** One item of an answer that is a page of a list. */
export type ItemOf<N extends OperationName> =
  AnswerOf<N> extends { readonly items: readonly (infer I)[] } ? I : never;

type ParametersOf<N extends OperationName, In extends 'path' | 'query'> =
  ApiOperation<N> extends { readonly parameters: infer P }
    ? In extends keyof P
      ? NonNullable<P[In]>
      : never
    : never;

/** What a call sends. `path` fills the placeholders; a value that is undefined is left out. */
export type Input<N extends OperationName> = PathInput<N> & QueryInput<N> & BodyInput<N>;

type PathInput<N extends OperationName> = [ParametersOf<N, 'path'>] extends [never]
  ? { readonly path?: never }
  : { readonly path: ParametersOf<N, 'path'> };

type QueryInput<N extends OperationName> = [ParametersOf<N, 'query'>] extends [never]
  ? { readonly query?: never }
  : NeedsNothing<ParametersOf<N, 'query'>> extends true
    ? { readonly query?: Loose<ParametersOf<N, 'query'>> }
    : { readonly query: Loose<ParametersOf<N, 'query'>> };

type BodyInput<N extends OperationName> =
  ApiOperation<N> extends { readonly requestBody: infer B }
    ? [JsonOf<B>] extends [never]
      ? { readonly body?: never }
      : { readonly body: JsonOf<B> }
    : ApiOperation<N> extends { readonly requestBody?: infer B }
      ? [NonNullable<B>] extends [never]
        ? { readonly body?: never }
        : { readonly body?: JsonOf<NonNullable<B>> }
      : { readonly body?: never };

type NeedsNothing<T> = Partial<T> extends T ? true : false;

/** Optional keys may also be given as undefined. */
type Loose<T> = {
  readonly [K in keyof T]: NeedsNothing<Pick<T, K>> extends true ? T[K] | undefined : T[K];
};

/** Left out where the operation needs no input. */
export type Inputs<N extends OperationName, More = unknown> =
  NeedsNothing<Input<N>> extends true ? [input?: Input<N> & More] : [input: Input<N> & More];

/** The JSON body that a call sends. */
export type BodyOf<N extends OperationName> =
  BodyInput<N> extends { readonly body?: infer B } ? Exclude<B, undefined> : never;

/** The path and query of an operation, encoded. */
export function requestPath(
  name: OperationName,
  { path = {}, query = {} }: { readonly path?: object; readonly query?: object },
): string {
  const [, template = ''] = name.split(' ');
  const values = path as Readonly<Record<string, string | number>>;
  const filled = template.replace(/\{(\w+)\}/g, (_, key: string) =>
    encodeURIComponent(values[key] ?? ''),
  );
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(
    query as Readonly<Record<string, string | number | boolean | undefined>>,
  ))
    if (value !== undefined) search.append(key, String(value));
  return search.size === 0 ? filled : `${filled}?${search.toString()}`;
}
