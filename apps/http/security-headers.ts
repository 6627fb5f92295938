import type { FastifyInstance, FastifyReply } from 'fastify';

/**
 * For every answer, errors and streams too: a browser must not guess its type, run anything in it,
 * show it in a frame, or tell other sites where it came from (OWASP HTTP Headers Cheat Sheet). The
 * two policies say the same; older browsers know X-Frame-Options alone.
 */
const always = {
  'x-content-type-options': 'nosniff',
  'content-security-policy':
    "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
} as const;

/**
 * For a page that has scripts, styles and images of its own server. Swagger UI writes `style`
 * attributes and `data:` images.
 */
export const pagePolicy =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; " +
  "frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/** Called before any other hook, so that an answer that a later hook gives has them as well. */
export function addSecurityHeaders(app: FastifyInstance, { tls }: { readonly tls: boolean }): void {
  app.addHook('onRequest', (_request, reply, done) => {
    setSecurityHeaders(reply, { tls });
    done();
  });
}

/** For answers that no hook sees, such as to a path that cannot be decoded. */
export function setSecurityHeaders(reply: FastifyReply, settings: { readonly tls: boolean }): void {
  void reply.headers(securityHeaders(settings));
}

export function securityHeaders({
  tls,
}: {
  readonly tls: boolean;
}): Readonly<Record<string, string>> {
  // One year. It counts only over TLS (RFC 6797, 7.2).
  return tls ? { ...always, 'strict-transport-security': 'max-age=31536000' } : always;
}
