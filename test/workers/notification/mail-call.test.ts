import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { sendMail } from '../../../workers/notification/mail-call';
import type { WebhookDelivery } from '../../../db/webhook/repository';
import type { Tenant } from '../../../domain/ids';
import { startMailReceiver } from '../../support/process/mail-receiver';

/** Greets, and then sends one line of an endless response every few milliseconds. */
function startEndlessServer(sockets: Socket[]): Promise<Server> {
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined).write('220 mail.example\r\n');
    const lines = setInterval(() => socket.write('250-more follows\r\n'), 5);
    socket.on('close', () => {
      clearInterval(lines);
    });
  });
  return new Promise((listening) => {
    server.listen(0, '127.0.0.1', () => {
      listening(server);
    });
  });
}

const delivery: WebhookDelivery = {
  tenant: 'airline' as Tenant,
  id: 'evt_1',
  target: 1,
  lifecycle: 'flight-delay',
  event: 'run.failed',
  subject: 'run_1',
  channel: 'email',
  url: 'mailto:ann@airline.example',
  secret: null,
  data: {},
  status: 'pending',
  tries: 1,
  attempts: [],
  createdAt: '2026-01-01T00:00:00.000Z',
  dueAt: '2026-01-01T00:00:00.000Z',
  endedAt: null,
};

test('an address that the server refuses beside others is an error that names it', async () => {
  const mail = await startMailReceiver();
  mail.refuse('gone@airline.example');
  try {
    const sent = await sendMail(
      { url: mail.url, from: 'perennial@airline.example' },
      { ...delivery, url: 'mailto:ann@airline.example,gone@airline.example' },
      { timeoutMs: 5_000, stopped: new AbortController().signal },
    );
    expect(mail.mails).toMatchObject([{ to: ['ann@airline.example'] }]);
    expect(sent).toMatchObject({
      status: 550,
      error: expect.stringMatching(
        /^the server refused gone@airline\.example and accepted the other addresses: .*no mailbox/,
      ) as string,
    });
  } finally {
    await mail.close();
  }
});

describe('a mail server whose response does not end', () => {
  let server: Server;
  const sockets: Socket[] = [];
  beforeEach(async () => {
    server = await startEndlessServer(sockets);
  });
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    await new Promise((closed) => server.close(closed));
  });
  const send = (timeoutMs: number, stopped: AbortSignal) => {
    const { port } = server.address() as AddressInfo;
    const from = 'perennial@airline.example';
    return sendMail({ url: `smtp://127.0.0.1:${port}`, from }, delivery, { timeoutMs, stopped });
  };

  test('is given up before another worker may send the same mail', async () => {
    await expect(send(100, new AbortController().signal)).rejects.toThrow(
      'no response within 0.3 s',
    );
  });

  test('does not delay the end of a worker', async () => {
    await expect(send(60_000, AbortSignal.timeout(50))).rejects.toThrow('the worker was stopped');
  });
});

describe('the mail about one incident', () => {
  const incident = (title: string) => ({
    id: 'inc_1',
    model: 'flight-delay',
    kind: 'drift',
    severity: 'warning',
    title,
    because: null,
    key: 'drift',
    link: null,
    story: {
      what: 'dep_delay changed',
      since: null,
      howLarge: null,
      features: [],
      slice: null,
      dataVersion: null,
      engineDid: 'nothing',
      waitsFor: null,
    },
  });

  test('keeps its subject when the title changes, and is one thread', async () => {
    const mail = await startMailReceiver();
    const send = (id: string, event: WebhookDelivery['event'], title: string) =>
      sendMail(
        { url: mail.url, from: 'perennial@airline.example' },
        { ...delivery, id, event, subject: 'inc_1', data: { incident: incident(title) } },
        { timeoutMs: 5_000, stopped: new AbortController().signal },
      );
    try {
      await send('evt_1', 'incident.opened', '1 of 9 features drifted');
      await send('evt_2', 'incident.updated', '2 of 9 features drifted');
      const [first, second] = mail.mails;
      expect(first?.headers['subject']).toBe('flight-delay: drift incident inc_1');
      expect(second?.headers).toMatchObject({
        subject: first?.headers['subject'],
        references: first?.headers['message-id'],
      });
      expect(second?.body).toContain('flight-delay: 2 of 9 features drifted');
    } finally {
      await mail.close();
    }
  });
});
