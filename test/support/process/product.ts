/**
 * The whole product as processes, in its own state folder on free ports: `perennial up` as a user
 * runs it, or on several machines.
 */
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { Agent, fetch as undiciFetch } from 'undici';
import type { RunJson } from '../../../apps/cli/run/view';
import { runEvents } from '../../../apps/client/run-events';
import { readLifecycleFolder } from '../../../apps/cli/lifecycle/folder';

const root = resolve(__dirname, '..', '..', '..');

/**
 * A server closes an idle connection after 72 s. A request sent in the same moment fails, so a
 * connection is not used again after 10 s without a request.
 */
const connections = new Agent({ keepAliveTimeout: 4_000, keepAliveMaxTimeout: 10_000 });

export interface Answer<T = Record<string, unknown>> {
  readonly status: number;
  readonly body: T;
  readonly headers: Headers;
}

export interface Product {
  readonly stateDir: string;
  readonly workDir: string;
  readonly apiUrl: string;
  readonly gatewayUrl: string;
  readonly apiKey: string;
  call<T = Record<string, unknown>>(
    method: string,
    path: string,
    options?: CallOptions,
  ): Promise<Answer<T>>;
  cli(
    args: readonly string[],
  ): Promise<{ readonly exitCode: number; readonly stdout: string; readonly stderr: string }>;
  /**
   * Like `perennial lifecycle apply`, but without a separate process. The folder has the
   * lifecycle's name.
   */
  apply(folder: string): Promise<void>;
  /** Pids of this product's processes whose command line contains the text. */
  pids(text: string): number[];
  kill(text: string, signal?: NodeJS.Signals): number[];
  start(lifecycle: string, body?: Record<string, unknown>, key?: string): Promise<Answer<RunJson>>;
  run(id: string): Promise<RunJson>;
  waitForEnd(id: string, seconds?: number): Promise<RunJson>;
  /** Resolves when the run has reached this stage. */
  waitForStage(id: string, stage: string): Promise<void>;
  log(): string;
  /** The URL by which the product reaches a server of this test on 127.0.0.1. */
  reach(url: string): Promise<string>;
  stop(): Promise<void>;
}

/** The product as a user starts it on one machine. */
export interface LocalProduct extends Product {
  readonly supervisor: ChildProcess;
}

export interface CallOptions {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly key?: string | null;
}

export interface Client {
  readonly apiUrl: string;
  readonly gatewayUrl: string;
  readonly apiKey: string;
}

export interface ProductOptions {
  readonly stateDir?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
}

declare global {
  /** Set for the tests that jest.config.cjs also runs on several machines. */
  var startProductElsewhere: ((options: ProductOptions) => Promise<Product>) | undefined;
}

export function startProduct(options: ProductOptions = {}): Promise<Product> {
  return (globalThis.startProductElsewhere ?? startLocalProduct)(options);
}

export async function startLocalProduct(options: ProductOptions = {}): Promise<LocalProduct> {
  const workDir = mkdtempSync(join(tmpdir(), 'perennial-e2e-'));
  const stateDir = options.stateDir ?? join(workDir, 'state');
  const env = {
    ...process.env,
    PERENNIAL_STATE_DIR: stateDir,
    PERENNIAL_BIN_DIR: join(root, '.perennial', 'bin'),
    PERENNIAL_PYTHON: join(root, '.perennial', 'python', 'bin', 'python'),
    PERENNIAL_SAMPLES_DIR: join(root, '.perennial', 'samples'),
    PERENNIAL_INGEST_ROOTS: `${workDir}:${root}`,
    PERENNIAL_API_PORT: '0',
    PERENNIAL_GATEWAY_PORT: '0',
    PERENNIAL_LOG_LEVEL: 'info',
    ...options.env,
  };
  let output = '';
  const supervisor = spawn(
    process.execPath,
    [join(root, 'bin', 'perennial.mjs'), 'up', ...(options.args ?? [])],
    {
      cwd: root,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  supervisor.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  supervisor.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const client = await ready(stateDir, supervisor, () => output).catch(async (error: unknown) => {
    await end(supervisor);
    throw error;
  });
  const product: LocalProduct = {
    stateDir,
    workDir,
    ...client,
    supervisor,
    ...openCalls(client, env, workDir),
    pids: (text) => descendantPids(supervisor.pid ?? -1, text),
    kill: (text, signal = 'SIGKILL') => {
      const pids = descendantPids(supervisor.pid ?? -1, text);
      for (const pid of pids) process.kill(pid, signal);
      return pids;
    },
    log: () => output,
    reach: (url) => Promise.resolve(url),
    stop: async () => {
      await end(supervisor);
      rmSync(workDir, { recursive: true, force: true });
    },
  };
  return product;
}

/** What a test does with a platform by its addresses, which are read at each call. */
export function openCalls(
  client: Client,
  env: NodeJS.ProcessEnv,
  workDir: string,
): Pick<Product, 'call' | 'cli' | 'apply' | 'start' | 'run' | 'waitForEnd' | 'waitForStage'> {
  return {
    call: (method, path, callOptions) => call(client, method, path, callOptions),
    cli: (args) => cli(args, env, workDir),
    apply: (folder) => apply(client, folder),
    start: (lifecycle, body = {}, key) =>
      call<RunJson>(client, 'POST', `/lifecycles/${lifecycle}/runs`, {
        body,
        ...(key === undefined ? {} : { headers: { 'idempotency-key': key } }),
      }),
    run: async (id) => (await call<RunJson>(client, 'GET', `/runs/${id}`)).body,
    waitForEnd: (id, seconds = 120) => waitForEnd(client, id, seconds),
    waitForStage: (id, stage) => waitForStage(client, id, stage),
  };
}

async function ready(
  stateDir: string,
  supervisor: ChildProcess,
  output: () => string,
): Promise<Client> {
  const deadline = Date.now() + 90_000;
  const file = join(stateDir, 'run', 'client.json');
  for (;;) {
    if (supervisor.exitCode !== null)
      throw new Error(`up ended with ${supervisor.exitCode}:\n${output()}`);
    const client = readJson(file) as Client | null;
    if (
      client &&
      (await answers(`${client.apiUrl}/readyz`)) &&
      (await answers(`${client.gatewayUrl}/readyz`))
    )
      return client;
    if (Date.now() > deadline) throw new Error(`up was not ready in time:\n${output()}`);
    await pause(100);
  }
}

async function call<T>(
  client: Client,
  method: string,
  path: string,
  { body, headers = {}, key = client.apiKey }: CallOptions = {},
): Promise<Answer<T>> {
  const url = path.startsWith('http') ? path : `${client.apiUrl}/api/v1${path}`;
  const answer = await undiciFetch(url, {
    dispatcher: connections,
    method,
    headers: {
      ...(key === null ? {} : { authorization: `Bearer ${key}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await answer.text();
  const isJson = /json/.test(answer.headers.get('content-type') ?? '');
  return {
    status: answer.status,
    headers: new Headers([...answer.headers]),
    body: (isJson ? JSON.parse(text) : text) as T,
  };
}

async function cli(args: readonly string[], env: NodeJS.ProcessEnv, cwd: string) {
  const child = spawn(process.execPath, [join(root, 'bin', 'perennial.mjs'), ...args], {
    cwd,
    env: { ...env, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const exitCode = await new Promise<number>((done) =>
    child.once('close', (code) => done(code ?? -1)),
  );
  return { exitCode, stdout, stderr };
}

async function apply(client: Client, folder: string): Promise<void> {
  const path = `/lifecycles/${basename(folder)}`;
  const answer = await call<{ revision?: number }>(client, 'PUT', path, {
    body: readLifecycleFolder(folder, '.'),
  });
  if (answer.status === 202) {
    const { revision = 0 } = answer.body;
    await call(client, 'POST', `${path}/revisions/${revision}/approve`, {
      body: { reason: 'a test', selfApprove: true },
    });
    return;
  }
  if (answer.status !== 200)
    throw new Error(`${folder} was not applied: ${JSON.stringify(answer.body)}`);
}

async function waitForEnd(client: Client, id: string, seconds: number): Promise<RunJson> {
  const final = ['succeeded', 'stopped', 'failed', 'cancelled', 'lost'];
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    // A test may just have killed the API.
    const run = await call<RunJson>(client, 'GET', `/runs/${id}`).catch(() => null);
    if (run?.status === 200 && final.includes(run.body.status)) return run.body;
    if (Date.now() > deadline)
      throw new Error(`${id} has not ended after ${seconds} s: ${JSON.stringify(run?.body)}`);
    await pause(100);
  }
}

async function waitForStage(client: Client, id: string, stage: string): Promise<void> {
  for await (const event of runEvents(client, id)) if (event.stage === stage) return;
  const { body } = await call<RunJson>(client, 'GET', `/runs/${id}`);
  throw new Error(
    `${id} ended before its stage ${stage}: ${body.status} ${JSON.stringify(body.failure)}`,
  );
}

/**
 * Descendants of a process whose command line contains the text, from /proc, so that a test kills
 * only processes that it started.
 */
export function descendantPids(ancestor: number, text: string): number[] {
  const parents = new Map<number, number>();
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const stat = readProc(`/proc/${entry}/stat`);
    const parent = /\) \S (\d+)/.exec(stat)?.[1];
    if (parent !== undefined) parents.set(Number(entry), Number(parent));
  }
  const descends = (pid: number): boolean => {
    for (let at: number | undefined = pid; at !== undefined && at > 1; at = parents.get(at))
      if (parents.get(at) === ancestor) return true;
    return false;
  };
  return [...parents.keys()].filter(
    (pid) => descends(pid) && readProc(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').includes(text),
  );
}

export async function end(process: ChildProcess): Promise<void> {
  if (process.exitCode !== null || process.signalCode !== null) return;
  const closed = new Promise<void>((done) => process.once('exit', () => done()));
  process.kill('SIGTERM');
  await closed;
}

async function answers(url: string): Promise<boolean> {
  return fetch(url).then(
    (answer) => answer.ok,
    () => false,
  );
}

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return null;
  }
}

function readProc(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

export function pause(milliseconds: number): Promise<void> {
  return new Promise((done) => setTimeout(done, milliseconds));
}
