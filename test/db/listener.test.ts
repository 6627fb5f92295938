import { createServer, type AddressInfo, type Socket } from 'node:net';
import { openListener } from '../../db/listener';

/** Like a standby server, which accepts connections and refuses LISTEN. */
async function openStandby() {
  const open = new Set<Socket>();
  const message = (type: string, body: Buffer): Buffer => {
    const head = Buffer.alloc(5, type);
    head.writeInt32BE(body.length + 4, 1);
    return Buffer.concat([head, body]);
  };
  const ready = message('Z', Buffer.from('I'));
  const refusal = message(
    'E',
    Buffer.from('SERROR\0C25006\0Mcannot execute LISTEN during recovery\0\0'),
  );
  const server = createServer((socket) => {
    open.add(socket.on('close', () => open.delete(socket)).on('error', () => undefined));
    socket.once('data', () => {
      socket.write(Buffer.concat([message('R', Buffer.alloc(4)), ready]));
      socket.on('data', (data) =>
        data.toString('latin1', 0, 1) === 'X'
          ? socket.end()
          : socket.write(Buffer.concat([refusal, ready])),
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = async (): Promise<void> => {
    for (const socket of open) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
  return { open, port: (server.address() as AddressInfo).port, close };
}

test('a connection that cannot listen is closed after each attempt', async () => {
  const standby = await openStandby();
  const listener = openListener({
    host: '127.0.0.1',
    port: standby.port,
    user: 'test',
    database: 'test',
  });
  for (let attempt = 0; attempt < 3; attempt++) {
    await expect(listener.listen('perennial_events', () => undefined)).rejects.toThrow(
      'cannot execute LISTEN during recovery',
    );
  }
  for (const deadline = Date.now() + 30_000; standby.open.size > 0 && Date.now() < deadline;)
    await new Promise((done) => setTimeout(done, 20));
  const left = standby.open.size;
  await Promise.all([listener.close(), standby.close()]);
  expect(left).toBe(0);
});

test('no connection is made again after the last listener has stopped', async () => {
  const standby = await openStandby();
  const listener = openListener({
    host: '127.0.0.1',
    port: standby.port,
    user: 'test',
    database: 'test',
  });
  await expect(listener.listen('perennial_events', () => undefined)).rejects.toThrow(
    'cannot execute LISTEN during recovery',
  );
  // Its loss started another connection, which exists by now.
  await new Promise((done) => setTimeout(done, 300));
  const left = standby.open.size;
  await Promise.all([listener.close(), standby.close()]);
  expect(left).toBe(0);
});
