/** CloudEvents 1.0 over HTTP, in its structured and its binary mode. */
import type { IncomingHttpHeaders } from 'node:http';
import { z } from 'zod';
import type { IncomingEvent } from '../../../domain/retraining/incoming-event';
import { failure } from '../../../domain/failure';
import { HttpProblem } from '../../http/problem';

/** Source and id are one key of an index of PostgreSQL, which limits their bytes. */
const mostBytes = 1_000;
/** CloudEvents 1.0, *Type system*: no control characters and no lone surrogates. */
const attribute = z
  .string()
  .min(1)
  .regex(/^[^\p{Cc}\p{Cs}]*$/u, 'must not have control characters')
  .refine((text) => Buffer.byteLength(text) <= mostBytes, `must have at most ${mostBytes} bytes`);
const attributes = z.looseObject({
  specversion: z.literal('1.0'),
  id: attribute,
  source: attribute,
  type: attribute,
  subject: attribute.optional(),
});

export interface CloudEventRequest {
  readonly event: IncomingEvent;
  /** Only then a signature of the body covers the attributes. */
  readonly isStructured: boolean;
}

/** @throws InvalidInput for an event without its attributes, HttpProblem 415 for a batch */
export function readCloudEvent(headers: IncomingHttpHeaders, body: string): CloudEventRequest {
  const type = headers['content-type']?.split(';')[0]?.trim().toLowerCase() ?? '';
  if (type.startsWith('application/cloudevents-batch'))
    throw new HttpProblem(
      415,
      'UnsupportedMediaType',
      'batches of CloudEvents are not accepted',
      'send each event in a request of its own',
    );
  const isStructured = type === 'application/cloudevents+json';
  const parsed = attributes.safeParse(isStructured ? parseJson(body) : fromHeaders(headers));
  if (!parsed.success)
    throw failure(
      'InvalidInput',
      `not a CloudEvent 1.0: ${parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ')}`,
      {
        next: 'send specversion 1.0, id, source and type, in application/cloudevents+json or in ce- headers',
      },
    );
  const { id, source, type: of, subject = null } = parsed.data;
  return { event: { id, source, type: of, subject }, isStructured };
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    throw new HttpProblem(400, 'InvalidJson', 'the body is not valid JSON');
  }
}

function fromHeaders(headers: IncomingHttpHeaders): Readonly<Record<string, string>> {
  const found = Object.entries(headers).flatMap(([name, value]) =>
    name.startsWith('ce-') && typeof value === 'string'
      ? [[name.slice('ce-'.length), decodeHeader(value)]]
      : [],
  );
  return Object.fromEntries(found) as Record<string, string>;
}

/** Header values are percent-encoded (HTTP Protocol Binding, 3.1.3.2). */
function decodeHeader(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}
