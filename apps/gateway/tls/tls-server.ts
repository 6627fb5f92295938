import type { RequestListener, Server } from 'node:http';
import {
  constants,
  createSecureServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import { uploadTimeoutMs } from '../http-app';
import type { Certificate } from './certificate';

/** The time without a request after which a connection is closed, as for HTTP/1.1 without TLS. */
const idleMs = 72_000;
/** Node's default of two minutes would also be the longest time for which a stop waits. */
const handshakeTimeoutMs = 10_000;
/** Fewer than a model may have in progress, so that one connection does not use all places. */
const maxStreams = 256;

/**
 * A server of HTTP/2 and HTTP/1.1 over TLS, between which a client chooses by ALPN. It has the
 * interface of a server of HTTP/1.1. `closeIdleConnections` also tells HTTP/2 clients to send
 * nothing more (GOAWAY); such a connection closes when its last answer has left.
 */
export function createTlsServer(
  certificate: Certificate,
  handle: RequestListener,
  { uploadMs = uploadTimeoutMs }: { readonly uploadMs?: number } = {},
): TlsServer {
  const sessions = new Set<ServerHttp2Session>();
  const server = createSecureServer(
    {
      ...certificate,
      allowHTTP1: true,
      handshakeTimeout: handshakeTimeoutMs,
      settings: { maxConcurrentStreams: maxStreams },
    },
    (request, response) => {
      if (request.httpVersionMajor === 2) limitUpload(request.stream, uploadMs);
      // Node's compatibility layer gives both protocols the same members.
      (handle as unknown as Http2Listener)(request, response);
    },
  );
  server.on('session', (session) => {
    sessions.add(session);
    session.once('close', () => sessions.delete(session));
    session.setTimeout(idleMs, () => session.close());
  });
  const plain = server as unknown as TlsServer;
  const closeIdleOfHttp1 = plain.closeIdleConnections.bind(plain);
  return Object.assign(plain, {
    keepAliveTimeout: idleMs,
    requestTimeout: uploadMs,
    // Node takes the longer of the two for the whole request.
    headersTimeout: uploadMs,
    closeIdleConnections() {
      closeIdleOfHttp1();
      for (const session of sessions) session.close();
    },
  });
}

export type TlsServer = Server & { setSecureContext(certificate: Certificate): void };

type Http2Listener = (request: Http2ServerRequest, response: Http2ServerResponse) => void;

/**
 * HTTP/1.1 has a limit for the upload of a request, but Node has none for HTTP/2. After an answer to
 * a request that was refused early, the rest of its body would keep the stream open.
 */
function limitUpload(stream: ServerHttp2Stream, uploadMs: number): void {
  if (stream.endAfterHeaders) return;
  const timer = setTimeout(() => stream.close(constants.NGHTTP2_CANCEL), uploadMs);
  const stop = (): void => clearTimeout(timer);
  stream.once('end', stop).once('close', stop);
  // RFC 9113, 8.1: without an error, because the client has its answer.
  stream.once('finish', () => {
    if (!stream.readableEnded) stream.close(constants.NGHTTP2_NO_ERROR);
  });
}
