/** A scripted HTTP server, and the command line against it. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import type { CliAuditKeys } from '../../../apps/cli/context';
import { createContext } from '../../../apps/cli/context';
import { runCli } from '../../../apps/cli/main';
import { openTerminal } from '../../../apps/cli/terminal';
import { cliCompute } from '../../../workers/cli-compute';

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: unknown;
}

export type Handler = (asked: Asked, response: ServerResponse) => void;

export interface FakeApi {
  readonly url: string;
  readonly asked: Asked[];
  /** Method and path → JSON, or a function that writes the response. */
  readonly routes: Map<string, object | Handler>;
  cli(...args: readonly string[]): Promise<CliResult>;
  close(): Promise<void>;
}

export interface CliResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export async function openFakeApi(): Promise<FakeApi> {
  const routes: FakeApi['routes'] = new Map();
  const asked: Asked[] = [];
  const server = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk: Buffer) => (text += chunk.toString()));
    request.on('end', () => {
      const path = (request.url ?? '').replace('/api/v1', '');
      const seen = {
        method: request.method ?? '',
        path,
        headers: request.headers,
        body: text === '' ? undefined : (JSON.parse(text) as unknown),
      };
      asked.push(seen);
      const route =
        routes.get(`${seen.method} ${path}`) ??
        routes.get(`${seen.method} ${decodeURIComponent(path.split('?')[0] ?? '')}`);
      if (typeof route === 'function') (route as Handler)(seen, response);
      else if (route === undefined)
        refuse(response, 404, {
          code: 'NotFound',
          detail: `there is no ${path}`,
          next: 'perennial run list',
        });
      else answer(response, 200, route);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    asked,
    routes,
    cli: (...args) => cliAgainst({ apiUrl: url, apiKey: 'pk_test' }, args),
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

export async function cliAgainst(
  settings: {
    readonly apiUrl: string | null;
    readonly apiKey: string | null;
    readonly gatewayUrl?: string;
    readonly cwd?: string;
    readonly stateDir?: string;
    readonly trainersDir?: string;
    readonly python?: string;
    readonly maxJobs?: string;
    readonly tty?: boolean;
    readonly noColor?: boolean;
  },
  args: readonly string[],
): Promise<CliResult> {
  const [stdout, stderr] = [sink(settings.tty ?? false), sink(settings.tty ?? false)];
  const terminal = openTerminal({
    stdout: stdout.stream,
    stderr: stderr.stream,
    noColor: settings.noColor ?? false,
  });
  const {
    apiUrl,
    apiKey,
    cwd = process.cwd(),
    trainersDir = join(process.cwd(), 'trainers'),
  } = settings;
  const {
    python = process.env['PERENNIAL_PYTHON'] ??
      join(process.cwd(), '.perennial', 'python', 'bin', 'python'),
  } = settings;
  const samplesDir = join(process.cwd(), '.perennial', 'samples');
  const { stateDir = join(cwd, '.perennial'), gatewayUrl = null } = settings;
  const context = createContext(terminal, {
    apiUrl,
    apiKey,
    gatewayUrl,
    cwd,
    stateDir,
    trainersDir,
    samplesDir,
    python,
    pythonLlm:
      process.env['PERENNIAL_PYTHON_LLM'] ??
      join(process.cwd(), '.perennial', 'python-llm', 'bin', 'python'),
  });
  const compute = () =>
    cliCompute({ PERENNIAL_MAX_JOBS: settings.maxJobs }, { python, trainersDir });
  const exitCode = await runCli(args, context, {
    version: '9.9.9',
    compute,
    auditKeys: () => noAuditKeys,
  });
  return { exitCode, stdout: stdout.text(), stderr: stderr.text() };
}

function sink(isTTY: boolean) {
  let text = '';
  const stream = Object.assign(
    new Writable({
      write(chunk: Buffer, _encoding, done) {
        text += chunk.toString();
        done();
      },
    }),
    { isTTY },
  );
  return { stream, text: () => text };
}

export function answer(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

export function refuse(response: ServerResponse, status: number, problem: object): void {
  response
    .writeHead(status, { 'content-type': 'application/problem+json' })
    .end(JSON.stringify({ status, ...problem }));
}

/** Those commands need a database: test/workers/audit/cli-keys.platform.test.ts. */
const noAuditKeys: CliAuditKeys = {
  newKey: () => Promise.reject(new Error('no audit keys here')),
  addKey: () => Promise.reject(new Error('no audit keys here')),
  rotateKey: () => Promise.reject(new Error('no audit keys here')),
};
