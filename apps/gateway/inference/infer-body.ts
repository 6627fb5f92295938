import type { FastifyInstance } from 'fastify';
import { decompressBody } from '../../http/compression';
import { stringEnd } from '../../http/json-bounds';
import { acceptBodies, parseJson, requireJsonType, utf8Text } from '../../http/json-body';
import { HttpProblem } from '../../http/problem';
import { withBinaryData } from './binary-tensors';

/**
 * The header with the size of the JSON in a body, in requests and answers. Binary tensors follow
 * the JSON.
 */
export const jsonLengthHeader = 'inference-header-content-length';

/**
 * The limits for JSON: ten thousand rows of fifty columns as objects, or tensors of three million
 * values.
 */
const jsonBounds = { values: 3_000_000, keys: 500_000, depth: 64 };

/**
 * Read requests of the Open Inference Protocol: JSON, alone or before binary tensors. Stock clients
 * send no content type.
 */
export function acceptInferBodies(app: FastifyInstance): void {
  acceptBodies(app, (request, body) => {
    const length = request.headers[jsonLengthHeader];
    requireJsonType(request, length === undefined ? [] : ['application/octet-stream']);
    const bytes = decompressBody(request, body);
    return bytes instanceof Promise
      ? bytes.then((plain) => parseBody(plain, length))
      : parseBody(bytes, length);
  });
}

/** `length` is the size of the JSON before binary tensors, if the body has any. */
function parseBody(bytes: Buffer, length: string | string[] | undefined): unknown {
  if (length === undefined) return parseInferJson(utf8Text(bytes));
  const jsonBytes = Number(length);
  if (!Number.isSafeInteger(jsonBytes) || jsonBytes < 0 || jsonBytes > bytes.length) {
    throw new HttpProblem(
      400,
      'InvalidInput',
      `the header Inference-Header-Content-Length must be a number of bytes within the ${bytes.length} bytes of the body`,
    );
  }
  const json = parseInferJson(utf8Text(bytes.subarray(0, jsonBytes)));
  return withBinaryData(json, bytes.subarray(jsonBytes));
}

function parseInferJson(text: string): unknown {
  return parseJson(text.includes('NaN') ? withNullForNaN(text) : text, jsonBounds);
}

/** Python clients write NaN for a missing number, which is not JSON. One pass over any text. */
export function withNullForNaN(text: string): string {
  let json = '';
  let copied = 0;
  for (let at = 0; at < text.length; at += 1) {
    if (text[at] === '"') at = stringEnd(text, at);
    else if (text[at] === 'N' && text.startsWith('NaN', at)) {
      json += `${text.slice(copied, at)}null`;
      copied = at + 3;
      at += 2;
    }
  }
  return json + text.slice(copied);
}
