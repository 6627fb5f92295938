import { setTimeout as sleep } from 'node:timers/promises';
import { computeFingerprint, toKeyId, requestKey } from '../../../db/audit/keys';
import { proofProblem } from '../../../db/audit/check-proof';
import { hashLeaf } from '../../../db/audit/content';
import { signHead } from '../../../db/audit/head';
import { withActingKey } from '../../../db/acting-key';
import { openDatabase } from '../../../db/connection';
import { readPlaces } from '../../../db/audit/verify';
import type { AuditHead, AuditKey, AuditSigner } from '../../../db/audit/records';
import { appendAudit } from '../../../db/audit/entry';
import { memoryArchive, newSigner, registerFirst, type MemoryArchive } from './fixture';
import { empty, openTestRegistry, tenant, type TestRegistry } from '../registry-fixture';

const signer = newSigner();
const ownKey = computeFingerprint(signer.publicKey);

describe('the audit log', () => {
  let test_: TestRegistry;
  let archive: MemoryArchive;
  beforeAll(async () => {
    test_ = await openTestRegistry({ maxConnections: 10 });
  });
  afterAll(() => test_.close());
  beforeEach(async () => {
    await empty(test_, [
      'audit_log',
      'audit_pending',
      'audit_seals',
      'audit_heads',
      'audit_keys',
      'audit_copies',
    ]);
    archive = memoryArchive();
    await registerFirst(test_.registry, signer);
  });

  const append = async (count: number, cause = 'because') => {
    for (let n = 0; n < count; n++) {
      const entry = {
        tenant,
        actor: 'key:a',
        action: 'test',
        subject: `s:${n}`,
        cause,
        before: { n },
        after: { list: [n, null] },
      };
      // Odd rows by a key, even rows by the platform itself.
      await (n % 2 === 1
        ? withActingKey('k1', () => appendAudit(test_.database.sql, entry))
        : appendAudit(test_.database.sql, entry));
    }
  };
  const seal = (limit?: number, by = signer) =>
    test_.registry.audit.seal({
      tenant,
      signer: by,
      archive,
      ...(limit !== undefined && { limit }),
    });
  const verify = (over: Partial<Parameters<typeof test_.registry.audit.verify>[0]> = {}) =>
    test_.registry.audit.verify({
      tenant,
      trust: { fingerprints: [], ownKey },
      archives: [archive],
      ...over,
    });
  const found = async (over: Parameters<typeof verify>[0] = {}) =>
    (await verify(over)).findings.map(({ kind }) => kind);
  /** Like a person with all rights on the database. */
  const tamper = (statement: string) =>
    test_.owner.sql.begin(async (tx) => {
      await tx`set local session_replication_role = replica`;
      await tx.unsafe(statement);
    });

  test.each(['audit_log', 'audit_seals', 'audit_heads', 'audit_keys'])(
    '%s cannot be changed, deleted from or truncated, not even by the owner of the tables',
    async (table) => {
      await append(2);
      await seal();
      const { sql } = test_.owner;
      for (const statement of [
        `update ${table} set tenant_id = 'x'`,
        `delete from ${table}`,
        `truncate ${table} cascade`,
      ]) {
        await expect(sql.unsafe(statement)).rejects.toThrow(/append-only/);
      }
    },
  );

  test('is sealed in chained, signed batches, each stored elsewhere, and then verifies', async () => {
    await append(7);
    const first = await seal(3);
    const second = await seal(3);
    const third = await seal();
    expect(await seal()).toBeNull();
    const heads = [first, second, third] as AuditHead[];
    expect(archive.stored).toEqual(heads);
    expect(heads.map(({ batch, first: place, count }) => [batch, place, count])).toEqual([
      [1, 1, 3],
      [2, 4, 3],
      [3, 7, 1],
    ]);
    expect(heads.map(({ previous }) => previous)).toEqual([
      null,
      heads[0]?.digest,
      heads[1]?.digest,
    ]);
    expect(await verify()).toMatchObject({
      rows: 7,
      batches: 3,
      unsealed: 0,
      findings: [],
      trustedBy: 'ownKey',
      copies: [{ place: archive.place, heads: 3, waiting: 0 }],
      checkpoint: { batch: 3, digest: heads[2]?.digest },
    });
    expect(await verify({ archives: [] })).toMatchObject({ findings: [], copies: [] });
    expect(await test_.registry.audit.unsealedTenants([archive.place])).toEqual([]);
    const { items } = await test_.registry.audit.list({ tenant, pageSize: 100 });
    expect(items.map(({ sealedAs }) => sealedAs)).toEqual([7, 6, 5, 4, 3, 2, 1]);
  });

  test('reports how many rows wait to be sealed', async () => {
    await append(2);
    expect(await verify()).toMatchObject({
      rows: 0,
      unsealed: 2,
      unsealedSince: expect.any(String) as string,
      findings: [],
    });
    expect(await test_.registry.audit.unsealedTenants([archive.place])).toEqual([tenant]);
  });

  test('seals a row that commits late, after later rows were sealed', async () => {
    const other = openDatabase({ url: test_.url });
    const [committed, written] = [gate(), gate()];
    const late = other.sql.begin(async (tx) => {
      await appendAudit(tx, {
        tenant,
        actor: 'late',
        action: 'test',
        subject: 's',
        cause: 'slow transaction',
      });
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

  test('a row is written in the transaction of its change, or not at all', async () => {
    const undone = test_.database.sql.begin(async (tx) => {
      await appendAudit(tx, { tenant, actor: 'a', action: 'test', subject: 's', cause: 'c' });
      throw new Error('undone');
    });
    await expect(undone).rejects.toThrow('undone');
    expect(await seal()).toBeNull();
  });

  test('is sealed by one process at a time', async () => {
    await append(40);
    const answers = await Promise.all(Array.from({ length: 6 }, () => seal(10)));
    expect(answers.some((answer) => answer !== 'busy' && answer !== null)).toBe(true);
    while ((await seal(10)) !== null);
    expect(await verify()).toMatchObject({ rows: 40, findings: [] });
  });

  test('a head whose copy failed is copied before the next head is made', async () => {
    // The keys are copied first.
    expect(await seal()).toBeNull();
    await append(2);
    archive.away = new Error('S3 is away');
    await expect(seal()).rejects.toThrow('S3 is away');
    expect(await test_.registry.audit.unsealedTenants([archive.place])).toEqual([tenant]);
    await append(1);
    await expect(seal()).rejects.toThrow('S3 is away');
    archive.away = null;
    await seal();
    expect(archive.stored.map(({ batch, count }) => [batch, count])).toEqual([
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
      ['key removed', `update audit_log set key_id = null where subject = 's:1'`],
      ['cause', `update audit_log set cause = 'none' where subject = 's:1'`],
      ['time', `update audit_log set at = at + interval '1 microsecond' where subject = 's:1'`],
      ['before', `update audit_log set before = '{"n":2}' where subject = 's:1'`],
      [
        'after, changed by one space',
        `update audit_log set after = '{"list": [1,null]}' where subject = 's:1'`,
      ],
      ['before removed', `update audit_log set before = null where subject = 's:1'`],
    ])('a changed row: %s', async (_, statement) => {
      await tamper(statement);
      expect((await verify()).findings).toEqual([
        { kind: 'changed', sealedAs: 2, detail: expect.any(String) as string },
      ]);
    });

    test('a missing row, also if its seal is missing too', async () => {
      await tamper(`delete from audit_log where subject = 's:4'`);
      expect((await verify()).findings).toEqual([
        { kind: 'missing', sealedAs: 5, detail: expect.any(String) as string },
      ]);
      await tamper(`delete from audit_seals where position = 5`);
      expect((await verify()).findings).toEqual([
        { kind: 'missing', sealedAs: 5, detail: expect.any(String) as string },
      ]);
    });

    test('a row changed together with its seal', async () => {
      await tamper(
        `update audit_log set actor = 'x' where subject = 's:1'; update audit_seals set leaf = 'sha256:${'a'.repeat(64)}' where position = 2`,
      );
      expect(await found()).toEqual(expect.arrayContaining(['rewritten']) as string[]);
    });

    test('a truncated log: rows, seals and heads', async () => {
      await tamper(
        `delete from audit_seals where batch = 2; delete from audit_heads where batch = 2; delete from audit_log where subject in ('s:3', 's:4', 's:5')`,
      );
      expect(await found()).toEqual(['cutOff']);
      expect(await verify({ archives: [] })).toMatchObject({ findings: [], copies: [] });
    });

    test('a removed head whose seals remain', async () => {
      await tamper('delete from audit_heads where batch = 2');
      expect((await verify({ archives: [] })).findings).toMatchObject([
        { kind: 'cutOff', batch: 2 },
      ]);
      await tamper('delete from audit_heads where batch = 1');
      expect(await found()).toContain('cutOff');
    });

    test('a sealed row that was changed to look unsealed', async () => {
      await tamper(
        'delete from audit_seals where batch = 2; delete from audit_heads where batch = 2',
      );
      expect((await verify({ archives: [] })).findings).toMatchObject([{ kind: 'rewritten' }]);
    });

    test('a log that was rewritten and sealed again without the key', async () => {
      // With the id of the real key, but without its signature.
      await rewrite({ ...newSigner(), keyId: signer.keyId, publicKey: signer.publicKey });
      expect(await found()).toEqual(['badSignature', 'rewritten', 'cutOff']);
    });

    test('a log that was rewritten and sealed again with the key, by comparison with the copies', async () => {
      await rewrite(signer);
      expect((await verify({ archives: [] })).findings).toEqual([]);
      expect(await found()).toEqual(['rewritten', 'cutOff']);
    });

    test('a forged copy', async () => {
      archive.stored = archive.stored.map((head) => ({ ...head, count: head.count + 1 }));
      expect(await found()).toEqual(['badSignature', 'badSignature']);
    });

    test('removed copies, with their batches and place', async () => {
      await append(1);
      await seal();
      archive.stored = archive.stored.filter(({ batch }) => batch === 2);
      const { findings } = await verify();
      expect(findings).toMatchObject([
        {
          kind: 'missingCopy',
          batch: 1,
          lastBatch: 1,
          place: 'store:memory',
          detail: expect.stringContaining('batch 1 is missing in store:memory') as string,
        },
        { kind: 'missingCopy', batch: 3, lastBatch: 3 },
      ]);
      archive.storedKeys = [];
      expect((await verify()).findings).toContainEqual(
        expect.objectContaining({ kind: 'missingCopy', keyId: signer.keyId }),
      );
    });

    test('a removed copy, even if the copy position was moved back', async () => {
      archive.stored = [];
      await tamper(`update audit_copies set heads_through = 0`);
      // A copy that was not made yet is not missing.
      expect(await verify()).toMatchObject({ findings: [], copies: [{ heads: 0, waiting: 2 }] });
      await tamper(`update audit_heads set sealed_at = sealed_at - interval '2 hours'`);
      expect(await found()).toContain('missingCopy');
    });

    test('the removal of all copies, of heads and keys, even if the positions were moved back', async () => {
      archive.stored = [];
      archive.storedKeys = [];
      expect((await verify()).findings).toMatchObject([
        { kind: 'missingCopy', batch: 1, lastBatch: 2, place: 'store:memory' },
        { kind: 'missingCopy', keyId: signer.keyId, place: 'store:memory' },
      ]);
      await tamper(`update audit_copies set heads_through = 0, keys_through = 0`);
      await tamper(`update audit_heads set sealed_at = sealed_at - interval '2 hours'`);
      await tamper(`update audit_keys set added_at = added_at - interval '2 hours'`);
      expect((await verify()).findings).toEqual(
        expect.arrayContaining([
          expect.objectContaining({ kind: 'missingCopy', batch: 1, lastBatch: 2 }),
          expect.objectContaining({ kind: 'missingCopy', keyId: signer.keyId }),
        ]),
      );
    });

    test('a key that is not registered', async () => {
      await tamper('delete from audit_keys');
      expect(await found()).toEqual(
        expect.arrayContaining(['badSignature', 'changedKey']) as string[],
      );
    });

    describe('an added key in the database', () => {
      const attacker = newSigner();
      const insert = async (over: Partial<AuditKey>) => {
        const request = await requestKey(attacker, { tenant, previous: over.previous ?? null });
        const key = {
          kind: 'rotated',
          endorsement: 'AAAA',
          fromBatch: 3,
          ...over,
          keyId: attacker.keyId,
          consent: request.consent,
        };
        await tamper(`insert into audit_keys (tenant_id, sequence, kind, key_id, public_key, previous, from_batch, added_at, added_by, consent, endorsement)
          values ('${tenant}', ${key.sequence ?? 2}, '${key.kind}', '${key.keyId}', '${attacker.publicKey}',
            ${key.previous ? `'${key.previous}'` : 'null'}, ${key.fromBatch}, now(), 'setup', '${key.consent}', ${key.endorsement ? `'${key.endorsement}'` : 'null'})`);
      };

      test('without a valid endorsement', async () => {
        await insert({ kind: 'added', previous: ownKey });
        await append(1);
        await seal(10, attacker);
        expect((await verify()).findings).toMatchObject([
          { kind: 'untrustedKey', keyId: attacker.keyId },
        ]);
        expect(
          (await verify({ trust: { fingerprints: [], ownKey: null } })).findings,
        ).toMatchObject([{ kind: 'untrustedKey' }]);
      });

      test('that claims that the real key was lost; the real key stays trusted', async () => {
        await insert({ kind: 'lost', previous: ownKey, endorsement: null });
        await append(1);
        await seal(10, attacker);
        const { findings, keys } = await verify();
        expect(findings).toMatchObject([{ kind: 'untrustedKey', keyId: attacker.keyId }]);
        expect(keys).toMatchObject([
          { keyId: signer.keyId, trusted: true, untilBatch: null },
          { trusted: false },
        ]);
      });

      test('a replaced registry whose log was sealed again', async () => {
        await tamper('delete from audit_keys; delete from audit_copies');
        await insert({ sequence: 1, kind: 'first', endorsement: null, fromBatch: 1 });
        const copies = archive;
        archive = memoryArchive();
        await rewrite(attacker);
        const own = { fingerprints: [], ownKey };
        expect(
          (await verify({ archives: [], trust: own })).findings.map(({ kind }) => kind),
        ).toEqual(['untrustedKey', 'untrustedKey']);
        const setting = { fingerprints: [ownKey], ownKey: null };
        expect(
          (await verify({ archives: [], trust: setting })).findings.map(({ kind }) => kind),
        ).toEqual(['untrustedKey', 'untrustedKey']);
        // Without an externally trusted key, the copies show it.
        const nothing = { fingerprints: [], ownKey: null };
        expect((await verify({ archives: [], trust: nothing })).findings).toEqual([]);
        expect(await found({ archives: [copies], trust: nothing })).toEqual(
          expect.arrayContaining(['badSignature', 'changedKey']) as string[],
        );
      });
    });

    async function rewrite(by: AuditSigner): Promise<void> {
      await tamper(`delete from audit_seals; delete from audit_heads; update audit_log set actor = 'x';
        insert into audit_pending (tenant_id, audit_id) select tenant_id, id from audit_log`);
      await test_.registry.audit.seal({ tenant, signer: by, archive: memoryArchive('elsewhere') });
    }
  });

  test('has no findings while rows are written and sealed', async () => {
    const stop = new AbortController();
    const writing = (async () => {
      while (!stop.signal.aborted) {
        await append(3);
        await seal(2);
      }
    })();
    const reports = [];
    for (let round = 0; round < 40; round++) {
      reports.push(await verify());
      await sleep(2);
    }
    stop.abort();
    await writing;
    expect(reports.flatMap(({ findings }) => findings)).toEqual([]);
    // Batches were sealed in between.
    expect(new Set(reports.map(({ batches }) => batches)).size).toBeGreaterThan(5);
  });

  test('is verified from a checkpoint, which must be part of the log', async () => {
    await append(6);
    await seal(3);
    const { checkpoint } = await verify();
    if (checkpoint === null) throw new Error('no checkpoint');
    await seal(3);
    expect(await verify({ from: checkpoint })).toMatchObject({
      rows: 3,
      batches: 1,
      findings: [],
      from: checkpoint,
      checkpoint: { batch: 2 },
    });
    await tamper(`update audit_log set actor = 'x' where subject = 's:1'`);
    expect(await found({ from: checkpoint })).toEqual([]);
    expect(await found()).toEqual(['changed']);
    await tamper(`update audit_log set actor = 'x' where subject = 's:4'`);
    expect(await found({ from: checkpoint })).toEqual(['changed']);
    const other = { batch: 1, digest: `sha256:${'0'.repeat(64)}` as const };
    expect(await found({ from: other })).toEqual(['rewritten', 'changed']);
  });

  describe('and its keys', () => {
    const next = newSigner();
    const register = async (
      kind: 'added' | 'rotated' | 'lost',
      by: AuditSigner,
      endorser: AuditSigner | null = signer,
    ) =>
      test_.registry.audit.registerKey({
        request: await requestKey(by, { tenant, previous: ownKey }),
        kind,
        endorser,
        actor: 'local:me',
        cause: 'because',
      });

    test('of two machines both seal, without findings', async () => {
      await append(1);
      await seal();
      await register('added', next);
      await append(1);
      expect(await seal(10, next)).toMatchObject({ batch: 2, keyId: next.keyId });
      await append(1);
      expect(await seal(10, signer)).toMatchObject({ batch: 3, keyId: signer.keyId });
      expect(await verify()).toMatchObject({
        findings: [],
        trustedBy: 'ownKey',
        keys: [{ trusted: true }, { kind: 'added', fromBatch: 2, trusted: true }],
      });
      expect(
        await found({ trust: { fingerprints: [], ownKey: computeFingerprint(next.publicKey) } }),
      ).toEqual([]);
      expect(await found({ trust: { fingerprints: [], ownKey: null } })).toEqual([]);
      expect(archive.storedKeys.map(({ keyId }) => keyId)).toEqual([signer.keyId, next.keyId]);
      expect(
        (await test_.registry.audit.list({ tenant, action: 'auditKey.add', pageSize: 5 })).items,
      ).toMatchObject([{ actor: 'local:me', subject: `auditKey:${next.keyId}` }]);
    });

    test('are rotated: old batches verify, and the old key no longer seals', async () => {
      await append(1);
      await seal();
      await register('rotated', next);
      await expect(seal()).rejects.toMatchObject({
        type: 'Conflict',
        message: expect.stringContaining('was replaced by') as string,
      });
      await seal(10, next);
      expect(await verify()).toMatchObject({
        rows: 2,
        findings: [],
        keys: [{ untilBatch: 2 }, { fromBatch: 2, untilBatch: null }],
      });
      expect(
        await found({ trust: { fingerprints: [], ownKey: computeFingerprint(next.publicKey) } }),
      ).toEqual([]);
      // An attacker with the old key and the database.
      await tamper('update audit_keys set from_batch = 9 where sequence = 2');
      await expect(found()).resolves.toContain('untrustedKey');
    });

    test('that replace a lost one are trusted only where they are configured', async () => {
      await append(1);
      await seal();
      await register('lost', next, null);
      await seal(10, next);
      expect(await found()).toEqual(['untrustedKey']);
      expect(
        await found({ trust: { fingerprints: [], ownKey: computeFingerprint(next.publicKey) } }),
      ).toEqual([]);
      expect(
        await found({ trust: { fingerprints: [computeFingerprint(next.publicKey)], ownKey } }),
      ).toEqual([]);
    });

    test('must be registered before they seal, and are registered once', async () => {
      await append(1);
      await expect(seal(10, next)).rejects.toMatchObject({
        type: 'Conflict',
        next: expect.stringContaining('audit new-key') as string,
      });
      const first = await register('added', next);
      expect(await register('added', next)).toEqual(first);
      await expect(register('added', newSigner(), next)).rejects.toMatchObject({
        type: 'Conflict',
      });
      await expect(registerFirst(test_.registry, newSigner())).rejects.toMatchObject({
        type: 'Conflict',
      });
      const request = await requestKey(next, { tenant, previous: ownKey });
      const forged = { ...request, publicKey: newSigner().publicKey };
      await expect(
        test_.registry.audit.registerKey({
          request: forged,
          kind: 'added',
          endorser: signer,
          actor: 'a',
          cause: 'c',
        }),
      ).rejects.toMatchObject({ type: 'InvalidInput' });
      expect(first.keyId).toBe(toKeyId(next.publicKey));
    });
  });

  test('a second place gets its own copies, and verification compares with both', async () => {
    const second = memoryArchive('second:memory');
    await append(2);
    await seal(1);
    await seal(1);
    const places = [archive.place, second.place];
    expect(await test_.registry.audit.unsealedTenants(places)).toEqual([tenant]);
    await test_.registry.audit.copyTo({ tenant, archive: second });
    await test_.registry.audit.copyTo({ tenant, archive: second });
    expect(await test_.registry.audit.unsealedTenants(places)).toEqual([]);
    expect(second.stored).toEqual(archive.stored);
    const archives = [archive, second];
    expect(await verify({ archives })).toMatchObject({
      findings: [],
      copies: [{ heads: 2 }, { place: 'second:memory', heads: 2 }],
    });
    // An attacker with the database and the store, but not the second place.
    await tamper(`delete from audit_seals where batch = 2; delete from audit_heads where batch = 2; delete from audit_log where subject = 's:1';
      update audit_copies set heads_through = 1`);
    archive.stored = archive.stored.filter(({ batch }) => batch === 1);
    expect(await found()).toEqual([]);
    expect((await verify({ archives })).findings).toMatchObject([
      { kind: 'cutOff', batch: 2, detail: expect.stringContaining('second:memory') as string },
    ]);
  });

  test('a batch is read by the primary key, however many rows are sealed', async () => {
    await tamper(`
      insert into audit_heads (tenant_id, batch, first, count, root, previous, sealed_at, digest, key_id, signature)
        select '${tenant}', n, n * 20 - 19, 20, 'sha256:' || repeat('0', 64), case when n > 1 then 'x' end, now(), 'sha256:' || repeat('0', 64), 'k', 's'
        from generate_series(1, 2500) n;
      insert into audit_log (tenant_id, id, actor, action, subject, cause) select '${tenant}', 'aud_' || lpad(n::text, 8, '0'), 'a', 'b', 'c', 'd' from generate_series(1, 50000) n;
      insert into audit_seals (tenant_id, position, audit_id, leaf, batch)
        select '${tenant}', n, 'aud_' || lpad(n::text, 8, '0'), 'sha256:' || repeat('0', 64), (n + 19) / 20 from generate_series(1, 50000) n;`);
    const { sql } = test_.database;
    await test_.owner.sql.unsafe('analyze audit_seals; analyze audit_log; analyze audit_heads');
    const [plan] = await sql<
      { queryPlan: unknown }[]
    >`explain (format json) ${readPlaces(sql, { tenant, first: 24_981, count: 20 })}`;
    const text = JSON.stringify(plan);
    expect(text).toContain('audit_seals_pk');
    expect(text).toContain('audit_log_pk');
    expect(text).not.toContain('Seq Scan');
    const places = await readPlaces(sql, { tenant, first: 24_981, count: 20 });
    expect(places).toHaveLength(20);
  });

  test('the inclusion of a row is proved without the database, and a forged proof is refused', async () => {
    await append(5);
    await seal();
    const { items } = await test_.registry.audit.list({ tenant, subject: 's:3', pageSize: 1 });
    const id = items[0]?.id ?? '';
    const proof = await test_.registry.audit.prove({ tenant, id });
    expect(JSON.parse(proof.content)).toMatchObject({
      id,
      tenant,
      actor: 'key:a',
      before: '{"n":3}',
    });
    const trusted = [ownKey];
    expect(proofProblem(proof, trusted)).toBeNull();
    const content = proof.content.replace('key:a', 'key:b');
    expect(proofProblem({ ...proof, content }, trusted)).toMatch(/signed root/);
    expect(proofProblem({ ...proof, index: proof.index - 1 }, trusted)).toMatch(/signed root/);
    const head = { ...proof.head, count: 4 };
    expect(proofProblem({ ...proof, head }, trusted)).toMatch(/digest/);
    expect(proofProblem(proof, [])).toMatch(/not trusted/);
    // A forger can sign a head of their own, but not with the trusted key.
    const forger = newSigner();
    const forged = await signHead({ ...proof.head, root: hashLeaf(content), count: 1 }, forger);
    const forgery = { ...proof, content, index: 0, path: [], head: forged };
    expect(proofProblem({ ...forgery, publicKey: forger.publicKey }, trusted)).toMatch(
      /not trusted/,
    );
    expect(proofProblem(forgery, trusted)).toMatch(/signature/);
  });

  test('an unsealed or unknown row has no proof', async () => {
    await append(1);
    const { items } = await test_.registry.audit.list({ tenant, pageSize: 1 });
    await expect(
      test_.registry.audit.prove({ tenant, id: items[0]?.id ?? '' }),
    ).rejects.toMatchObject({ type: 'Conflict' });
    await expect(test_.registry.audit.prove({ tenant, id: 'aud_none' })).rejects.toMatchObject({
      type: 'NotFound',
    });
  });
});

/** A promise that the test resolves. */
function gate(): { readonly opened: Promise<unknown>; readonly open: () => void } {
  const events = new EventTarget();
  return {
    opened: new Promise((resolve) => events.addEventListener('open', resolve)),
    open: () => events.dispatchEvent(new Event('open')),
  };
}
