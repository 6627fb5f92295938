import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lifecycleSecrets, operatorSecrets } from '../../../workers/access/secret-refs';

describe('a secret that a spec refers to', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'secrets-'));
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });
  const subfolder = (): string => {
    mkdirSync(join(folder, 'sub'));
    return join(folder, 'sub');
  };
  const write = (name: string, content: string | Buffer): string => {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  };

  test('is read at each use, from a variable or from a file without its line end', async () => {
    const environment: Record<string, string> = { HOOK_SECRET: 'one' };
    const secretOf = lifecycleSecrets(environment, { variables: ['HOOK_SECRET'], folder });
    expect(await secretOf({ env: 'HOOK_SECRET' })).toBe('one');
    environment['HOOK_SECRET'] = 'two';
    expect(await secretOf({ env: 'HOOK_SECRET' })).toBe('two');
    const file = write('secret', 'three\n');
    expect(await secretOf({ file })).toBe('three');
    write('secret', ' four \n');
    expect(await secretOf({ file })).toBe('four');
  });

  test.each([
    ['no such variable', () => ({ env: 'NOT_SET' }), 'variable NOT_SET is not set'],
    ['an empty variable', () => ({ env: 'EMPTY' }), 'variable EMPTY is not set'],
    ['no such file', () => ({ file: join(folder, 'none') }), 'ENOENT'],
    ['an empty file', () => ({ file: write('empty', '\n') }), 'is empty'],
    ['a folder', () => ({ file: subfolder() }), 'is not a file of at most 64 KiB'],
    [
      'a large file',
      () => ({ file: write('large', Buffer.alloc(65_537, 'a')) }),
      'is not a file of at most 64 KiB',
    ],
    [
      'a pipe without a writer',
      () => {
        execFileSync('/bin/sh', ['-c', 'mkfifo "$0"', join(folder, 'pipe')]);
        return { file: join(folder, 'pipe') };
      },
      'is not a file of at most 64 KiB',
    ],
  ])('%s fails at once with an error that names the reference', async (_, ref, words) => {
    await expect(
      lifecycleSecrets({ EMPTY: '' }, { variables: ['NOT_SET', 'EMPTY'], folder })(ref()),
    ).rejects.toMatchObject({
      type: 'InvalidInput',
      message: expect.stringContaining(words) as string,
    });
  });

  test.each([
    ['a variable that is not listed', { env: 'OTHER' }],
    ['the database’s address', { env: 'PERENNIAL_DATABASE_URL' }],
    ['the credential of S3, even if it is listed', { env: 'AWS_SECRET_ACCESS_KEY' }],
    ['the service key', { env: 'PERENNIAL_SERVICE_KEY' }],
    ['the setting that lists variables', { env: 'PERENNIAL_SECRET_ENV' }],
    ['a file elsewhere', { file: '/etc/hostname' }],
    ['an endless device', { file: '/dev/zero' }],
    ['a path that leaves the folder', () => ({ file: `${join(folder, 'inside')}/../outside` })],
    ['the folder itself', () => ({ file: join(folder, 'inside') })],
    ['a relative path', { file: 'secret' }],
  ])('that lifecycles may not read is refused without reading it: %s', async (_, given) => {
    const ref = typeof given === 'function' ? given() : given;
    const names = [
      'OTHER',
      'PERENNIAL_DATABASE_URL',
      'AWS_SECRET_ACCESS_KEY',
      'PERENNIAL_SERVICE_KEY',
      'PERENNIAL_SECRET_ENV',
    ];
    const environment = Object.fromEntries(names.map((name) => [name, 'value']));
    const access = { variables: ['AWS_SECRET_ACCESS_KEY'], folder: join(folder, 'inside') };
    const refused = expect(lifecycleSecrets(environment, access)(ref)).rejects;
    await refused.toMatchObject({
      type: 'InvalidInput',
      message: expect.stringMatching(/^lifecycles may not read/) as string,
    });
  });

  test('may be a link within the folder of secrets, but no link that leaves it', async () => {
    mkdirSync(join(folder, 'mounted', '..2026'), { recursive: true });
    write('mounted/..2026/hook', 'mounted');
    write('audit-key.pem', 'key');
    symlinkSync(join('..2026', 'hook'), join(folder, 'mounted', 'hook'));
    symlinkSync(join(folder, 'audit-key.pem'), join(folder, 'mounted', 'out'));
    const secretOf = lifecycleSecrets({}, { variables: [], folder: join(folder, 'mounted') });
    expect(await secretOf({ file: join(folder, 'mounted', 'hook') })).toBe('mounted');
    await expect(secretOf({ file: join(folder, 'mounted', 'out') })).rejects.toThrow(
      /is a link that leads out of/,
    );
  });

  test('of a provider may be any file or variable except the platform’s own', async () => {
    const secretOf = operatorSecrets({
      OPENAI_API_KEY: 'sk-1',
      PERENNIAL_LLM_API_KEY: 'own',
      AWS_SECRET_ACCESS_KEY: 's3',
    });
    expect(await secretOf({ env: 'OPENAI_API_KEY' })).toBe('sk-1');
    expect(await secretOf({ env: 'PERENNIAL_LLM_API_KEY' })).toBe('own');
    expect(await secretOf({ file: write('provider', 'sk-2\n') })).toBe('sk-2');
    await expect(secretOf({ env: 'AWS_SECRET_ACCESS_KEY' })).rejects.toThrow(
      /a setting of the platform/,
    );
  });
});
