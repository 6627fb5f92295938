import pino from 'pino';
import type { IncidentSeverity } from '../../../domain/incident/incident';
import type { NotifySpec } from '../../../domain/notification/notification';
import { lifecycleSecrets } from '../../../workers/access/secret-refs';
import { sendDeliveries, type DeliveryDeps } from '../../../workers/notification/deliveries';
import {
  toDigest,
  empty,
  openTestRegistry,
  refTo,
  spec,
  tenant,
  unique,
  type TestRegistry,
} from '../../db/registry-fixture';
import { startMailReceiver, type MailReceiver } from '../../support/process/mail-receiver';
import { startReceiver, type WebhookReceiver } from '../../support/process/webhook-receiver';

let test_: TestRegistry;
let mail: MailReceiver;
let slack: WebhookReceiver;
let logged: string;
beforeAll(async () => {
  test_ = await openTestRegistry();
});
afterAll(() => test_.close());
beforeEach(async () => {
  await empty(test_, ['webhook_deliveries', 'incidents']);
  mail = await startMailReceiver();
  slack = await startReceiver();
  logged = '';
});
afterEach(async () => {
  await mail.close();
  await slack.close();
});

const events = ['incident.opened', 'incident.updated', 'incident.resolved'] as const;
const mailTo = (...to: string[]): NotifySpec => ({ email: { to }, events });
const send = (over: Partial<DeliveryDeps> = {}) =>
  sendDeliveries(
    {
      webhooks: test_.registry.webhooks,
      readSecret: lifecycleSecrets(
        { SLACK_URL: `${slack.url}/services/T0/B0/very-secret` },
        { variables: ['SLACK_URL'], folder: null },
      ),
      allowPrivateAddresses: true,
      mailServer: { url: mail.url, from: 'Perennial <perennial@airline.example>' },
      pagesUrl: 'https://pages.example',
      timeoutMs: 5_000,
      log: pino({ level: 'debug' }, { write: (line: string) => void (logged += line) }),
      ...over,
    },
    new AbortController().signal,
  );
const applied = async (...notify: readonly NotifySpec[]): Promise<string> => {
  const lifecycle = unique('flights');
  const revision = {
    lifecycle,
    digest: toDigest(lifecycle),
    spec: { ...spec, name: lifecycle, notify },
    files: { 'a.sql': refTo('a') },
    contracts: {},
  };
  await test_.registry.lifecycles.apply({ tenant, revision, actor: 'key:test' });
  return lifecycle;
};
const raise = async (
  model: string,
  severity: IncidentSeverity,
  waitsFor: string | null = null,
  what = 'The unit of dep_delay changed.',
) => {
  const { incident } = await test_.registry.incidents.raise({
    tenant,
    model,
    version: 3,
    kind: 'drift',
    key: 'drift',
    severity,
    title: 'dep_delay <changed> & drifted',
    story: {
      what,
      since: '2013-06-01T00:00:00Z',
      howLarge: null,
      features: [{ name: 'dep_delay', effect: 0.42 }],
      slice: null,
      dataVersion: null,
      engineDid: 'nothing',
      waitsFor,
    },
  });
  return incident;
};
const log = async (lifecycle: string) =>
  (await test_.registry.webhooks.list({ tenant, lifecycle, pageSize: 50 })).items;

describe('mail', () => {
  test('about one incident is one thread, and tells its story', async () => {
    const model = await applied(mailTo('ann@airline.example', 'bob@airline.example'));
    const { id } = await raise(model, 'warning');
    await send();
    await raise(model, 'warning', 'A person must repair the source.');
    await send();
    await test_.registry.incidents.resolve({ tenant, model, key: 'drift', because: 'repaired' });
    await send();
    const [opened, updated, resolved] = mail.mails;
    expect(mail.mails).toHaveLength(3);
    expect(opened?.to).toEqual(['ann@airline.example', 'bob@airline.example']);
    expect(opened?.headers).toMatchObject({
      from: 'Perennial <perennial@airline.example>',
      subject: `${model}: drift incident ${id}`,
    });
    expect(opened?.headers).not.toHaveProperty('references');
    for (const line of [
      `${model}: dep_delay <changed> & drifted`,
      'What changed: The unit of dep_delay changed.',
      'Features: dep_delay (0.42)',
      `Incident: ${id}`,
      `More: https://pages.example/monitoring/${model}`,
    ])
      expect(opened?.body).toContain(line);
    const thread = opened?.headers['message-id'];
    for (const reply of [updated, resolved])
      expect(reply?.headers).toMatchObject({ 'in-reply-to': thread, references: thread });
    expect(updated?.headers['message-id']).not.toBe(resolved?.headers['message-id']);
    expect(resolved?.body).toContain('Resolved: repaired');
    expect((await log(model)).map(({ status }) => status)).toEqual(Array(3).fill('delivered'));
  });

  test('that is sent again has the same Message-ID', async () => {
    const model = await applied(mailTo('ann@airline.example'));
    await raise(model, 'warning');
    await send();
    const [delivery] = await log(model);
    await test_.registry.webhooks.redeliver({
      tenant,
      id: delivery?.id ?? '',
      target: null,
      actor: 'key:ann',
    });
    await send();
    const ids = mail.mails.map(({ headers }) => headers['message-id']);
    expect(ids).toHaveLength(2);
    expect(ids[0]).toBe(ids[1]);
  });

  test('to an unknown mailbox fails at once, with the answer of the server', async () => {
    mail.refuse('gone@airline.example');
    const model = await applied(mailTo('gone@airline.example'));
    await raise(model, 'warning');
    await send();
    expect(await log(model)).toMatchObject([
      {
        status: 'failed',
        attempts: [
          {
            status: 550,
            error: expect.stringContaining('no mailbox gone@airline.example') as string,
          },
        ],
      },
    ]);
  });

  test('waits while no server answers, and without a server names the setting', async () => {
    const model = await applied(mailTo('ann@airline.example'));
    await raise(model, 'warning');
    await send({ mailServer: { url: 'smtp://127.0.0.1:1', from: 'perennial@airline.example' } });
    expect(await log(model)).toMatchObject([{ status: 'pending', attempts: [{ status: null }] }]);
    await test_.database.sql`update webhook_deliveries set due_at = now()`;
    await send({ mailServer: null });
    const [{ attempts } = { attempts: [] }] = await log(model);
    expect(attempts.at(-1)?.error).toContain('set PERENNIAL_SMTP_URL');
    expect(mail.mails).toEqual([]);
  });
});

describe('a webhook that accepts messages of Slack', () => {
  const target: NotifySpec = { slack: { env: 'SLACK_URL' }, events };

  test('gets text and blocks within the limits, and its URL is in no log', async () => {
    const model = await applied(target);
    const { id } = await raise(model, 'critical');
    await send();
    const [call] = slack.calls;
    expect(call?.path).toBe('/services/T0/B0/very-secret');
    const message = JSON.parse(call?.body ?? '') as SlackMessage;
    expect(listProblems(message)).toEqual([]);
    expect(message.text).toContain('dep_delay &lt;changed&gt; &amp; drifted');
    expect(message.text).toContain('Incident opened (critical)');
    expect(JSON.stringify(message.blocks)).toContain(id);
    const [delivery] = await log(model);
    expect(delivery).toMatchObject({
      channel: 'slack',
      url: 'slack:SLACK_URL',
      status: 'delivered',
    });
    expect(logged + JSON.stringify(delivery)).not.toContain('very-secret');
  });

  test('gets the title and the id of the incident with each update', async () => {
    const model = await applied(target);
    const { id } = await raise(model, 'warning');
    await send();
    await raise(model, 'warning', 'A person must repair the source.');
    await send();
    await test_.registry.incidents.resolve({ tenant, model, key: 'drift', because: 'repaired' });
    await send();
    expect(slack.calls).toHaveLength(3);
    for (const { body } of slack.calls) {
      const { blocks } = JSON.parse(body) as SlackMessage;
      expect(JSON.stringify(blocks[0])).toContain(`${model}: dep_delay <changed> & drifted`);
      expect(JSON.stringify(blocks.at(-1))).toContain(id);
    }
  });

  test('gets the whole link, however long the story is', async () => {
    const model = await applied(target);
    await raise(model, 'critical', null, 'x'.repeat(4_000));
    await send();
    const message = JSON.parse(slack.calls[0]?.body ?? '') as SlackMessage;
    expect(listProblems(message)).toEqual([]);
    expect(JSON.stringify(message.blocks)).toContain(
      `*More*: https://pages.example/monitoring/${model}`,
    );
  });

  test('gets the command where the address of the pages is not set', async () => {
    const model = await applied(target);
    await raise(model, 'critical');
    await send({ pagesUrl: null });
    expect(slack.calls[0]?.body).toContain(`*More*: perennial monitor show ${model}`);
  });

  test('is retried, and does not end with 410 as a webhook does', async () => {
    slack.answer((response) => void response.writeHead(410).end());
    const model = await applied(target);
    await raise(model, 'warning');
    await send();
    expect(await log(model)).toMatchObject([{ status: 'pending', attempts: [{ status: 410 }] }]);
    expect(logged).not.toContain('very-secret');
  });
});

describe('quiet hours', () => {
  const quiet: NotifySpec = {
    ...mailTo('ann@airline.example'),
    quietHours: { from: '22:00', until: '07:00', timezone: 'Europe/Berlin' },
  };
  const night = () => new Date('2099-01-10T23:30:00Z');

  test('defer a warning to their end, and let critical incidents pass', async () => {
    const [calm, urgent] = [await applied(quiet), await applied(quiet)];
    await raise(calm, 'warning');
    await raise(urgent, 'critical');
    expect(await send({ now: night })).toBe(1);
    expect(await log(urgent)).toMatchObject([{ status: 'delivered' }]);
    const [waiting] = await log(calm);
    expect(waiting).toMatchObject({ status: 'pending', attempts: [], tries: 0 });
    expect(new Date(waiting?.dueAt ?? '').toISOString()).toBe('2099-01-11T06:00:00.000Z');
    await test_.database.sql`update webhook_deliveries set due_at = now() where status = 'pending'`;
    expect(await send({ now: () => new Date('2099-01-11T06:00:00Z') })).toBe(1);
    expect(mail.mails).toHaveLength(2);
  });
});

interface SlackMessage {
  readonly text: string;
  readonly blocks: readonly {
    readonly type: string;
    readonly text?: { readonly type: string; readonly text: string };
    readonly elements?: readonly { readonly type: string; readonly text: string }[];
  }[];
}

/** The rules of Slack's Block Kit for the blocks that Perennial sends. */
function listProblems({ text, blocks }: SlackMessage): readonly string[] {
  const problems: string[] = [];
  if (text.length === 0 || text.length > 40_000) problems.push('text');
  if (blocks.length === 0 || blocks.length > 50) problems.push('blocks');
  for (const { type, text: content, elements } of blocks) {
    const length = content?.text.length ?? 0;
    if (type === 'header') {
      if (content?.type !== 'plain_text' || length < 1 || length > 150) problems.push(type);
    } else if (type === 'section') {
      if (content?.type !== 'mrkdwn' || length < 1 || length > 3_000) problems.push(type);
    } else if (type === 'context') {
      if (elements?.every((each) => each.type === 'mrkdwn' && each.text !== '') !== true)
        problems.push(type);
    } else problems.push(`unknown block ${type}`);
  }
  return problems;
}
