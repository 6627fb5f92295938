import { withActingKey } from '../../../db/acting-key';
import fc from 'fast-check';
import type { PromptTemplate } from '../../../domain/prompt/prompt';
import { openTestRegistry, tenant, unique, type TestRegistry } from '../registry-fixture';

describe('the prompt register', () => {
  let test_: TestRegistry;
  let prompt: string;
  beforeAll(async () => {
    test_ = await openTestRegistry({ maxConnections: 10 });
  });
  afterAll(() => test_.close());
  beforeEach(() => {
    prompt = unique('prompt');
  });

  const template = (text: string): PromptTemplate => ({
    name: prompt,
    messages: [{ role: 'user', template: `${text} {{question}}` }],
    variables: { question: { type: 'string', description: '' } },
    fewShot: null,
    answerSchema: null,
  });
  const by = () => ({
    tenant,
    prompt,
    actor: 'key:a',
    cause: 'better',
    idempotencyKey: unique('key'),
  });
  const put = (text: string, given: { readonly branch?: string; readonly parent?: number } = {}) =>
    test_.registry.prompts.put({ ...by(), template: template(text), branch: 'main', ...given });
  const findRef = async (ref: string) =>
    (await test_.registry.prompts.refs({ tenant, prompt })).find((each) => each.ref === ref) ??
    null;
  const label = async (version: number, name = 'staging') =>
    test_.registry.prompts.label({
      ...by(),
      label: name,
      version,
      expected: (await findRef(name)) ?? { version: null, fencing: 0 },
    });
  const rollback = (to?: number) =>
    test_.registry.prompts.rollback({ ...by(), label: 'staging', ...(to !== undefined && { to }) });

  test('writes versions to a branch; the same content is the same version', async () => {
    expect(await put('one')).toMatchObject({ version: 1, changed: true });
    expect(await put('two')).toMatchObject({ version: 2, changed: true });
    expect(await put('two')).toMatchObject({ version: 2, changed: false });
    expect(await put('one')).toMatchObject({ version: 1, changed: true });
    expect(await put('three', { branch: 'shorter', parent: 2 })).toMatchObject({ version: 3 });
    expect(await test_.registry.prompts.resolve({ tenant, prompt, ref: 'main' })).toMatchObject({
      version: 1,
      parent: null,
    });
    expect(await test_.registry.prompts.resolve({ tenant, prompt, ref: 'shorter' })).toMatchObject({
      version: 3,
      parent: 2,
      template: template('three'),
    });
    expect(await test_.registry.prompts.resolve({ tenant, prompt, ref: '2' })).toMatchObject({
      version: 2,
      parent: 1,
      author: 'key:a',
      cause: 'better',
    });
    expect(await test_.registry.prompts.resolve({ tenant, prompt, ref: 'nowhere' })).toBeNull();
    const { items } = await test_.registry.prompts.versions({ tenant, prompt, pageSize: 2 });
    expect(items.map(({ version }) => version)).toEqual([3, 2]);
    const listed = await test_.registry.prompts.list({ tenant, pageSize: 100 });
    expect(listed.items.find(({ name }) => name === prompt)).toMatchObject({
      versions: 3,
      refs: [
        { ref: 'main', version: 1 },
        { ref: 'shorter', version: 3 },
      ],
    });
  });

  test('refuses to overwrite a version that the author has not seen', async () => {
    await put('one');
    await put('two', { parent: 1 });
    await expect(put('mine', { parent: 1 })).rejects.toMatchObject({
      type: 'Conflict',
      message: `${prompt}@main is at version 2, not 1: another change was made since`,
    });
    const both = await Promise.allSettled(['a', 'b'].map((text) => put(text, { parent: 2 })));
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  });

  test('moves a label only from the expected version, with history and audit row', async () => {
    await put('one');
    await put('two');
    const seen = { version: null, fencing: 0 };
    expect(await label(1)).toMatchObject({ kind: 'moved', from: null });
    expect(await label(1)).toMatchObject({ kind: 'unchanged', from: 1 });
    const stale = { ...by(), label: 'staging', version: 2, expected: seen };
    expect(await test_.registry.prompts.label(stale)).toMatchObject({
      kind: 'conflict',
      now: { version: 1 },
    });
    expect(await label(2)).toMatchObject({ kind: 'moved', from: 1 });
    await expect(label(9)).rejects.toMatchObject({ type: 'NotFound' });
    await expect(label(1, 'main')).rejects.toMatchObject({
      type: 'Conflict',
      message: `${prompt}@main is a branch, not a label: use another name`,
    });
    const { items } = await test_.registry.prompts.history({
      tenant,
      prompt,
      ref: 'staging',
      pageSize: 10,
    });
    expect(items).toMatchObject([
      { kind: 'set', from: 1, to: 2, actor: 'key:a' },
      { kind: 'set', from: null, to: 1 },
    ]);
    const audit = await test_.registry.audit.list({
      tenant,
      subject: `prompt:${prompt}`,
      pageSize: 10,
    });
    expect(audit.items.map(({ action }) => action)).toEqual([
      'prompt.label',
      'prompt.label',
      'prompt.advance',
      'prompt.write',
      'prompt.advance',
      'prompt.write',
    ]);
    await expect(test_.owner.sql`update prompt_versions set author = 'x'`).rejects.toThrow(
      /append-only/,
    );
  });

  test('production accepts only approved versions', async () => {
    await put('one');
    await expect(label(1, 'production')).rejects.toMatchObject({
      type: 'Conflict',
      message: `${prompt}@1 is not approved, which the label production requires`,
    });
    await expect(test_.registry.prompts.approve({ ...by(), version: 1 })).rejects.toMatchObject({
      type: 'Forbidden',
      message: `key:a wrote ${prompt}@1 and may not approve it`,
    });
    const approve = { ...by(), actor: 'key:b', version: 1 };
    expect(await test_.registry.prompts.approve(approve)).toEqual({ approvals: 1 });
    expect(
      await test_.registry.prompts.approve({ ...approve, idempotencyKey: unique('key') }),
    ).toEqual({ approvals: 1 });
    expect(await label(1, 'production')).toMatchObject({ kind: 'moved' });
    const found = await test_.registry.prompts.get({ tenant, prompt, version: 1 });
    expect(found?.approvals).toMatchObject([
      { actor: 'key:b', cause: 'better', selfApproved: false },
    ]);
    expect(found?.approvals[0]?.approvedAt).toMatch(/^\d{4}-.*Z$/);
  });

  test('approvals count people, not keys', async () => {
    const { apiKeys, prompts } = test_.registry;
    const createKey = (name: string) =>
      apiKeys.create({ tenant, name, scope: 'approver', actor: 'test' });
    const rotated = (id: string) =>
      apiKeys.rotate({ tenant, id, actor: 'test', overlapSeconds: 60 });
    const ann = { ...(await createKey('ann')), name: 'ann' };
    const bob = { ...(await createKey('bob')), name: 'bob' };
    await withActingKey(ann.id, () => put('one'));
    const approveBy = (key: { readonly id: string; readonly name: string }, selfApprove = false) =>
      withActingKey(key.id, () =>
        prompts.approve({ ...by(), actor: key.name, version: 1, selfApprove }),
      );
    const secondOfAnn = { ...(await rotated(ann.id)), name: 'another name' };
    await expect(approveBy(secondOfAnn)).rejects.toMatchObject({ type: 'Forbidden' });
    expect(await approveBy(bob)).toEqual({ approvals: 1 });
    expect(await approveBy({ ...(await rotated(bob.id)), name: 'bob again' })).toEqual({
      approvals: 1,
    });
    expect(await approveBy(secondOfAnn, true)).toEqual({ approvals: 2 });
    const found = await prompts.get({ tenant, prompt, version: 1 });
    expect(found?.approvals.map(({ selfApproved }) => selfApproved)).toEqual([false, true]);
  });

  test('a rollback restores the previous version, and the next one goes further back', async () => {
    for (const text of ['one', 'two', 'three']) await put(text);
    await expect(rollback()).rejects.toMatchObject({ type: 'NotFound' });
    for (const version of [1, 2, 3]) await label(version);
    expect(await rollback()).toMatchObject({ from: 3, to: 2 });
    expect(await rollback()).toMatchObject({ from: 2, to: 1 });
    await expect(rollback()).rejects.toMatchObject({
      type: 'Conflict',
      message: `${prompt}@staging cannot go back: there is nothing before version 1`,
    });
    expect(await rollback(3)).toMatchObject({ from: 1, to: 3 });
    const again = { ...by(), label: 'staging' };
    expect(await test_.registry.prompts.rollback(again)).toEqual(
      await test_.registry.prompts.rollback(again),
    );
    // A rollback left version 2, so only its number restores it.
    expect(await findRef('staging')).toMatchObject({ version: 1 });
    await put('four');
    await expect(rollback(4)).rejects.toMatchObject({
      type: 'Conflict',
      message: `${prompt}@staging cannot go back: the label never pointed to version 4`,
    });
  });

  test('after any moves, repeated rollbacks reach the first version, each at an earlier move', async () => {
    const step = fc.oneof(
      fc.record({ set: fc.integer({ min: 1, max: 4 }) }),
      fc.constant({ back: true as const }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 8 }), async (steps) => {
        prompt = unique('prompt');
        for (const text of ['one', 'two', 'three', 'four']) await put(text);
        // The moves of a label that were not rolled back, newest last.
        const stood: number[] = [];
        for (const each of steps) {
          if ('set' in each) {
            if (stood.at(-1) !== each.set) stood.push(each.set);
            await label(each.set);
          } else if (stood.length > 1) {
            stood.pop();
            expect((await rollback()).to).toBe(stood.at(-1));
          } else
            await expect(rollback()).rejects.toMatchObject({
              type: stood.length === 1 ? 'Conflict' : 'NotFound',
            });
          expect((await findRef('staging'))?.version).toBe(stood.at(-1));
        }
      }),
      { numRuns: 12 },
    );
  });
});
