import { isUtf8 } from 'node:buffer';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { isPerennialError } from '../../domain/failure';
import { decompressBody } from './compression';
import { checkJsonBounds, type JsonBounds } from './json-bounds';
import { HttpProblem } from './problem';

/**
 * Bodies are always JSON, also without a content type. An empty body counts as missing, whatever
 * its content type is.
 */
export function acceptJson(app: FastifyInstance, bounds: JsonBounds): void {
  acceptBodies(app, async (request, body) => {
    requireJsonType(request);
    const text = await bodyText(request, body);
    if (text === '') return undefined;
    const value = parseJson(text, bounds);
    // Fastify uses null for a missing body, so a body of `null` must not look the same.
    if (value === null)
      throw new HttpProblem(
        422,
        'InvalidInput',
        'body: must be a map, not null',
        'omit the body, or send {}',
      );
    return value;
  });
}

/**
 * Passes every body, of any content type, to `read`. A body that needs no waiting is returned as it
 * is, because promises cost as much as parsing a small body.
 */
export function acceptBodies(
  app: FastifyInstance,
  read: (request: FastifyRequest, body: Buffer) => unknown,
): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    '*',
    { parseAs: 'buffer' },
    (request: FastifyRequest, body: Buffer, done) => {
      let value: unknown;
      try {
        value = read(request, body);
      } catch (error) {
        done(error as Error);
        return;
      }
      if (value instanceof Promise)
        value.then(
          (parsed: unknown) => done(null, parsed),
          (error: unknown) => done(error as Error),
        );
      else done(null, value);
    },
  );
}

/** @throws HttpProblem 415 for a body whose content type is not JSON. */
export function requireJsonType(
  { headers }: Pick<FastifyRequest, 'headers'>,
  others: readonly string[] = [],
): void {
  const type = headers['content-type']?.split(';')[0]?.trim().toLowerCase();
  if (type === undefined || type === '' || type === 'application/json' || others.includes(type))
    return;
  throw new HttpProblem(
    415,
    'UnsupportedMediaType',
    'the body must be JSON',
    'send content-type: application/json',
  );
}

/**
 * The decompressed text of a body.
 * @throws HttpProblem 400 if it is not UTF-8, which would be stored differently than sent.
 */
export async function bodyText(request: FastifyRequest, body: Buffer): Promise<string> {
  return utf8Text(await decompressBody(request, body));
}

/** @throws HttpProblem 400 */
export function utf8Text(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString('utf8');
  throw new HttpProblem(
    400,
    'InvalidUtf8',
    'the body is not valid UTF-8',
    'encode the JSON as UTF-8',
  );
}

/** Parses JSON within its bounds. @throws InvalidInput, HttpProblem 400 */
export function parseJson(text: string, bounds: JsonBounds): unknown {
  checkJsonBounds(text, bounds);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw isPerennialError(error) ? error : invalidJson(error);
  }
}

/** V8 quotes the text around the error, which may be private data. */
function invalidJson(error: unknown): HttpProblem {
  const [unquoted = ''] = error instanceof Error ? error.message.split('"', 1) : ['unreadable'];
  const reason = unquoted.replace(/,? ?(?:\.\.\.)?$/, '');
  return new HttpProblem(400, 'InvalidJson', `the body is not valid JSON: ${reason}`);
}

/** Explains Fastify's own refusals of a body; null for any other error. */
export function bodyProblem(error: unknown, limitBytes: number | undefined): HttpProblem | null {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code !== 'FST_ERR_CTP_BODY_TOO_LARGE') return null;
  const max =
    limitBytes === undefined
      ? ''
      : `: the limit is ${limitBytes} bytes (${limitBytes / 1024 / 1024} MiB)`;
  return new HttpProblem(413, 'BodyTooLarge', `the body is too large${max}`);
}
