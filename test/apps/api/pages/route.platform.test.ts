import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync } from 'node:zlib';
import { pageFolders } from '../../../../apps/api/pages/route';
import { openApiWorld, type ApiWorld } from '../support/api-world';

const documentText = '<!doctype html><title>pages</title>';
const script = 'console.log(1)';
let folder: string;
let world: ApiWorld;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'perennial-pages-'));
  mkdirSync(join(folder, 'assets'));
  writeFileSync(join(folder, 'index.html'), documentText);
  writeFileSync(join(folder, 'index.html.br'), brotliCompressSync(documentText));
  writeFileSync(join(folder, 'assets', 'index-1a2b.js'), script);
  writeFileSync(join(folder, 'assets', 'index-1a2b.js.br'), brotliCompressSync(script));
  world = await openApiWorld(undefined, undefined, undefined, undefined, folder);
});
afterAll(async () => {
  await world.close();
  rmSync(folder, { recursive: true, force: true });
});

const open = (path: string, init?: RequestInit) => fetch(`${world.url}${path}`, init);

describe('the pages', () => {
  test.each([
    '/',
    ...pageFolders.map((page) => `/${page}`),
    '/runs/run_1',
    '/models/churn/versions/3?x=1',
    '/models/%3Cscript%3E',
  ])('have one document: %s', async (path) => {
    // Every browser asks for a compressed document.
    const answer = await open(path, { headers: { 'accept-encoding': 'br' } });
    expect(answer.status).toBe(200);
    expect(await answer.text()).toBe(documentText);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'content-encoding': 'br',
      'cache-control': 'no-cache',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
    });
    const policy = answer.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("script-src 'self'");
    expect(policy).toContain("style-src 'self'");
    expect(policy).not.toMatch(/unsafe|https?:|\*/);
  });

  test('load files that browsers keep, compressed', async () => {
    const answer = await open('/assets/index-1a2b.js', { headers: { 'accept-encoding': 'br' } });
    expect(await answer.text()).toBe(script);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'content-encoding': 'br',
      'cache-control': 'public, max-age=31536000, immutable',
    });
  });

  test.each(['/assets/none.js', '/assets/..%2f..%2fpackage.json', '/assets/../index.js', '/none'])(
    'do not have %s',
    async (path) => {
      const answer = await open(path);
      expect([403, 404]).toContain(answer.status);
      expect(answer.headers.get('content-type')).toContain('application/problem+json');
    },
  );

  test('leave the routes of the API as they are', async () => {
    expect((await open('/openapi.json')).status).toBe(200);
    expect((await open('/docs')).status).toBe(200);
    expect((await open('/api/v1/runs')).status).toBe(401);
    const wrong = await open('/runs', { method: 'POST' });
    expect({ status: wrong.status, allow: wrong.headers.get('allow') }).toEqual({
      status: 405,
      allow: 'GET, HEAD',
    });
  });
});

test('pages that are not built are reported, and the API works', async () => {
  const other = await openApiWorld(undefined, undefined, undefined, undefined, join(folder, 'no'));
  try {
    const answer = await fetch(`${other.url}/`);
    expect(answer.status).toBe(503);
    expect(await answer.json()).toMatchObject({
      code: 'PagesNotBuilt',
      next: expect.stringContaining('provision') as string,
    });
    expect((await other.call('GET', '/runs')).status).toBe(200);
  } finally {
    await other.close();
  }
});
