/** Prompts through the real API, by HTTP and by the command line. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cliAgainst } from '../../cli/fake-api';
import type { ApiWorld } from '../support/api-world';
import { openApiWorld } from '../support/api-world';

let world: ApiWorld;
let folder: string;
beforeAll(async () => {
  world = await openApiWorld();
  folder = mkdtempSync(join(tmpdir(), 'perennial-prompts-'));
});
afterAll(async () => {
  await world.close();
  rmSync(folder, { recursive: true });
});

const document = (
  name: string,
  system: string,
  message = '{{question}}',
) => `apiVersion: perennial.dev/v1
kind: Prompt
metadata: { name: ${name} }
spec:
  variables: { question: {} }
  messages:
    - { role: system, template: "${system}" }
    - { role: user, template: "${message}" }
`;
const put = (name: string, system: string, body: object = {}) =>
  world.call<{ version: number; changed: boolean }>('PUT', `/prompts/${name}`, {
    as: 'operator',
    body: { document: document(name, system), ...body },
  });

describe('prompts by HTTP', () => {
  test('are written, read by number, branch and label, and compared', async () => {
    expect((await put('greeter', 'Be brief.')).body).toMatchObject({ version: 1, changed: true });
    expect((await put('greeter', 'Be kind.', { branch: 'kinder', parent: 1 })).body).toMatchObject({
      version: 2,
      branch: 'kinder',
    });
    const read = await world.call('GET', '/prompts/greeter/versions/kinder', { as: 'viewer' });
    expect(read.body).toMatchObject({
      version: 2,
      parent: 1,
      author: 'operator',
      template: { name: 'greeter' },
    });
    const diff = await world.call('GET', '/prompts/greeter/diff?from=main&to=kinder', {
      as: 'viewer',
    });
    expect(diff.body).toMatchObject({
      from: 1,
      to: 2,
      changes: [
        {
          place: 'messages[0].template',
          lines: [
            { sign: '-', text: 'Be brief.' },
            { sign: '+', text: 'Be kind.' },
          ],
        },
      ],
    });
    expect((await world.call('GET', '/prompts/greeter', { as: 'viewer' })).body).toMatchObject({
      refs: [{ ref: 'kinder' }, { ref: 'main' }],
    });
    for (const path of ['', '/versions', '/history']) {
      expect((await world.call('GET', `/prompts/nobody${path}`, { as: 'viewer' })).status).toBe(
        404,
      );
    }
    expect(
      (await world.call('GET', '/prompts/greeter/versions/7', { as: 'viewer' })).body,
    ).toMatchObject({
      code: 'NotFound',
      detail: 'there is no greeter@7',
    });
  });

  test('that are wrong are refused with the place of each error', async () => {
    const body = { document: document('wrong', 'x', '{{qestion}}') };
    const refused = await world.call<{ errors: object[] }>('PUT', '/prompts/wrong', {
      as: 'operator',
      body,
    });
    expect(refused).toMatchObject({ status: 422, body: { code: 'InvalidInput' } });
    expect(refused.body.errors).toEqual([
      expect.objectContaining({
        pointer: '/spec/messages/1/template',
        detail: 'unknown variable qestion',
        didYouMean: 'question',
        line: 8,
      }),
      expect.objectContaining({
        pointer: '/spec/variables/question',
        detail: 'no template uses the variable question',
      }),
    ]);
    const other = await world.call('PUT', '/prompts/other', {
      as: 'operator',
      body: { document: document('wrong', 'x') },
    });
    expect(other.body).toMatchObject({
      errors: [{ detail: 'metadata.name is wrong, but the path says other' }],
    });
    expect((await put('greeter', 'Mine.', { parent: 9 })).body).toMatchObject({ code: 'Conflict' });
  });

  test('move a label with its ETag, production after approval, and back without a new version', async () => {
    await put('labelled', 'one');
    await put('labelled', 'two');
    const path = '/prompts/labelled/labels/production';
    const etag = async () =>
      (await world.call('GET', path, { as: 'viewer' })).headers.get('etag') ?? '';
    const move = (version: number, headers: Record<string, string>) =>
      world.call('PUT', path, { as: 'operator', body: { version, reason: 'better' }, headers });
    expect((await move(1, {})).status).toBe(428);
    expect((await move(1, { 'if-match': '"5.5"' })).body).toMatchObject({
      code: 'Conflict',
      detail: 'labelled@1 is not approved, which the label production requires',
    });
    for (const version of [1, 2]) {
      const approve = { body: { reason: 'read it' } };
      expect(
        (
          await world.call('POST', `/prompts/labelled/versions/${version}/approve`, {
            as: 'operator',
            ...approve,
          })
        ).status,
      ).toBe(403);
      expect(
        (
          await world.call('POST', `/prompts/labelled/versions/${version}/approve`, {
            as: 'approver',
            ...approve,
          })
        ).body,
      ).toMatchObject({ approvals: 1 });
    }
    expect((await move(1, { 'if-match': '"5.5"' })).status).toBe(412);
    expect((await move(1, { 'if-match': await etag() })).status).toBe(200);
    expect((await move(2, { 'if-match': await etag() })).body).toMatchObject({ version: 2 });
    const back = await world.call('POST', `${path}/rollback`, {
      as: 'operator',
      body: { reason: 'worse' },
    });
    expect(back.body).toMatchObject({ from: 2, to: 1 });
    expect(
      (await world.call('GET', '/prompts/labelled/versions/production', { as: 'viewer' })).body,
    ).toMatchObject({ version: 1 });
  });
});

test('the command line does the same: apply a folder, list, show, diff, label, rollback', async () => {
  const prompts = join(folder, 'prompts');
  mkdirSync(prompts);
  const write = (system: string) =>
    writeFileSync(join(prompts, 'router.yaml'), document('router', system));
  const cli = async (...args: readonly string[]) => {
    const { stdout, stderr, exitCode } = await cliAgainst(
      { apiUrl: world.url, apiKey: world.keys.admin, cwd: folder },
      ['prompt', ...args],
    );
    return `${exitCode} ${stdout}${stderr}`;
  };
  write('one');
  expect(await cli('apply', 'prompts')).toContain('router@main: version 1 written');
  write('two');
  expect(await cli('apply', 'prompts', '--parent', '1', '--reason', 'shorter')).toContain(
    'router@main: version 2 written',
  );
  expect(await cli('apply', 'prompts/router.yaml')).toContain('version 2 is unchanged');
  expect(await cli('list')).toMatch(/router +2 +main@2/);
  expect(await cli('show', 'router')).toMatch(/@2 +main +sha256:\w+ +admin +shorter/);
  expect(await cli('show', 'router@1')).toContain('template: one');
  expect(await cli('diff', 'router', '1', 'main')).toContain('messages[0].template\n- one\n+ two');
  expect(await cli('label', 'router', 'staging', '1', '--reason', 'try')).toContain(
    'router@staging is now version 1',
  );
  expect(await cli('label', 'router', 'staging', '2', '--reason', 'try')).toContain(
    'router@staging is now version 2',
  );
  expect(await cli('rollback', 'router', 'staging')).toContain('router@staging: 2 → 1');
  expect(await cli('label', 'router', 'production', '1', '--reason', 'go')).toMatch(
    /^1 .*not approved[^]*next:.*perennial prompt approve router 1/,
  );
  expect(await cli('approve', 'router', '1', '--reason', 'read')).toMatch(
    /^1 .*admin wrote router@1 and may not approve it[^]*--self-approve/,
  );
  expect(await cli('approve', 'router', '1', '--self-approve', 'alone')).toContain(
    'router@1 is approved',
  );
  expect(await cli('history', 'router', '--ref', 'staging')).toMatch(/staging +rollback +2 → 1/);
  writeFileSync(join(prompts, 'broken.yaml'), document('broken', '{{who}}'));
  write('three');
  expect(await cli('apply', 'prompts')).toMatch(
    /^2 error: prompts\/broken.yaml: 1 error; nothing was written\n +prompts\/broken.yaml:7:\d+ unknown variable who/,
  );
  expect(await cli('list')).toMatch(/router +2 /);
});
