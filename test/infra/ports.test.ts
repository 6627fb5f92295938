import { spawn } from 'node:child_process';
import { createServer, type Server } from 'node:net';
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { freePort, freePorts, isFree } from '../../infra/ports';

const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

function listen(port: number): Promise<void> {
  const server = createServer();
  servers.push(server);
  return new Promise((ready, reject) =>
    server.once('error', reject).listen({ host: '127.0.0.1', port, exclusive: true }, ready),
  );
}

test('a server can listen on a free port, which is then no longer free', async () => {
  const port = await freePort();
  expect(await isFree(port)).toBe(true);
  await listen(port);
  expect(await isFree(port)).toBe(false);
});

test('ports differ and are outside of the range for outgoing connections', async () => {
  const ports = await freePorts(40);
  expect(new Set(ports).size).toBe(40);
  const settings = '/proc/sys/net/ipv4/ip_local_port_range';
  const low = existsSync(settings) ? parseInt(readFileSync(settings, 'utf8')) : 32_768;
  // Some systems use nearly all ports for outgoing connections.
  if (low > 17_000) expect(Math.max(...ports)).toBeLessThan(low);
});

test('processes that choose at the same time choose different ports', async () => {
  const script = `require('${resolve(__dirname, '..', '..', 'infra', 'ports')}').freePorts(17).then((ports) => process.stdout.write(JSON.stringify(ports)))`;
  const choose = async (): Promise<readonly number[]> => {
    const child = spawn(process.execPath, ['-r', 'tsx/cjs', '-e', script], {
      cwd: resolve(__dirname, '..', '..'),
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let text = '';
    for await (const chunk of child.stdout) text += String(chunk);
    return JSON.parse(text) as readonly number[];
  };
  const chosen = (await Promise.all([choose(), choose(), choose()])).flat();
  expect(new Set(chosen).size).toBe(51);
});
