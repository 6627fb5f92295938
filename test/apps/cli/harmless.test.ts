/** No command prints text of others that controls the terminal. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { harmless, harmlessLines, jsonText } from '../../../apps/cli/harmless';
import { cliAgainst, openFakeApi, type FakeApi } from './fake-api';

const escape = '\u001b';
const attacks = {
  'clears the screen': `${escape}[2J`,
  'sets the title': `${escape}]0;owned\u0007`,
  'makes a link (OSC 8)': `${escape}]8;;https://evil.example\u0007here${escape}]8;;\u0007`,
  'is a C1 sequence': '\u009b2J',
  'is a C1 string': '\u009d0;owned\u009c',
  'overwrites the line (CR)': 'revoked\rvalid',
  'goes back (BS)': 'bad\b\b\bgood',
  'turns the text (bidi override)': '\u202egnp.exe',
  'isolates (bidi)': '\u2066hidden\u2069',
  'paints itself': `${escape}[32mpass${escape}[0m`,
  'breaks the row': 'ada\n2026-01-01  root',
  'separates lines (U+2028)': 'ada\u2028root',
  'is a tag character': '\u{e0041}',
};
/** Everything that controls a terminal, except line ends and tabs. */
const obeyed = /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/u;
const controls = (text: string) =>
  Array.from(text).filter((each) => obeyed.test(each) && each !== '\n' && each !== '\t');

let api: FakeApi;
beforeEach(async () => {
  api = await openFakeApi();
});
afterEach(() => api.close());

const page = (items: readonly object[]) => ({ items, nextPageToken: null });
const at = '2026-01-01T00:00:00.000Z';

describe.each(Object.entries(attacks))('a text that %s', (_, text) => {
  const keys = page([
    {
      id: 'key_1',
      name: text,
      scope: 'viewer',
      createdAt: at,
      lastUsedAt: null,
      expiresAt: null,
      revokedAt: null,
    },
  ]);
  const rows = page([
    {
      id: 'aud_1',
      at,
      actor: text,
      action: 'alias.promote',
      subject: `model:${text}`,
      cause: text,
      sealedAs: 1,
    },
  ]);

  test.each([false, true])(
    'is harmless in `key list`, `audit list` and `run logs` (terminal: %s)',
    async (tty) => {
      api.routes.set('GET /api-keys', keys);
      api.routes.set('GET /audit', rows);
      api.routes.set('GET /runs/run_1/logs', (_request, response) =>
        response.end(`one\ttwo\n${text}\n`),
      );
      for (const args of [
        ['key', 'list'],
        ['audit', 'list'],
        ['run', 'logs', 'run_1'],
      ]) {
        const { stdout, stderr, exitCode } = await cliAgainst(
          { apiUrl: api.url, apiKey: 'pk_test', tty },
          args,
        );
        expect(exitCode).toBe(0);
        expect(controls(stdout)).toEqual([]);
        expect(controls(stderr)).toEqual([]);
        // A header and one row.
        if (args[1] === 'list') expect(stdout.trimEnd().split('\n')).toHaveLength(2);
        else expect(stdout).toContain('one\ttwo\n');
      }
    },
  );

  test('is escaped in `--json` without a change of meaning', async () => {
    api.routes.set('GET /audit', rows);
    const { stdout } = await cliAgainst({ apiUrl: api.url, apiKey: 'pk_test', tty: true }, [
      'audit',
      'list',
      '--json',
    ]);
    expect(controls(stdout)).toEqual([]);
    expect(JSON.parse(stdout)).toEqual(rows.items);
  });

  test('is harmless in the message of an error', async () => {
    api.routes.set('GET /audit', (_request, response) => {
      response.writeHead(400, { 'content-type': 'application/problem+json' });
      response.end(
        JSON.stringify({
          title: 'x',
          status: 400,
          code: 'InvalidInput',
          detail: `no ${text}`,
          next: text,
          errors: [],
        }),
      );
    });
    const { stderr, exitCode } = await cliAgainst(
      { apiUrl: api.url, apiKey: 'pk_test', tty: true },
      ['audit', 'list'],
    );
    expect(exitCode).not.toBe(0);
    const paint = new RegExp(`${escape}\\[(?:0|1|2|31|32|33)m`, 'g');
    expect(controls(stderr.replace(paint, ''))).toEqual([]);
    expect(stderr).not.toContain(`${escape}[32m`);
  });
});

test('every command prints through the terminal module', () => {
  const folder = join(process.cwd(), 'apps', 'cli');
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(
    (name) => name.endsWith('.ts') && name !== 'terminal.ts',
  );
  const past = files.filter((name) =>
    /process\.std(?:out|err)|console\.|std(?:out|err)\.write/.test(
      readFileSync(join(folder, name), 'utf8'),
    ),
  );
  expect(past).toEqual([]);
});

describe('any text', () => {
  const anything = fc.string({ unit: 'binary', maxLength: 40 });

  test('loses only control characters', () => {
    fc.assert(
      fc.property(anything, (text) => {
        expect(
          controls(harmlessLines(text)).every((each) => each === '\u200c' || each === '\u200d'),
        ).toBe(true);
        expect(/[\n\t]/.test(harmless(text))).toBe(false);
        expect(JSON.parse(jsonText({ text }))).toEqual({ text });
      }),
    );
    expect(harmlessLines('naïve 日本語 क्\u200dष 👩\u200d💻 می\u200cخواهم\r\n')).toBe(
      'naïve 日本語 क्\u200dष 👩\u200d💻 می\u200cخواهم\n',
    );
  });
});
