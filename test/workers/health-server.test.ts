import { connect, type Socket } from 'node:net';
import { openHealthServer, type HealthServer } from '../../workers/health-server';
import { livezDuring } from '../support/process/livez';
import { until } from '../support/time/until';

let server: HealthServer;
beforeEach(async () => {
  server = await openHealthServer('127.0.0.1', 0, () => true);
});
afterEach(() => server.close());

test('/livez of a worker answers while 300 callers never finish their requests', async () => {
  const { hostname, port } = new URL(server.url);
  const stalled: Socket[] = [];
  try {
    for (let at = 0; at < 300; at += 1) {
      const socket = connect(Number(port), hostname).on('error', () => undefined);
      socket.write('GET /metrics HTTP/1.1\r\nHost: x\r\nX-Slow: ');
      stalled.push(socket);
    }
    await until(() => stalled.every((socket) => !socket.connecting));
    const { value } = await livezDuring(server.url, 1_000, async () => {
      const answers = await Promise.all(
        Array.from({ length: 50 }, async () => (await fetch(`${server.url}/metrics`)).status),
      );
      return new Set(answers);
    });
    expect([...value]).toEqual([200]);
  } finally {
    for (const socket of stalled) socket.destroy();
  }
});
