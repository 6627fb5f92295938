import { randomBytes } from 'node:crypto';
import { allows, apiKeyScopes } from '../../../db/access/repository';
import { openTestRegistry, tenant, unique, type TestRegistry } from '../registry-fixture';

describe('API keys', () => {
  let test_: TestRegistry;
  beforeAll(async () => {
    test_ = await openTestRegistry();
  });
  afterAll(() => test_.close());

  const create = (over: object = {}) =>
    test_.registry.apiKeys.create({
      tenant,
      name: unique('ci'),
      scope: 'operator',
      actor: 'key:root',
      ...over,
    });
  const verify = (key: string) => test_.registry.apiKeys.verify(key);

  test('a key is verified by the text that was shown once; only its hash is stored', async () => {
    const name = unique('known');
    const { id, key } = await create({ name });
    expect(key).toMatch(/^pk_[0-9a-z]{26}_[0-9a-f]{64}$/);
    expect(await verify(key)).toEqual({
      id,
      tenant,
      name,
      scope: 'operator',
      isService: false,
      expiresAt: null,
    });
    const secret = key.split('_')[2] ?? '';
    const [row] = await test_.database.sql<
      { text: string }[]
    >`select api_keys::text as text from api_keys where id = ${id}`;
    expect(row?.text).not.toContain(secret);
    const { items } = await test_.registry.audit.list({
      tenant,
      subject: `key:${id}`,
      pageSize: 5,
    });
    expect(items).toMatchObject([
      { action: 'key.create', actor: 'key:root', after: { name, scope: 'operator' } },
    ]);
    expect(JSON.stringify(items)).not.toContain(secret);
  });

  describe('that the caller made', () => {
    const made = (): string =>
      `pk_${randomBytes(13).toString('hex')}_${randomBytes(32).toString('hex')}`;

    test('is stored as it is', async () => {
      const given = made();
      const { key } = await create({ given });
      expect(key).toBe(given);
      expect(await verify(given)).toMatchObject({ tenant, scope: 'operator' });
    });

    test('is refused if its id was used before, also after it was revoked', async () => {
      const { id, key } = await create({ given: made() });
      await test_.registry.apiKeys.revoke({ tenant, id, actor: 'key:root' });
      await expect(create({ given: key })).rejects.toMatchObject({
        type: 'Conflict',
        next: expect.stringContaining('openssl rand') as string,
      });
      expect(await verify(key)).toBeNull();
    });

    test('is refused without a trace of it if it is no key', async () => {
      await expect(create({ given: 'hunter2' })).rejects.toMatchObject({
        type: 'InvalidInput',
        message: expect.not.stringContaining('hunter2') as string,
      });
    });
  });

  test.each([
    ['another secret', (key: string) => key.slice(0, -1) + (key.endsWith('0') ? '1' : '0')],
    ['another id', (key: string) => key.replace(/^pk_./, 'pk_7')],
    ['no secret', (key: string) => key.slice(0, 29)],
    ['additional text', (key: string) => `${key}0`],
    ['upper case', (key: string) => key.toUpperCase()],
    ['nothing', () => ''],
    ['a NUL', (key: string) => key.replace('_', '\0')],
  ])('a key with %s is refused', async (_, change) => {
    const { key } = await create();
    expect(await verify(change(key))).toBeNull();
  });

  test('a revoked key is refused at once, revoking again changes nothing', async () => {
    const { id, key } = await create();
    const revoked = await test_.registry.apiKeys.revoke({ tenant, id, actor: 'key:root' });
    expect(revoked.revokedAt).not.toBeNull();
    expect(await verify(key)).toBeNull();
    expect(await test_.registry.apiKeys.revoke({ tenant, id, actor: 'key:root' })).toEqual(revoked);
    await expect(
      test_.registry.apiKeys.revoke({ tenant, id: 'none', actor: 'a' }),
    ).rejects.toMatchObject({ type: 'NotFound' });
  });

  test('an expired key is refused', async () => {
    const { key } = await create({ expiresAt: new Date(Date.now() - 1000).toISOString() });
    expect(await verify(key)).toBeNull();
    expect(
      await verify((await create({ expiresAt: new Date(Date.now() + 60_000).toISOString() })).key),
    ).not.toBeNull();
  });

  test('after a rotation both keys are valid for the overlap, then only the new one', async () => {
    const old = await create({ name: 'rotated', scope: 'approver' });
    const made = await test_.registry.apiKeys.rotate({
      tenant,
      id: old.id,
      actor: 'key:root',
      overlapSeconds: 60,
    });
    expect(Date.parse(made.oldValidUntil)).toBeGreaterThan(Date.now() + 50_000);
    expect(await verify(old.key)).toMatchObject({ id: old.id });
    expect(await verify(made.key)).toEqual({
      id: made.id,
      tenant,
      name: 'rotated',
      isService: false,
      scope: 'approver',
      expiresAt: null,
    });
    await test_.database.sql`update api_keys set expires_at = now() where id = ${old.id}`;
    expect(await verify(old.key)).toBeNull();
    expect(await verify(made.key)).not.toBeNull();
    await expect(
      test_.registry.apiKeys.rotate({ tenant, id: old.id, actor: 'a', overlapSeconds: 1 }),
    ).rejects.toMatchObject({
      type: 'Conflict',
    });
  });

  test('a rotation without overlap ends the old key at once, and never extends it', async () => {
    const soon = new Date(Date.now() + 30_000).toISOString();
    const { id, key } = await create({ expiresAt: soon });
    const made = await test_.registry.apiKeys.rotate({
      tenant,
      id,
      actor: 'a',
      overlapSeconds: 3600,
    });
    expect(made.oldValidUntil).toBe(soon);
    const last = await test_.registry.apiKeys.rotate({
      tenant,
      id: made.id,
      actor: 'a',
      overlapSeconds: 0,
    });
    expect(await verify(made.key)).toBeNull();
    expect(await verify(last.key)).not.toBeNull();
    expect(await verify(key)).not.toBeNull();
  });

  test('two valid keys never share a name, even if they are created at once', async () => {
    const name = unique('ada');
    const made = await Promise.allSettled(Array.from({ length: 5 }, () => create({ name })));
    expect(made.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(made.find((each) => each.status === 'rejected')?.reason).toMatchObject({
      type: 'Conflict',
      message: expect.stringContaining(`the name ${name} is already used`) as string,
      next: expect.stringContaining('perennial key revoke') as string,
    });
  });

  test('a name is free again once its key is revoked or has expired; a rotation keeps it', async () => {
    const name = unique('bob');
    const first = await create({ name });
    const second = await test_.registry.apiKeys.rotate({
      tenant,
      id: first.id,
      actor: 'a',
      overlapSeconds: 3600,
    });
    await expect(create({ name })).rejects.toMatchObject({ type: 'Conflict' });
    await expect(
      test_.registry.apiKeys.rotate({ tenant, id: first.id, actor: 'a', overlapSeconds: 1 }),
    ).rejects.toMatchObject({
      type: 'Conflict',
      next: `perennial key rotate ${second.id}`,
    });
    await test_.registry.apiKeys.revoke({ tenant, id: second.id, actor: 'a' });
    // The old key is valid during its overlap, under that name.
    await expect(create({ name })).rejects.toMatchObject({
      type: 'Conflict',
      message: expect.stringContaining(first.id) as string,
    });
    await test_.registry.apiKeys.revoke({ tenant, id: first.id, actor: 'a' });
    const brief = await create({ name, expiresAt: new Date(Date.now() + 60_000).toISOString() });
    await test_.database.sql`update api_keys set expires_at = now() where id = ${brief.id}`;
    await expect(create({ name })).resolves.toMatchObject({ id: expect.any(String) as string });
  });

  test('a rotation creates a key with the lifetime of the old one', async () => {
    const day = 86_400_000;
    const { id } = await create({ expiresAt: new Date(Date.now() + 90 * day).toISOString() });
    await test_.database
      .sql`update api_keys set created_at = now() - interval '80 days', expires_at = now() + interval '10 days' where id = ${id}`;
    const made = await test_.registry.apiKeys.rotate({
      tenant,
      id,
      actor: 'a',
      overlapSeconds: 60,
    });
    const { expiresAt } = (await verify(made.key)) ?? {};
    expect(Math.abs(Date.parse(expiresAt ?? '') - Date.now() - 90 * day)).toBeLessThan(60_000);
  });

  test('keys that expire soon and keys that have ended are found', async () => {
    const at = (seconds: number) => new Date(Date.now() + seconds * 1000).toISOString();
    const soon = await create({ expiresAt: at(86_400) });
    const later = await create({ expiresAt: at(30 * 86_400) });
    const replaced = await create({ expiresAt: at(86_400) });
    await test_.registry.apiKeys.rotate({
      tenant,
      id: replaced.id,
      actor: 'a',
      overlapSeconds: 600,
    });
    const past = await create({ expiresAt: at(-1) });
    const revoked = await create();
    await test_.registry.apiKeys.revoke({ tenant, id: revoked.id, actor: 'a' });
    const ids = [soon, later, replaced, past, revoked].map(({ id }) => id);
    const expiring = (await test_.registry.apiKeys.expiring({ days: 14 })).map(({ id }) => id);
    expect(expiring.filter((id) => ids.includes(id))).toEqual([soon.id]);
    expect(await test_.registry.apiKeys.ended([...ids, 'none'])).toEqual([
      past.id,
      revoked.id,
      'none',
    ]);
  });

  test('use is recorded, at most once a minute', async () => {
    const { id, key } = await create();
    await verify(key);
    const used = async () =>
      (await test_.registry.apiKeys.list({ tenant, pageSize: 100 })).items.find(
        (each) => each.id === id,
      )?.lastUsedAt;
    const first = await used();
    expect(first).toEqual(expect.any(String));
    await verify(key);
    expect(await used()).toBe(first);
    await test_.database
      .sql`update api_keys set last_used_at = now() - interval '2 minutes' where id = ${id}`;
    await verify(key);
    expect(Date.parse((await used()) ?? '')).toBeGreaterThan(Date.now() - 60_000);
  });

  test('the list shows no hash', async () => {
    await create();
    const { items } = await test_.registry.apiKeys.list({ tenant, pageSize: 100 });
    expect(Object.keys(items[0] ?? {}).sort()).toEqual([
      'createdAt',
      'createdBy',
      'expiresAt',
      'id',
      'isService',
      'lastUsedAt',
      'name',
      'revokedAt',
      'scope',
      'tenant',
    ]);
  });

  test('each scope includes those before it', () => {
    expect(
      apiKeyScopes.map((scope) => apiKeyScopes.map((needed) => allows(scope, needed))),
    ).toEqual([
      [true, false, false, false],
      [true, true, false, false],
      [true, true, true, false],
      [true, true, true, true],
    ]);
  });
});
