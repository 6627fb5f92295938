/** A Ray cluster of one node on this machine, in a folder of its own. */
import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { openDeathWatch } from '../../../infra/death-watch';
import { freePorts } from '../../../infra/ports';
import { pause } from '../process/product';

export interface RunningRay {
  readonly url: string;
  /** Resources that Ray's scheduler has given to the job. */
  given(name: string): Promise<Readonly<Record<string, number>>>;
  /** Process ids of this Ray's programs whose command line has the text. */
  pids(text: string): readonly number[];
  close(): Promise<void>;
}

const programs = resolve(__dirname, '../../../.perennial/engines/ray/bin');

export async function startRay(): Promise<RunningRay> {
  const ray = join(programs, 'ray');
  if (!existsSync(ray))
    throw new Error(`Ray is not installed at ${ray}. Run: npm run provision:engines`);
  // Ray's sockets are in this folder, and the path of a socket has at most 107 bytes.
  const folder = await mkdtemp(join(tmpdir(), 'ray-'));
  const [port = 0, dashboard = 0, client = 0, agent = 0] = await freePorts(4);
  const output = openSync(join(folder, 'ray.out'), 'a');
  const watch = openDeathWatch();
  const head = spawn(
    ray,
    [
      'start',
      '--head',
      '--block',
      '--disable-usage-stats',
      '--num-cpus=2',
      '--num-gpus=1',
      `--memory=${6 * 2 ** 30}`,
      '--object-store-memory=80000000',
      '--resources={"spot_slot": 1}',
      `--port=${port}`,
      '--min-worker-port=0',
      '--max-worker-port=0',
      '--dashboard-host=127.0.0.1',
      `--dashboard-port=${dashboard}`,
      `--ray-client-server-port=${client}`,
      `--dashboard-agent-listen-port=${agent}`,
      `--temp-dir=${folder}`,
    ],
    {
      env: {
        ...process.env,
        // A job's Python is the first one on the PATH of the node.
        PATH: [programs, process.env['PATH'] ?? ''].join(delimiter),
        RAY_USAGE_STATS_ENABLED: '0',
        // On a busy machine, the node takes longer to start than the default of 30 seconds.
        RAY_raylet_start_wait_time_s: '150',
        NO_COLOR: '1',
      },
      stdio: ['ignore', output, output],
      detached: true,
      cwd: folder,
    },
  );
  closeSync(output);
  const { pid = 0 } = head;
  watch.add(pid, 'SIGTERM', 'ray');
  const url = `http://127.0.0.1:${dashboard}`;

  const close = async (): Promise<void> => {
    if (head.exitCode === null && head.signalCode === null) {
      const gone = new Promise((done) => head.once('exit', done));
      head.kill('SIGTERM');
      const late = setTimeout(() => head.kill('SIGKILL'), 10_000);
      await gone;
      clearTimeout(late);
    }
    // Ray's programs are in the group of the head, workers are in groups of their own.
    killGroup(pid);
    for (const left of listPids(folder)) killGroup(left);
    await watch.close();
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  };

  const deadline = Date.now() + 160_000;
  while (!(await isReady(url))) {
    if (Date.now() > deadline || head.exitCode !== null) {
      const text = readFileSync(join(folder, 'ray.out'), 'utf8');
      await close();
      throw new Error(`Ray did not start: ${text.slice(-2000)}`);
    }
    await pause(250);
  }
  return {
    url,
    async given(name) {
      const filter = new URLSearchParams({
        detail: '1',
        filter_keys: 'name',
        filter_predicates: '=',
        filter_values: `_ray_internal_job_actor_${name}`,
      });
      const text = await get(`${url}/api/v0/actors?${filter.toString()}`);
      const answer = JSON.parse(text) as {
        data: { result: { result: { required_resources: Record<string, number> }[] } };
      };
      return answer.data.result.result[0]?.required_resources ?? {};
    },
    pids: (text) => listPids(folder).filter((one) => commandLine(one).includes(text)),
    close,
  };
}

/** The Jobs API is ready later than the page of the dashboard. */
async function isReady(url: string): Promise<boolean> {
  const nodes = await get(`${url}/api/v0/nodes`).catch(() => '');
  return nodes.includes('ALIVE') && (await get(`${url}/api/jobs/`).catch(() => '')) === '[]';
}

/** Ray refuses requests with the headers of a browser, which the global fetch sends. */
function get(url: string): Promise<string> {
  return new Promise((done, fail) => {
    const sent = request(url, { timeout: 5000 }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (text += chunk));
      response.once('end', () => done(text)).once('error', fail);
    });
    sent.once('error', fail).once('timeout', () => sent.destroy(new Error('no answer')));
    sent.end();
  });
}

/** All programs of this Ray have its folder in their command line or their environment. */
function listPids(folder: string): number[] {
  return readdirProc().filter((pid) => {
    const text = commandLine(pid) + read(`/proc/${pid}/environ`);
    return text.includes(folder);
  });
}

function readdirProc(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

function commandLine(pid: number): string {
  return read(`/proc/${pid}/cmdline`);
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function killGroup(pid: number): void {
  if (pid <= 1 || pid === process.pid) return;
  for (const target of [-pid, pid]) {
    try {
      process.kill(target, 'SIGKILL');
    } catch {
      // it has ended, or does not lead a group
    }
  }
}
