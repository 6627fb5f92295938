import {
  applyLifecycle,
  toDigest,
  openTestRegistry,
  refTo,
  spec,
  tenant,
  unique,
  type TestRegistry,
} from '../registry-fixture';

describe('lifecycles', () => {
  let test_: TestRegistry;
  beforeAll(async () => {
    test_ = await openTestRegistry({ maxConnections: 20 });
  });
  afterAll(() => test_.close());

  const apply = async (lifecycle: string, content: string) => {
    const applied = await test_.registry.lifecycles.apply({
      tenant,
      revision: {
        lifecycle,
        digest: toDigest(content),
        spec: { ...spec, name: lifecycle, owner: content },
        files: { 'a.sql': refTo(content) },
        contracts: {},
      },
      actor: 'key:a',
    });
    if (applied.kind === 'pending') throw new Error(JSON.stringify(applied.proposal.loosenings));
    return applied;
  };

  test('the first revision is number 1, and applying it again changes nothing', async () => {
    const name = unique('lifecycle');
    const { revision, changed } = await apply(name, 'a');
    expect(changed).toBe(true);
    expect(revision).toMatchObject({
      lifecycle: name,
      revision: 1,
      digest: toDigest('a'),
      files: { 'a.sql': refTo('a') },
      contracts: {},
    });
    expect(await apply(name, 'a')).toEqual({ kind: 'inForce', revision, changed: false });
    expect(await test_.registry.lifecycles.get({ tenant, name })).toEqual(revision);
    const { items } = await test_.registry.audit.list({
      tenant,
      subject: `lifecycle:${name}`,
      pageSize: 5,
    });
    expect(items).toMatchObject([
      { action: 'lifecycle.apply', cause: 'created', after: { revision: 1 } },
    ]);
  });

  test('a change makes the next revision current; going back makes the old one current under its number', async () => {
    const name = unique('lifecycle');
    await apply(name, `${name} a`);
    await apply(name, `${name} b`);
    expect((await test_.registry.lifecycles.get({ tenant, name }))?.revision).toBe(2);
    expect(await apply(name, `${name} a`)).toMatchObject({
      changed: true,
      revision: { revision: 1 },
    });
    expect(await apply(name, `${name} c`)).toMatchObject({
      changed: true,
      revision: { revision: 3 },
    });
    expect(
      await test_.registry.lifecycles.get({ tenant, name, digest: toDigest(`${name} b`) }),
    ).toMatchObject({ revision: 2 });
    const { items } = await test_.registry.lifecycles.revisions({ tenant, name, pageSize: 2 });
    expect(items).toMatchObject([{ revision: 3, appliedBy: 'key:a' }, { revision: 2 }]);
  });

  test('applied by many at once, revisions are numbered without gaps and one is current', async () => {
    const name = unique('lifecycle');
    const applied = await Promise.all(
      Array.from({ length: 12 }, (_, n) => apply(name, `${name} ${n % 4}`)),
    );
    expect([...new Set(applied.map(({ revision }) => revision.revision))].sort()).toEqual([
      1, 2, 3, 4,
    ]);
    expect(await test_.registry.lifecycles.get({ tenant, name })).not.toBeNull();
  });

  test('an unknown lifecycle is null', async () => {
    expect(await test_.registry.lifecycles.get({ tenant, name: 'nowhere' })).toBeNull();
    const name = unique('lifecycle');
    await applyLifecycle(test_.registry, name);
    expect(
      await test_.registry.lifecycles.get({ tenant, name, digest: toDigest('never') }),
    ).toBeNull();
  });

  test('are listed by name, page by page', async () => {
    for (let n = 0; n < 3; n++) await apply(unique('paged'), 'x');
    const names: string[] = [];
    let pageToken: string | undefined;
    do {
      const page = await test_.registry.lifecycles.list({ tenant, pageSize: 2, pageToken });
      names.push(...page.items.map((item) => item.name));
      pageToken = page.nextPageToken ?? undefined;
    } while (pageToken !== undefined);
    expect(names).toEqual([...names].sort());
    expect(new Set(names).size).toBe(names.length);
    expect(names.filter((name) => name.startsWith('paged'))).toHaveLength(3);
  });

  test('a revision cannot be changed', async () => {
    await applyLifecycle(test_.registry, unique('lifecycle'));
    await expect(test_.owner.sql`update lifecycle_revisions set spec = '{}'`).rejects.toThrow(
      /append-only/,
    );
  });
});
