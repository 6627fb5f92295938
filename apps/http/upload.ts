import type { FastifyInstance, FastifyRequest } from 'fastify';
import { createWriteStream } from 'node:fs';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { openScratch, type Scratch } from '../../data/scratch';
import { HttpProblem } from './problem';
import type { WorkLimit } from './limits/rate-limit';
import './request-context';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Media type of a route that takes a file, for the OpenAPI document. */
    uploadType?: string;
  }
}

/** A body in a private file, which is removed after the response. */
export interface Upload {
  readonly path: string;
  readonly bytes: number;
}

export interface UploadSettings {
  readonly scratchRoot: string;
  readonly maxBytes: number;
  /** Limits the uploads of one key at once. */
  readonly limit: WorkLimit;
}

const folders = new WeakMap<FastifyRequest, Scratch>();

/**
 * Bodies of the routes of this plugin are streamed to a file of at most `maxBytes`, whatever their
 * content type is. The routes get an `Upload` as their body.
 */
export function acceptUploads(app: FastifyInstance, settings: UploadSettings): void {
  const { scratchRoot, maxBytes, limit } = settings;
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    '*',
    { bodyLimit: maxBytes },
    (request: FastifyRequest, body: NodeJS.ReadableStream) =>
      limit.run(request.caller, async (): Promise<Upload> => {
        const scratch = await openScratch(scratchRoot, 'upload');
        folders.set(request, scratch);
        const path = scratch.path('body');
        let bytes = 0;
        const counted = new Transform({
          transform(chunk: Buffer, _, done) {
            bytes += chunk.byteLength;
            done(bytes > maxBytes ? tooLarge(maxBytes) : null, chunk);
          },
        });
        try {
          await pipeline(body, counted, createWriteStream(path, { mode: 0o600 }));
        } catch (error) {
          await scratch.dispose();
          throw error;
        }
        return { path, bytes };
      }),
  );
  app.addHook('onResponse', (request) => folders.get(request)?.dispose() ?? Promise.resolve());
}

function tooLarge(maxBytes: number): HttpProblem {
  return new HttpProblem(
    413,
    'BodyTooLarge',
    `the body is too large: the limit is ${maxBytes} bytes (${maxBytes / 2 ** 20} MiB)`,
  );
}
