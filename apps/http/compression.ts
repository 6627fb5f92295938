/**
 * Content codings of RFC 9110, 8.4: `gzip` and `deflate` (in zlib's format), which the stock
 * clients of the Open Inference Protocol use.
 */
import { promisify } from 'node:util';
import { constants, deflate, gunzip, gzip, inflate } from 'node:zlib';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { HttpProblem } from './problem';

const decoders = {
  gzip: promisify(gunzip),
  'x-gzip': promisify(gunzip),
  deflate: promisify(inflate),
};

/**
 * Decompresses a body within the route's limit. A body without compression is returned at once.
 * @throws HttpProblem 400, 413, 415
 */
export function decompressBody(request: FastifyRequest, body: Buffer): Buffer | Promise<Buffer> {
  const encoding = request.headers['content-encoding']?.trim().toLowerCase() ?? '';
  if (encoding === '' || encoding === 'identity') return body;
  return decompress(request, encoding, body);
}

async function decompress(
  { routeOptions }: FastifyRequest,
  encoding: string,
  body: Buffer,
): Promise<Buffer> {
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
export function compressResponse(
  request: FastifyRequest,
  reply: FastifyReply,
  payload: unknown,
  done: (error: Error | null, payload: unknown) => void,
): void {
  if ((typeof payload !== 'string' && !Buffer.isBuffer(payload)) || payload.length < minBytes) {
    done(null, payload);
    return;
  }
  void reply.header('vary', 'accept-encoding');
  const coding = acceptedCoding(request.headers['accept-encoding']);
  if (coding === null) {
    done(null, payload);
    return;
  }
  const compress = coding === 'gzip' ? gzip : deflate;
  compress(payload, { level: constants.Z_BEST_SPEED }, (error, compressed) => {
    if (error === null)
      void reply.header('content-encoding', coding).removeHeader('content-length');
    done(error, compressed);
  });
}

/** Parses a list such as `gzip;q=0.8, deflate, *`; a weight of 0 excludes a coding. */
function acceptedCoding(accepted: string | string[] | undefined): 'gzip' | 'deflate' | null {
  const wanted = String(accepted ?? '')
    .toLowerCase()
    .split(',')
    .map((part) => part.split(';').map((word) => word.trim()))
    .filter(([, weight]) => !/^q=0(\.0*)?$/.test(weight ?? ''))
    .map(([coding]) => coding);
  if (wanted.includes('gzip')) return 'gzip';
  return wanted.includes('deflate') ? 'deflate' : null;
}
