/**
 * Content codings of RFC 9110, 8.4: `gzip` and `deflate` (in zlib's format), which the stock
 * clients of the Open Inference Protocol use.
 */
import { promisify } from 'node:util';
import { constants, deflate, gunzip, gzip, inflate } from 'node:zlib';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { HttpProblem } from './problem';

const [compressGzip, compressDeflate] = [promisify(gzip), promisify(deflate)];
const decoders = {
  gzip: promisify(gunzip),
  'x-gzip': promisify(gunzip),
  deflate: promisify(inflate),
};

/**
 * Decompresses a body within the route's limit.
 * @throws HttpProblem 400, 413, 415
 */
export async function decompressBody(
  { headers, routeOptions }: FastifyRequest,
  body: Buffer,
): Promise<Buffer> {
  const encoding = headers['content-encoding']?.trim().toLowerCase() ?? '';
  if (encoding === '' || encoding === 'identity') return body;
  if (!Object.hasOwn(decoders, encoding)) {
    const next = 'use gzip or deflate, or send the body uncompressed';
    throw new HttpProblem(
      415,
      'UnsupportedEncoding',
      `a body in ${encoding.slice(0, 40)} is not supported`,
      next,
    );
  }
  const mostBytes = routeOptions.bodyLimit;
  try {
    return await decoders[encoding as keyof typeof decoders](body, { maxOutputLength: mostBytes });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') {
      throw new HttpProblem(
        413,
        'BodyTooLarge',
        `the decompressed body has more than ${mostBytes} bytes (${mostBytes / 1024 / 1024} MiB)`,
      );
    }
    throw new HttpProblem(400, 'InvalidEncoding', `the body is not valid ${encoding}`);
  }
}

/** Below this size, compressing an answer takes longer than it saves in transfer. */
const minBytes = 1_400;

/** Compresses an answer if the client accepts it, off the event loop and at the fastest level. */
export async function compressResponse(
  request: FastifyRequest,
  reply: FastifyReply,
  payload: unknown,
): Promise<unknown> {
  if (typeof payload !== 'string' && !Buffer.isBuffer(payload)) return payload;
  if (payload.length < minBytes) return payload;
  void reply.header('vary', 'accept-encoding');
  const coding = acceptedCoding(request.headers['accept-encoding']);
  if (coding === null) return payload;
  const compress = coding === 'gzip' ? compressGzip : compressDeflate;
  const compressed = await compress(payload, { level: constants.Z_BEST_SPEED });
  void reply.header('content-encoding', coding).removeHeader('content-length');
  return compressed;
}

/** Parses a list such as `gzip;q=0.8, deflate, *`; a weight of 0 excludes a coding. */
function acceptedCoding(accepted: string | string[] | undefined): 'gzip' | 'deflate' | null {
  const wanted = String(accepted ?? '')
    .toLowerCase()
    .split(',')
    .map((part) => part.trim().split(/\s*;\s*/))
    .filter(([, weight]) => !/^q=0(\.0*)?$/.test(weight ?? ''))
    .map(([coding]) => coding);
  if (wanted.includes('gzip')) return 'gzip';
  return wanted.includes('deflate') ? 'deflate' : null;
}
