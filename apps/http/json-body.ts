import type { FastifyInstance } from 'fastify';
import { isPerennialError } from '../../domain/failure';
import { requireJsonWithin, type JsonBounds } from './json-bounds';
import { HttpProblem } from './problem';

/** Bodies are JSON and nothing else. One that is empty counts as left out, whatever its content type says. */
export function acceptJson(app: FastifyInstance, bounds: JsonBounds): void {
  app.removeContentTypeParser(['application/json', 'text/plain']);
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) => {
    try {
      requireJsonWithin(body as string, bounds);
      const value: unknown = body === '' ? undefined : JSON.parse(body as string);
      // Fastify says null of a body that was left out, so one that is there must not be it.
      if (value === null) done(new HttpProblem(422, 'InvalidInput', 'body: must be a map, not null', 'leave the body out, or send {}'));
      else done(null, value);
    } catch (error) {
      done(isPerennialError(error) ? error : invalidJson(error));
    }
  });
}

/** V8 quotes the text around the mistake, which is somebody's data. */
function invalidJson(error: unknown): HttpProblem {
  const reason = error instanceof Error ? error.message.replace(/,? ?(\.\.\.)?".*$/s, '') : 'unreadable';
  return new HttpProblem(400, 'InvalidJson', `the body is not valid JSON: ${reason}`);
}

/** Fastify's own refusals of a body, in words that help; null for any other error. */
export function bodyProblem(error: unknown, limitBytes: number | undefined): HttpProblem | null {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') {
    return new HttpProblem(415, 'UnsupportedMediaType', 'the body must be JSON', 'send content-type: application/json');
  }
  if (code !== 'FST_ERR_CTP_BODY_TOO_LARGE') return null;
  const most = limitBytes === undefined ? '' : `: at most ${limitBytes} bytes (${limitBytes / 1024 / 1024} MiB) are taken here`;
  return new HttpProblem(413, 'BodyTooLarge', `the body is too large${most}`);
}
