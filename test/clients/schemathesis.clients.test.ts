/**
 * schemathesis asks every operation of the OpenAPI documents what they allow and what they forbid,
 * with all of its checks.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { fakeSchedules } from '../apps/api/support/fake-schedules';
import { openApiWorld } from '../apps/api/support/api-world';
import { migratedDatabase, testBucket } from '../support/platform';
import { distanceModel } from '../support/serving/served-models';
import { openServingWorld } from '../support/serving/serving-world';
import { clientProgram } from './client-program';

jest.setTimeout(1_200_000);

const execute = promisify(execFile);
let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'perennial-schemathesis-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** The findings as schemathesis prints them; empty without findings. */
async function findings(
  document: string,
  key: string,
  selection: readonly string[] = [],
  settings = 'schemathesis.toml',
): Promise<string> {
  const options = [
    '--checks',
    'all',
    '--max-examples',
    '15',
    ...selection,
    '--seed',
    '7',
    '--generation-database',
    'none',
    '--no-color',
  ];
  const config = ['--config-file', join(__dirname, settings)];
  try {
    await execute(
      clientProgram('requirements', 'schemathesis'),
      [...config, 'run', document, '-H', `Authorization: Bearer ${key}`, ...options],
      {
        cwd: folder,
        maxBuffer: 1 << 28,
      },
    );
    return '';
  } catch (error) {
    return (error as { readonly stdout?: string }).stdout ?? String(error);
  }
}

/** What ends keys: a run would soon have none that is valid. */
const endOfKeys = '/api-keys/\\{id\\}/(revoke|rotate)$';

test.each([
  ['the API', ['--exclude-path-regex', endOfKeys]],
  ['the end of keys in the API', ['--include-path-regex', endOfKeys]],
])('%s conforms to its document', async (_name, selection) => {
  const world = await openApiWorld(undefined, fakeSchedules(), null, 1_000_000);
  try {
    await world.apply('flight-delay');
    await world.accept('flight-delay');
    const found = await findings(`${world.url}/openapi.json`, world.keys.admin, selection);
    const failed = world.log
      .filter(({ level }) => Number(level) >= 50)
      .map(({ msg, err }) => ({ msg, err }));
    expect({ found, failed }).toEqual({ found: '', failed: [] });
  } finally {
    await world.close();
  }
});

test('the gateway conforms to its document', async () => {
  const database = await migratedDatabase();
  const world = await openServingWorld(database.url, testBucket());
  await world.promote(await world.register(distanceModel(10)));
  const gateway = await world.startGateway(folder, {
    PERENNIAL_GATEWAY_REQUESTS_PER_MINUTE: '1000000',
  });
  try {
    expect(
      await findings(
        `${gateway.url}/openapi.json`,
        world.keys.operator,
        [],
        'schemathesis-gateway.toml',
      ),
    ).toBe('');
    const failed = gateway
      .log()
      .split('\n')
      .filter((line) => /"level":(50|60)/.test(line));
    expect(failed).toEqual([]);
  } finally {
    await gateway.stop();
    await world.close();
    await database.drop();
  }
});
