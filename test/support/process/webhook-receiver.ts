import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { Webhook } from 'standardwebhooks';

export interface Call {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface WebhookReceiver {
  readonly url: string;
  readonly calls: readonly Call[];
  /** How calls are answered from now on; without an answer, a call hangs. */
  answer(by: (response: ServerResponse, call: Call) => void): void;
  close(): Promise<void>;
}

/** An HTTP server that records its requests. It accepts all of them until `answer` changes that. */
export async function startReceiver(): Promise<WebhookReceiver> {
  const calls: Call[] = [];
  let by: Parameters<WebhookReceiver['answer']>[0] = (response) =>
    void response.writeHead(204).end();
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const call = { path: request.url ?? '', headers: request.headers, body };
      calls.push(call);
      by(response, call);
    });
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    answer: (next) => void (by = next),
    close: () =>
      new Promise((closed) => {
        server.close(() => closed());
        server.closeAllConnections();
      }),
  };
}

/**
 * The checks of a receiver: the signature and the age of the call. @throws if either is invalid.
 */
export function verified({ headers, body }: Call, secret: string): unknown {
  const names = ['webhook-id', 'webhook-timestamp', 'webhook-signature'];
  const webhook = secret.startsWith('whsec_')
    ? new Webhook(secret)
    : new Webhook(secret, { format: 'raw' });
  return webhook.verify(
    body,
    Object.fromEntries(names.map((name) => [name, String(headers[name])])),
  );
}
