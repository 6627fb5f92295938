import cluster from 'node:cluster';
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { superviseGateways } from '../../../../apps/gateway/processes/supervise';
import { until } from '../../../support/time/until';

interface LogLine {
  readonly msg: string;
  readonly why?: string;
}

let folder: string;
let lines: LogLine[];
let abort: AbortController;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'perennial-supervise-'));
  lines = [];
  abort = new AbortController();
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A process that listens, as a gateway does. */
function script(): string {
  const path = join(folder, 'member.js');
  writeFileSync(path, "require('node:net').createServer().listen(0, '127.0.0.1');");
  return path;
}

function supervise(): Promise<void> {
  const log = pino(
    { level: 'info' },
    { write: (line: string) => lines.push(JSON.parse(line) as LogLine) },
  );
  return superviseGateways({
    processes: 1,
    passEnvironment() {
      const descriptor = openSync('/dev/null', 'r');
      return { env: {}, descriptor, close: () => closeSync(descriptor) };
    },
    numbered: () => ({}),
    log,
    signal: abort.signal,
  });
}

const members = () => Object.values(cluster.workers ?? {}).filter((each) => each?.isConnected());
/** No process can be started in a folder that does not exist. */
const missing = () => cluster.setupPrimary({ cwd: join(folder, 'missing') });
const present = () => cluster.setupPrimary({ cwd: folder });

describe('a gateway process that cannot be started', () => {
  test('ends the supervisor before any process has listened', async () => {
    cluster.setupPrimary({ exec: script(), args: [], execArgv: [] });
    missing();
    await expect(supervise()).rejects.toThrow(
      /gateway process 1 could not be started \(.*ENOENT.*\) before it listened/,
    );
  });

  test('is started again later, once one has listened', async () => {
    cluster.setupPrimary({ exec: script(), args: [], execArgv: [] });
    present();
    const supervising = supervise();
    let listened = 0;
    cluster.on('listening', () => (listened += 1));
    await until(() => listened === 1);
    missing();
    for (const member of members()) member?.process.kill('SIGKILL');
    await until(() => lines.some(({ why }) => why?.includes('ENOENT') === true));
    present();
    await until(() => listened === 2);
    abort.abort();
    await supervising;
  });
});
