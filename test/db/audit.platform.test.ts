import { generateKeyPairSync, sign as signBytes } from 'node:crypto';
import { wrongWithProof } from '../../db/audit/prove';
import { withActingKey } from '../../db/acting-key';
import { openDatabase } from '../../db/connection';
import type { AuditHead, AuditSigner } from '../../db/repositories/audit';
import { appendAudit } from '../../db/writes/audit-entry';
import { empty, openTestRegistry, tenant, type TestRegistry } from './registry-fixture';

const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const publicKeys = { k1: publicKey.export({ type: 'spki', format: 'der' }).toString('base64') };
const signer: AuditSigner = { keyId: 'k1', sign: (message) => signBytes(null, message, privateKey) };

describe('the audit log', () => {
  let test_: TestRegistry;
  let stored: AuditHead[];
  beforeAll(async () => {
    test_ = await openTestRegistry({ maxConnections: 10 });
  });
  afterAll(() => test_.close());
  beforeEach(async () => {
    await empty(test_, ['audit_log', 'audit_pending', 'audit_seals', 'audit_heads']);
    stored = [];
  });

  const append = async (count: number, cause = 'because') => {
    for (let n = 0; n < count; n++) {
      const entry = { tenant, actor: 'key:a', action: 'test', subject: `s:${n}`, cause, before: { n }, after: { list: [n, null] } };
      // Odd ones by a key, the others by the platform itself.
      await (n % 2 === 1 ? withActingKey('k1', () => appendAudit(test_.database.sql, entry)) : appendAudit(test_.database.sql, entry));
    }
  };
  const store = (head: AuditHead) => {
    stored.push(head);
    return Promise.resolve();
  };
  const seal = (limit?: number) => test_.registry.audit.seal({ tenant, signer, store, ...(limit !== undefined && { limit }) });
  const verify = (storedHeads: readonly AuditHead[] | undefined = stored) =>
    test_.registry.audit.verify({ tenant, publicKeys, storedHeads });
  const found = async (storedHeads?: readonly AuditHead[]) => (await verify(storedHeads)).findings.map(({ kind }) => kind);
  /** As someone with all rights on the database would. */
  const tamper = (statement: string) =>
    test_.database.sql.begin(async (tx) => {
      await tx`set local session_replication_role = replica`;
      await tx.unsafe(statement);
    });

  test.each(['audit_log', 'audit_seals', 'audit_heads'])('%s refuses to be changed, deleted from or emptied', async (table) => {
    await append(2);
    await seal();
    const { sql } = test_.database;
    for (const statement of [`update ${table} set tenant_id = 'x'`, `delete from ${table}`, `truncate ${table} cascade`]) {
      await expect(sql.unsafe(statement)).rejects.toThrow(/append-only/);
    }
  });

  test('is sealed in chained, signed batches, each stored elsewhere, and then verifies', async () => {
    await append(7);
    const first = await seal(3);
    const second = await seal(3);
    const third = await seal();
    expect(await seal()).toBeNull();
    const heads = [first, second, third] as AuditHead[];
    expect(stored).toEqual(heads);
    expect(heads.map(({ batch, first: place, count }) => [batch, place, count])).toEqual([
      [1, 1, 3],
      [2, 4, 3],
      [3, 7, 1],
    ]);
    expect(heads.map(({ previous }) => previous)).toEqual([null, heads[0]?.digest, heads[1]?.digest]);
    expect(await verify()).toEqual({ rows: 7, batches: 3, unsealed: 0, findings: [], comparedWithStore: true });
    expect(await test_.registry.audit.verify({ tenant, publicKeys })).toMatchObject({ findings: [], comparedWithStore: false });
    expect(await test_.registry.audit.unsealedTenants()).toEqual([]);
    const { items } = await test_.registry.audit.list({ tenant, pageSize: 100 });
    expect(items.map(({ sealedAs }) => sealedAs)).toEqual([7, 6, 5, 4, 3, 2, 1]);
  });

  test('says how many rows wait to be sealed', async () => {
    await append(2);
    expect(await verify()).toMatchObject({ rows: 0, unsealed: 2, findings: [] });
    expect(await test_.registry.audit.unsealedTenants()).toEqual([tenant]);
  });

  test('seals a row that commits late although later ones are sealed already', async () => {
    const other = openDatabase({ url: test_.url });
    const [committed, written] = [gate(), gate()];
    const late = other.sql.begin(async (tx) => {
      await appendAudit(tx, { tenant, actor: 'late', action: 'test', subject: 's', cause: 'slow transaction' });
      written.open();
      await committed.opened;
    });
    await written.opened;
    await append(2);
    expect(await seal()).toMatchObject({ count: 2 });
    committed.open();
    await late;
    expect(await seal()).toMatchObject({ batch: 2, count: 1 });
    expect(await found()).toEqual([]);
    await other.close();
  });

  test('a row is written with what it describes or not at all', async () => {
    const undone = test_.database.sql.begin(async (tx) => {
      await appendAudit(tx, { tenant, actor: 'a', action: 'test', subject: 's', cause: 'c' });
      throw new Error('undone');
    });
    await expect(undone).rejects.toThrow('undone');
    expect(await seal()).toBeNull();
  });

  test('has one sealer at a time', async () => {
    await append(40);
    const answers = await Promise.all(Array.from({ length: 6 }, () => seal(10)));
    expect(answers.some((answer) => answer !== 'busy' && answer !== null)).toBe(true);
    while ((await seal(10)) !== null);
    expect(await verify()).toMatchObject({ rows: 40, findings: [] });
  });

  test('a head whose copy could not be stored is stored before another is made', async () => {
    await append(2);
    const failing = test_.registry.audit.seal({ tenant, signer, store: () => Promise.reject(new Error('S3 is away')) });
    await expect(failing).rejects.toThrow('S3 is away');
    expect(await test_.registry.audit.unsealedTenants()).toEqual([tenant]);
    await append(1);
    await expect(test_.registry.audit.seal({ tenant, signer, store: () => Promise.reject(new Error('still')) })).rejects.toThrow('still');
    await seal();
    expect(stored.map(({ batch, count }) => [batch, count])).toEqual([
      [1, 2],
      [2, 1],
    ]);
    expect(await found()).toEqual([]);
  });

  describe('finds', () => {
    beforeEach(async () => {
      await append(6);
      await seal(3);
      await seal(3);
    });

    test.each([
      ['actor', `update audit_log set actor = 'somebody' where subject = 's:1'`],
      ['key', `update audit_log set key_id = 'k2' where subject = 's:1'`],
      ['key taken away', `update audit_log set key_id = null where subject = 's:1'`],
      ['cause', `update audit_log set cause = 'none' where subject = 's:1'`],
      ['time', `update audit_log set at = at + interval '1 microsecond' where subject = 's:1'`],
      ['before', `update audit_log set before = '{"n":2}' where subject = 's:1'`],
      ['after, by a space only', `update audit_log set after = '{"list": [1,null]}' where subject = 's:1'`],
      ['before taken away', `update audit_log set before = null where subject = 's:1'`],
    ])('a changed row: its %s', async (_, statement) => {
      await tamper(statement);
      expect((await verify()).findings).toEqual([{ kind: 'changed', sealedAs: 2, detail: expect.any(String) as string }]);
    });

    test('a missing row, also when its seal is gone with it', async () => {
      await tamper(`delete from audit_log where subject = 's:4'`);
      expect((await verify()).findings).toEqual([{ kind: 'missing', sealedAs: 5, detail: expect.any(String) as string }]);
      await tamper(`delete from audit_seals where position = 5`);
      expect((await verify()).findings).toEqual([{ kind: 'missing', sealedAs: 5, detail: expect.any(String) as string }]);
    });

    test('a row changed together with its seal', async () => {
      await tamper(
        `update audit_log set actor = 'x' where subject = 's:1'; update audit_seals set leaf = 'sha256:${'a'.repeat(64)}' where position = 2`,
      );
      expect(await found()).toEqual(expect.arrayContaining(['rewritten']) as string[]);
    });

    test('the end cut off: rows, seals and heads', async () => {
      await tamper(
        `delete from audit_seals where batch = 2; delete from audit_heads where batch = 2; delete from audit_log where subject in ('s:3', 's:4', 's:5')`,
      );
      expect(await found()).toEqual(['cutOff']);
      expect(await test_.registry.audit.verify({ tenant, publicKeys })).toMatchObject({ findings: [], comparedWithStore: false });
    });

    test('a head removed while its seals are there', async () => {
      await tamper('delete from audit_heads where batch = 2');
      expect((await test_.registry.audit.verify({ tenant, publicKeys })).findings).toMatchObject([{ kind: 'cutOff', batch: 2 }]);
      await tamper('delete from audit_heads where batch = 1');
      expect(await found()).toContain('cutOff');
    });

    test('a sealed row made to look unsealed', async () => {
      await tamper('delete from audit_seals where batch = 2; delete from audit_heads where batch = 2');
      expect((await test_.registry.audit.verify({ tenant, publicKeys })).findings).toMatchObject([{ kind: 'rewritten' }]);
    });

    test('everything rewritten and sealed again by someone without the key', async () => {
      const forger = generateKeyPairSync('ed25519');
      await rewrite({ keyId: 'k1', sign: (message) => signBytes(null, message, forger.privateKey) });
      expect(await found()).toEqual(['badSignature', 'rewritten', 'cutOff']);
    });

    test('everything rewritten and sealed again by someone with the key, by the copies stored elsewhere', async () => {
      await rewrite(signer);
      expect((await test_.registry.audit.verify({ tenant, publicKeys })).findings).toEqual([]);
      expect(await found()).toEqual(['rewritten', 'cutOff']);
    });

    test('a forged copy', async () => {
      const forged = stored.map((head) => ({ ...head, count: head.count + 1 }));
      expect(await found(forged)).toEqual(['badSignature', 'badSignature']);
    });

    test('a head signed with a key that was not given', async () => {
      const report = await test_.registry.audit.verify({ tenant, publicKeys: {} });
      expect(report.findings.map(({ kind }) => kind)).toEqual(['badSignature', 'badSignature']);
    });

    async function rewrite(by: AuditSigner): Promise<void> {
      await tamper(`delete from audit_seals; delete from audit_heads; update audit_log set actor = 'x';
        insert into audit_pending (tenant_id, audit_id) select tenant_id, id from audit_log`);
      await test_.registry.audit.seal({ tenant, signer: by, store: () => Promise.resolve() });
    }
  });

  test('one row’s inclusion is proved without the database, and a forged proof is refused', async () => {
    await append(5);
    await seal();
    const { items } = await test_.registry.audit.list({ tenant, subject: 's:3', pageSize: 1 });
    const id = items[0]?.id ?? '';
    const proof = await test_.registry.audit.prove({ tenant, id });
    if (!proof) throw new Error('no proof');
    expect(JSON.parse(proof.content)).toMatchObject({ id, tenant, actor: 'key:a', before: '{"n":3}' });
    expect(wrongWithProof(proof, publicKeys)).toBeNull();
    expect(wrongWithProof({ ...proof, content: proof.content.replace('key:a', 'key:b') }, publicKeys)).toMatch(/signed root/);
    expect(wrongWithProof({ ...proof, index: proof.index - 1 }, publicKeys)).toMatch(/signed root/);
    expect(wrongWithProof({ ...proof, head: { ...proof.head, count: 4 } }, publicKeys)).toMatch(/digest/);
    expect(wrongWithProof(proof, {})).toMatch(/key/);
  });

  test('an unsealed or unknown row has no proof', async () => {
    await append(1);
    const { items } = await test_.registry.audit.list({ tenant, pageSize: 1 });
    expect(await test_.registry.audit.prove({ tenant, id: items[0]?.id ?? '' })).toBeNull();
    expect(await test_.registry.audit.prove({ tenant, id: 'aud_none' })).toBeNull();
  });
});

/** A promise that the test keeps. */
function gate(): { readonly opened: Promise<unknown>; readonly open: () => void } {
  const events = new EventTarget();
  return {
    opened: new Promise((resolve) => events.addEventListener('open', resolve)),
    open: () => events.dispatchEvent(new Event('open')),
  };
}
