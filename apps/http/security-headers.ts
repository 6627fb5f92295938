import type { FastifyInstance, FastifyReply } from 'fastify';

/**
 * For every response, including errors and streams. A browser must not guess its type, execute it,
 * show it in a frame, or send its address to other sites (OWASP HTTP Headers Cheat Sheet). Older
 * browsers know only X-Frame-Options.
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
 * For a page with scripts, styles and images of its own server. Swagger UI uses `style` attributes
 * and `data:` images.
 */
export const pagePolicy =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; " +
  "frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/** Policy for the pages of apps/web, which have no inline script and no inline style. */
export const appPolicy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
  "frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/** Must be the first hook, so that responses of later hooks have the headers too. */
export function addSecurityHeaders(app: FastifyInstance, { tls }: { readonly tls: boolean }): void {
  app.addHook('onRequest', (_request, reply, done) => {
    setSecurityHeaders(reply, { tls });
    done();
  });
}

/** Sets the headers of responses that bypass all hooks, as for a path that cannot be decoded. */
export function setSecurityHeaders(reply: FastifyReply, settings: { readonly tls: boolean }): void {
  void reply.headers(securityHeaders(settings));
}

export function securityHeaders({
  tls,
}: {
  readonly tls: boolean;
}): Readonly<Record<string, string>> {
  // One year. Browsers accept it only over TLS (RFC 6797, 7.2).
  return tls ? { ...always, 'strict-transport-security': 'max-age=31536000' } : always;
}
