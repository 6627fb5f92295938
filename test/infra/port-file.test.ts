import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { choosePorts } from '../../infra/port-file';
import { freePort } from '../../infra/ports';

let folder: string;
let file: string;
const servers: Server[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'perennial-ports-'));
  file = join(folder, 'ports.json');
});
afterEach(async () => {
  await Promise.all(
    servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve))),
  );
  rmSync(folder, { recursive: true, force: true });
});

async function occupy(port: number): Promise<void> {
  const server = createServer();
  servers.push(server);
  await new Promise<void>((resolve) => server.listen({ host: '127.0.0.1', port }, resolve));
}

test('uses the preferred port while it is free, and the same ports at the next start', async () => {
  const preferred = await freePort();
  const first = await choosePorts(file, { api: { preferred }, database: {} });
  expect(first.ports.api).toBe(preferred);
  expect(first.moved).toEqual([]);
  expect(await choosePorts(file, { api: { preferred }, database: {} })).toEqual(first);
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(first.ports);
});

test('changes a port that another program uses, reports it, and keeps the new one', async () => {
  const preferred = await freePort();
  await occupy(preferred);
  const { ports, moved } = await choosePorts(file, { api: { preferred } });
  expect(ports.api).not.toBe(preferred);
  expect(moved).toEqual([{ name: 'api', from: preferred, to: ports.api }]);
  expect((await choosePorts(file, { api: { preferred } })).moved).toEqual([]);
});

test('a configured port that is in use gives an error with the setting', async () => {
  const exactly = await freePort();
  await occupy(exactly);
  const wish = choosePorts(file, { api: { exactly, setting: 'PERENNIAL_API_PORT' } });
  await expect(wish).rejects.toMatchObject({
    type: 'PlatformUnavailable',
    message: `Port ${exactly} (PERENNIAL_API_PORT) is in use by another program`,
  });
});

test('zero means any port, not the preferred one', async () => {
  const preferred = await freePort();
  const { ports, moved } = await choosePorts(file, { api: { preferred, exactly: 0 } });
  expect(ports.api).not.toBe(preferred);
  expect(moved).toEqual([]);
});

test('skips a free port that is not usable, even a remembered one', async () => {
  const { ports } = await choosePorts(file, { filer: {} });
  const again = await choosePorts(file, { filer: { usable: (port) => port !== ports.filer } });
  expect(again.ports.filer).not.toBe(ports.filer);
});

test('assigns no port twice', async () => {
  const exactly = await freePort();
  await expect(choosePorts(file, { api: { exactly }, gateway: { exactly } })).rejects.toThrow(
    /in use/,
  );
  const { ports } = await choosePorts(
    file,
    Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`p${index}`, {}])),
  );
  expect(new Set(Object.values(ports)).size).toBe(20);
});

test.each([[70_000], [-1], [1.5], ['8700'], [null]])(
  'a remembered %p is no port, and passed over',
  async (damaged) => {
    writeFileSync(file, JSON.stringify({ api: damaged }));
    expect((await choosePorts(file, { api: {} })).ports.api).toBeGreaterThan(0);
  },
);

test('a damaged port file is named, and can be removed by itself', async () => {
  writeFileSync(file, '');
  await expect(choosePorts(file, { api: {} })).rejects.toMatchObject({
    type: 'PlatformUnavailable',
    message: expect.stringContaining(file) as string,
    next: 'Remove it: the next start then chooses new ports',
  });
});
