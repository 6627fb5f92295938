import type { FastifyBaseLogger, FastifyReply, FastifyRequest } from 'fastify';
import { createReadStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import type { ArtifactStore } from '../../data/artifact/store';
import { openScratch, type Scratch } from '../../data/scratch';
import { formatByteSize } from '../../domain/byte-size';
import type { ArtifactRef } from '../../domain/artifact';
import { failure } from '../../domain/failure';
import { disposeLater } from './dispose-later';
import { openWorkLimit } from './limits/rate-limit';
import './request-context';

export interface DownloadLimits {
  /** Of one answer. Only the whole file can be verified, and the caller waits for it. */
  readonly maxBytes: number;
  /** Downloads in progress; further ones wait, and get 429 beyond `maxWaiting`. */
  readonly perKey: number;
  /** Each has a copy of its file on the disk, and a tenant can make any number of keys. */
  readonly perTenant: number;
  readonly maxWaiting: number;
  /** How long a reader may read nothing before its connection is closed. */
  readonly stallMs: number;
  /** How long the body may take, also for a reader that reads a little. */
  readonly bodyMs: number;
}

export const defaultDownloadLimits: DownloadLimits = {
  maxBytes: 1 << 30,
  perKey: 4,
  perTenant: 16,
  maxWaiting: 32,
  stallMs: 60_000,
  bodyMs: 3_600_000,
};

export interface Downloads {
  /** The bytes of an artifact. */
  file(request: FastifyRequest, reply: FastifyReply, ref: ArtifactRef): Promise<Readable>;
  /** Texts, one after the other. Each begins on its own line. */
  texts(
    request: FastifyRequest,
    reply: FastifyReply,
    refs: readonly ArtifactRef[],
  ): Promise<Readable>;
}

export interface DownloadDeps {
  readonly artifacts: Pick<ArtifactStore, 'toFile'>;
  readonly scratchRoot: string;
  readonly log: Pick<FastifyBaseLogger, 'warn'>;
  readonly limits?: DownloadLimits;
}

/**
 * Bodies of artifacts. Each is copied to the disk and verified by its digest before its first byte
 * is sent. The copy is read as fast as the caller reads, and is removed when the stream closes.
 */
export function openDownloads(deps: DownloadDeps): Downloads {
  const { limits = defaultDownloadLimits } = deps;
  const { perKey, perTenant, maxWaiting } = limits;
  const keys = openWorkLimit({ perKey, maxWaiting });
  const tenants = openWorkLimit({ perKey: perTenant, maxWaiting: maxWaiting * perTenant });

  function open(
    { caller }: FastifyRequest,
    reply: FastifyReply,
    refs: readonly ArtifactRef[],
    parts: (download: OpenDownload) => AsyncIterable<Buffer>,
  ): Promise<Readable> {
    refuseTooLarge(refs, limits.maxBytes);
    const gone = new AbortController();
    reply.raw.once('close', () => gone.abort());
    return keys.open(caller, () =>
      tenants.open({ id: caller.tenant, name: caller.name }, async () => {
        gone.signal.throwIfAborted();
        const scratch = await openScratch(deps.scratchRoot, 'download');
        try {
          const download = { ...deps, refs, scratch, signal: gone.signal };
          // Errors of the first part still get a response.
          await fetchPart(download, 0);
          const body = Readable.from(parts(download), { objectMode: false });
          body.once('close', () => disposeLater(scratch, deps.log));
          gone.signal.addEventListener('abort', () => body.destroy(), { once: true });
          closeUnread(reply, limits, deps.log);
          return body;
        } catch (error) {
          await scratch.dispose();
          throw error;
        }
      }),
    );
  }

  return {
    file: (request, reply, ref) => open(request, reply, [ref], (download) => readPart(download, 0)),
    texts: (request, reply, refs) =>
      refs.length === 0
        ? Promise.resolve(Readable.from([]))
        : open(request, reply, refs, readLines),
  };
}

interface OpenDownload {
  readonly artifacts: DownloadDeps['artifacts'];
  readonly refs: readonly ArtifactRef[];
  readonly scratch: Scratch;
  readonly signal: AbortSignal;
}

function refuseTooLarge(refs: readonly ArtifactRef[], maxBytes: number): void {
  const bytes = refs.reduce((sum, ref) => sum + ref.bytes, 0);
  if (bytes <= maxBytes) return;
  const what = refs.length === 1 ? 'the file has' : `the ${refs.length} files have`;
  throw failure(
    'InvalidInput',
    `${what} ${formatByteSize(bytes)}; at most ${formatByteSize(maxBytes)} are sent`,
    { next: `read ${refs.map(({ uri }) => uri).join(', ')} from the artifact store` },
  );
}

async function fetchPart(
  { artifacts, refs, scratch, signal }: OpenDownload,
  place: number,
): Promise<void> {
  const ref = refs[place];
  if (ref) await artifacts.toFile(ref, scratch.path(String(place)), { signal });
}

async function* readPart(download: OpenDownload, place: number): AsyncGenerator<Buffer> {
  if (place > 0) await fetchPart(download, place);
  const path = download.scratch.path(String(place));
  for await (const chunk of createReadStream(path)) yield chunk as Buffer;
  // One part is on the disk at a time.
  await rm(path, { force: true });
}

async function* readLines(download: OpenDownload): AsyncGenerator<Buffer> {
  for (const place of download.refs.keys()) {
    let last: number | undefined;
    for await (const chunk of readPart(download, place)) {
      last = chunk.at(-1);
      yield chunk;
    }
    if (last !== undefined && last !== lineEnd) yield Buffer.of(lineEnd);
  }
}

const lineEnd = 0x0a;

/**
 * Closes the connection of a reader that reads nothing or takes too long. Its status has been sent,
 * so the caller sees a body that is too short.
 */
function closeUnread(
  { raw, request }: FastifyReply,
  { stallMs, bodyMs }: DownloadLimits,
  log: DownloadDeps['log'],
): void {
  const close = (why: string): void => {
    const { method, url, traceId } = request;
    log.warn({ method, url, traceId }, `a download was closed: ${why}`);
    raw.destroy();
  };
  // The time starts again whenever the system has accepted a part.
  raw.setTimeout(stallMs, () => close(`its reader read nothing for ${stallMs / 1000} s`));
  const end = setTimeout(() => close(`it took more than ${bodyMs / 1000} s`), bodyMs).unref();
  raw.once('close', () => clearTimeout(end));
}
