import fastify, { type FastifyInstance } from 'fastify';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { get, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { setTimeout as pause } from 'node:timers/promises';
import { openDownloads, defaultDownloadLimits } from '../../../apps/http/download';
import { sha256 } from '../../../data/digest';
import { defaultTenant } from '../../../domain/ids';
import { until } from '../../support/time/until';

/** More than the system buffers for a reader that reads nothing. */
const fileBytes = 64 << 20;
const texts = ['one\n', 'two', '', 'three'];

let app: FastifyInstance;
let folder: string;
let warnings: string[];

async function start(limits: Partial<typeof defaultDownloadLimits>): Promise<void> {
  app = fastify();
  app.decorateRequest('traceId', '');
  const downloads = openDownloads({
    artifacts: {
      toFile: ({ uri }, path) =>
        writeFile(path, uri === 'large' ? Buffer.alloc(fileBytes) : (texts[Number(uri)] ?? '')),
    },
    scratchRoot: folder,
    log: pino(
      { level: 'warn' },
      { write: (line: string) => void warnings.push((JSON.parse(line) as { msg: string }).msg) },
    ),
    limits: { ...defaultDownloadLimits, ...limits },
  });
  app.addHook('onRequest', (request, _, done) => {
    const key = String(request.headers['x-key']);
    request.caller = {
      id: key,
      tenant: defaultTenant,
      name: key,
      scope: 'viewer',
      isService: false,
      expiresAt: null,
    };
    done();
  });
  app.get('/file', async (request, reply) =>
    reply.send(await downloads.file(request, reply, ref('large', fileBytes))),
  );
  app.get('/logs', async (request, reply) => {
    const refs = texts.map((text, place) => ref(String(place), text.length));
    return reply.type('text/plain').send(await downloads.texts(request, reply, refs));
  });
  await app.listen({ port: 0 });
}

const ref = (uri: string, bytes: number) => ({
  uri,
  bytes,
  digest: sha256(uri),
  mediaType: 'text/plain',
});

/** The body is not read before somebody asks for it. */
function open(path: string, key = 'key_1'): Promise<IncomingMessage> {
  const { port } = app.server.address() as AddressInfo;
  return new Promise((resolve, reject) => {
    const headers = { 'x-key': key };
    get({ port, path, headers, agent: false }, resolve).once('error', reject);
  });
}

/** Resolves with the number of bytes until the body ends or breaks. */
async function read(response: IncomingMessage, everyMs = 0): Promise<number> {
  let bytes = 0;
  try {
    for await (const chunk of response) {
      bytes += (chunk as Buffer).byteLength;
      if (everyMs > 0) await pause(everyMs);
    }
  } catch {
    // The connection was closed.
  }
  return bytes;
}

const copies = (): number => readdirSync(folder).length;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'perennial-download-'));
  warnings = [];
});
afterEach(async () => {
  await app.close();
  rmSync(folder, { recursive: true, force: true });
});

test('the connection of a reader that reads nothing is closed, and the copy is removed', async () => {
  await start({ stallMs: 300 });
  const response = await open('/file');
  expect(response.statusCode).toBe(200);
  expect(copies()).toBe(1);
  await until(() => copies() === 0);
  expect(warnings).toEqual(['a download was closed: its reader read nothing for 0.3 s']);
  expect(await read(response)).toBeLessThan(fileBytes);
});

test('a reader that reads slowly is not stalled', async () => {
  await start({ stallMs: 1_000 });
  expect(await read(await open('/file'), 2)).toBe(fileBytes);
  await until(() => copies() === 0);
  expect(warnings).toEqual([]);
});

test('a reader that reads a little for ever is closed, too', async () => {
  await start({ bodyMs: 500 });
  expect(await read(await open('/file'), 20)).toBeLessThan(fileBytes);
  await until(() => copies() === 0);
  expect(warnings).toEqual(['a download was closed: it took more than 0.5 s']);
});

test('a reader that leaves gives back its place and its copy', async () => {
  await start({ perKey: 1 });
  const first = await open('/file');
  first.destroy();
  expect(await read(await open('/file'))).toBe(fileBytes);
  await until(() => copies() === 0);
});

test('the keys of one tenant share its places', async () => {
  await start({ perTenant: 2 });
  const opened = [await open('/file', 'key_1'), await open('/file', 'key_2')];
  let isOpen = false;
  const third = open('/file', 'key_3').then((response) => {
    isOpen = true;
    return response;
  });
  await pause(300);
  expect({ isOpen, copies: copies() }).toEqual({ isOpen: false, copies: 2 });
  opened[0]?.destroy();
  (await third).destroy();
  opened[1]?.destroy();
  await until(() => copies() === 0);
});

test('texts follow each other, each on its own line, with one copy at a time', async () => {
  await start({});
  const response = await open('/logs');
  let text = '';
  for await (const chunk of response) text += String(chunk);
  expect(text).toBe('one\ntwo\nthree\n');
});

test('files that are too large together are refused before they are read', async () => {
  await start({ maxBytes: 10 });
  const response = await open('/logs');
  expect(response.statusCode).toBe(500);
  let text = '';
  for await (const chunk of response) text += String(chunk);
  expect(text).toContain('the 4 files have 12 bytes; at most 10 bytes are sent');
  expect(copies()).toBe(0);
});
