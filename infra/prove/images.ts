/**
 * Runs the images as a cluster would: read-only, as their own user, without capabilities, with
 * PostgreSQL, Temporal and S3 by address and secrets as mounted files. `images.sh` calls it.
 */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { trialFeatures, trialLabel, writeTrialRows } from '../../data/training/trial-rows';
import setUpPlatform from '../../test/support/global-setup';
import { testBucket, testDatabase, testTemporal } from '../../test/support/platform';

const [podman = 'podman', ...podmanArguments] = (process.env['PODMAN'] ?? '').split(' ');
const runFile = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), 'perennial-images-'));
const user = 10_001;
const ports = {
  api: [18_700, 18_701],
  gateway: [18_710, 18_711],
  worker: [18_730, 18_731, 18_732, 18_733],
} as const;
const key = (): string =>
  `pk_${randomBytes(13).toString('hex')}_${randomBytes(32).toString('hex')}`;
const [adminKey, serviceKey] = [key(), key()];
const started: ChildProcess[] = [];

async function main(): Promise<void> {
  await setUpPlatform();
  try {
    await proveJobImage();
    await provePlatformImage();
  } finally {
    for (const each of started) each.kill('SIGTERM');
    await Promise.all(started.map(waitForEnd));
    await globalThis.stopTestPlatform?.();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Restricted as the chart restricts its pods. */
function container(image: string, options: readonly string[], args: readonly string[]) {
  const restricted = ['--read-only', '--cap-drop=ALL', '--security-opt=no-new-privileges'];
  const writable = ['--tmpfs=/tmp', '--tmpfs=/var/lib/perennial:mode=1777'];
  const run = ['run', '--rm', '--network=host', '--stop-timeout=30', ...restricted, ...writable];
  return [...podmanArguments, ...run, ...options, image, ...args];
}

async function inside(
  image: string,
  args: readonly string[],
  options: readonly string[] = [],
): Promise<string> {
  const { stdout } = await runFile(podman, container(image, options, args), {
    maxBuffer: 2 ** 26,
  });
  return stdout.trim();
}

async function proveJobImage(): Promise<void> {
  const image = 'localhost/perennial-job';
  const there = await inside(image, [
    'sh',
    '-c',
    'id -u; command -v node npm; ls /opt/perennial; touch /opt/x 2>&1; ls /opt/perennial/sbom',
  ]).catch((error: unknown) => String(error));
  say(`perennial-job: ${there.replaceAll('\n', ' ')}`);
  must(there.startsWith(`${user}`), 'the job image runs as another user');
  must(!/\bnode\b/.test(there), 'the job image has Node');
  must(there.includes('Read-only file system'), 'the root of the job image is writable');
  for (const trainer of ['baseline', 'lightgbm']) {
    const job = join(folder, trainer);
    mkdirSync(join(job, 'inputs'), { recursive: true });
    await writeJob(job, trainer);
    await runFile('chown', ['-R', `${user}:${user}`, job]);
    await inside(
      image,
      [
        'python',
        '/opt/perennial/trainers/runtime/run.py',
        `/opt/perennial/trainers/${trainer}`,
        '/job',
      ],
      [`--volume=${job}:/job`],
    );
    const { metrics } = JSON.parse((await runFile('cat', [join(job, 'result.json')])).stdout) as {
      readonly metrics: Readonly<Record<string, number>>;
    };
    say(`perennial-job: trained ${trainer}: ${JSON.stringify(metrics)}`);
    must(Object.keys(metrics).length > 0, `${trainer} has no metrics`);
  }
}

/** The directory that a backend makes for a job. */
async function writeJob(directory: string, trainer: string): Promise<void> {
  mkdirSync(join(directory, 'outputs'));
  mkdirSync(join(directory, 'checkpoint'));
  for (const [input, rows, first] of [
    ['train', 2_000, 0],
    ['tuning', 500, 2_000],
  ] as const) {
    mkdirSync(join(directory, 'inputs', input));
    const path = join(directory, 'inputs', input, '0.parquet');
    await writeTrialRows(path, { task: 'classification', rows, first, odd: false });
  }
  const job = {
    id: `prove/${trainer}`,
    tenant: 'default',
    trainer,
    params: {},
    seed: 1,
    inputs: {
      train: [{ path: 'inputs/train/0.parquet' }],
      tuning: [{ path: 'inputs/tuning/0.parquet' }],
    },
    context: { task: 'classification', label: trialLabel, features: trialFeatures },
    resources: { cpus: 1, memoryBytes: 2 ** 31, timeoutSeconds: 300 },
  };
  writeFileSync(join(directory, 'job.json'), JSON.stringify(job));
}

async function provePlatformImage(): Promise<void> {
  const image = 'localhost/perennial';
  say(`perennial: ${await inside(image, ['--version'])}`);
  const options = await processOptions();

  const setup = await inside(
    image,
    ['setup'],
    [...options, `--env=PERENNIAL_ADMIN_KEY=${adminKey}`],
  );
  say(`perennial: setup printed ${setup}`);
  must(setup === '{"warnings":[]}', 'setup printed more than its warnings');

  for (const port of ports.api)
    start(image, ['api'], [...options, `--env=PERENNIAL_API_PORT=${port}`]);
  for (const port of ports.gateway)
    start(
      image,
      ['gateway'],
      [
        ...options,
        `--env=PERENNIAL_GATEWAY_PORT=${port}`,
        `--env=PERENNIAL_GATEWAY_URL=http://127.0.0.1:${port}`,
      ],
    );
  for (const [index, port] of ports.worker.entries())
    start(
      image,
      ['worker', '--queue', ...(index < 2 ? ['orchestrator', 'data', 'llm'] : ['compute'])],
      [
        ...options,
        `--env=PERENNIAL_WORKER_PORT=${port}`,
        `--env=PERENNIAL_API_URL=http://127.0.0.1:${ports.api[0]}`,
      ],
    );
  const all = [...ports.api, ...ports.gateway, ...ports.worker];
  await Promise.all(all.map(ready));
  const metrics = await Promise.all(
    all.map((port) => fetchText(`http://127.0.0.1:${port}/metrics`)),
  );
  must(
    metrics.every((text) => text.includes('perennial_log_lines_dropped_total')),
    'a process has no metrics',
  );
  say(`perennial: ${all.length} processes are ready, and each has metrics`);
  const pages = await Promise.all(ports.api.map((port) => fetchText(`http://127.0.0.1:${port}/`)));
  must(
    pages.every((text) => text.includes('<div id="app">')),
    'an API does not serve the pages',
  );

  const cli = async (...args: readonly string[]) =>
    inside(image, args, [
      `--env=PERENNIAL_API_URL=http://127.0.0.1:${ports.api[1]}`,
      `--env=PERENNIAL_GATEWAY_URL=http://127.0.0.1:${ports.gateway[1]}`,
      `--env=PERENNIAL_API_KEY=${adminKey}`,
    ]);
  say(`perennial: doctor:\n${await cli('doctor')}`);
  await cli('lifecycle', 'apply', '/opt/perennial/samples/bike-demand');
  const since = performance.now();
  await cli('run', 'start', 'bike-demand', '--wait');
  const seconds = ((performance.now() - since) / 1000).toFixed(1);
  say(`perennial: a run of bike-demand was promoted after ${seconds} s`);
  say(`perennial: ${await cli('audit', 'verify')}`);
  const stopping = performance.now();
  for (const each of started) each.kill('SIGTERM');
  const codes = await Promise.all(started.map(waitForEnd));
  say(
    `perennial: all processes ended ${((performance.now() - stopping) / 1000).toFixed(1)} s ` +
      `after SIGTERM with exit codes ${[...new Set(codes)].join(', ')}`,
  );
  must(
    codes.every((code) => code === 0),
    'a process did not end in order',
  );
}

/** Settings and mounted secrets, as the chart gives them to each process. */
async function processOptions(): Promise<readonly string[]> {
  const [database, temporal, bucket] = [await testDatabase(), await testTemporal(), testBucket()];
  const secrets = join(folder, 'secrets');
  mkdirSync(secrets);
  writeFileSync(
    join(secrets, 'command-keys.json'),
    JSON.stringify({ keys: [{ id: 'ck_1', secret: randomBytes(32).toString('hex') }] }),
  );
  writeFileSync(
    join(secrets, 'audit-key.pem'),
    generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }),
  );
  // As Kubernetes mounts a Secret: of root, and readable for the group of the pod.
  await runFile('chown', ['-R', `root:${user}`, secrets]);
  await runFile('chmod', ['-R', 'u=rX,g=rX,o=', secrets]);
  const settings = {
    PERENNIAL_TEMPORAL_ADDRESS: temporal.address,
    PERENNIAL_TEMPORAL_NAMESPACE: temporal.namespace,
    PERENNIAL_DATABASE_URL: database.appUrl,
    PERENNIAL_DATABASE_OWNER_URL: database.ownerUrl,
    PERENNIAL_S3_ENDPOINT: bucket.endpoint,
    PERENNIAL_S3_BUCKET: bucket.bucket,
    AWS_REGION: bucket.region,
    AWS_ACCESS_KEY_ID: bucket.accessKeyId,
    AWS_SECRET_ACCESS_KEY: bucket.secretAccessKey,
    PERENNIAL_SERVICE_KEY: serviceKey,
    PERENNIAL_COMMAND_KEYS_FILE: '/etc/perennial/keys/command-keys.json',
    PERENNIAL_AUDIT_KEY_FILE: '/etc/perennial/keys/audit-key.pem',
    PERENNIAL_BIND: '127.0.0.1',
  };
  return [
    `--volume=${secrets}:/etc/perennial/keys:ro`,
    ...Object.entries(settings).map(([name, value]) => `--env=${name}=${value}`),
  ];
}

function start(image: string, args: readonly string[], options: readonly string[]): void {
  const child = spawn(podman, container(image, options, args), {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let log = '';
  child.stderr.on('data', (chunk: Buffer) => (log = (log + chunk.toString()).slice(-4_000)));
  child.once('exit', (code) => {
    if (code !== 0) say(`${args.join(' ')} ended with ${code}:\n${log}`);
  });
  started.push(child);
}

async function waitForEnd(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  return new Promise((resolve) => child.once('exit', resolve));
}

async function ready(port: number): Promise<void> {
  for (const deadline = Date.now() + 120_000; ;) {
    const answer = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => null);
    if (answer?.ok) return;
    if (Date.now() > deadline) throw new Error(`nothing is ready on port ${port} after 120 s`);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

async function fetchText(url: string): Promise<string> {
  return (await fetch(url)).text();
}

function must(holds: boolean, otherwise: string): void {
  if (!holds) throw new Error(otherwise);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

main().catch((error: unknown) => {
  process.stderr.write(`error: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
