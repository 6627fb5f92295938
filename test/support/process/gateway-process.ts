import { spawn } from 'node:child_process';
import { mkdirSync, openSync, readFileSync, closeSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Agent, request } from 'undici';
import { freePort } from '../../../infra/ports';
import type { S3Place } from '../serving/serving-world';

export interface GatewayProcess {
  readonly url: string;
  readonly pid: number;
  /** Null while it runs, and if a signal ended it. */
  exitCode(): number | null;
  /** Its output, for a failing test. */
  log(): string;
  kill(signal: NodeJS.Signals): Promise<void>;
  stop(): Promise<void>;
}

export interface GatewayProcessOptions {
  readonly databaseUrl: string;
  readonly s3: S3Place;
  readonly stateDir: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** Where its log goes; by default a file that `log()` reads. */
  readonly stderr?: string;
}

const root = resolve(__dirname, '..', '..', '..');

/** Runs `perennial gateway` as an operator would. Resolves when it is ready. */
export async function startGatewayProcess({
  databaseUrl,
  s3,
  stateDir,
  environment,
  stderr,
}: GatewayProcessOptions): Promise<GatewayProcess> {
  const port = await freePort();
  mkdirSync(stateDir, { recursive: true });
  const logFile = join(stateDir, 'gateway.log');
  const log = openSync(logFile, 'a');
  const errors = stderr === undefined ? log : openSync(stderr, 'a');
  const child = spawn(
    process.execPath,
    ['-r', './bin/load-sources.cjs', 'workers/main.ts', 'gateway'],
    {
      cwd: root,
      stdio: ['ignore', log, errors],
      env: {
        PATH: process.env['PATH'],
        HOME: process.env['HOME'],
        AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
        PERENNIAL_TEMPORAL_ADDRESS: '127.0.0.1:1',
        PERENNIAL_DATABASE_URL: databaseUrl,
        PERENNIAL_S3_ENDPOINT: s3.endpoint,
        PERENNIAL_S3_BUCKET: s3.bucket,
        AWS_REGION: s3.region,
        AWS_ACCESS_KEY_ID: s3.accessKeyId,
        AWS_SECRET_ACCESS_KEY: s3.secretAccessKey,
        PERENNIAL_STATE_DIR: stateDir,
        PERENNIAL_GATEWAY_PORT: String(port),
        ...environment,
      },
    },
  );
  for (const fd of new Set([log, errors])) closeSync(fd);
  const exited = new Promise<void>((done) => child.once('exit', () => done()));
  const hasTls = environment?.['PERENNIAL_GATEWAY_TLS_CERT_FILE'] !== undefined;
  const url = `${hasTls ? 'https' : 'http'}://127.0.0.1:${port}`;
  const kill = async (signal: NodeJS.Signals): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    await exited;
  };
  const gateway: GatewayProcess = {
    url,
    pid: child.pid ?? 0,
    exitCode: () => child.exitCode,
    log: () => readFileSync(logFile, 'utf8'),
    kill,
    stop: () => kill('SIGTERM'),
  };
  for (const end = Date.now() + 180_000; ;) {
    if (await isReady(url)) return gateway;
    if (child.exitCode !== null || Date.now() > end) {
      await kill('SIGKILL');
      throw new Error(`the gateway did not become ready:\n${gateway.log().slice(-5_000)}`);
    }
    await new Promise((again) => setTimeout(again, 50));
  }
}

const anyCertificate = new Agent({ pipelining: 0, connect: { rejectUnauthorized: false } });

async function isReady(url: string): Promise<boolean> {
  try {
    const { statusCode, body } = await request(`${url}/readyz`, { dispatcher: anyCertificate });
    await body.dump();
    return statusCode === 200;
  } catch {
    return false;
  }
}
