import { rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { failure } from '../domain/failure';
import {
  backendPortNames,
  startBackends,
  type BackendEnvironment,
  type BackendTarget,
} from './backends';
import { isSocketFree, seaweedPortNames } from './embedded/seaweedfs';
import { openDeathWatch, type DeathWatch, type ProcessGuard } from './death-watch';
import { choosePorts, type PortRequest } from './port-file';
import { writePrivateJson } from './private-file';
import { clearLeftovers, openProcessRecord } from './process-record';
import { selectComputeSettings } from './compute/settings';
import { openSecrets } from './secrets';
import { isAlive, runToEnd, startService } from './service';
import { statePaths, type StatePaths } from './state-paths';
import { openSupervisor, type Supervisor } from './supervisor';
import { takeSupervisorLock } from './supervisor-lock';
import { openUiProxy, type UiProxy } from './embedded/ui-proxy';

export interface PlatformOptions {
  readonly environment: BackendEnvironment;
  /** Folder of everything that survives a stop: state/, run/, log/, secrets.json. */
  readonly stateDir: string;
  /** Folder of the provisioned files: bin/, python/, samples/. */
  readonly cacheDir: string;
  readonly say: (line: string) => void;
  /** Aborts a start in progress. */
  readonly signal: AbortSignal;
}

export interface Platform {
  readonly apiUrl: string;
  readonly gatewayUrl: string;
  /** Link to the embedded UI that opens a session in the first browser that uses it. */
  readonly temporalUiUrl: string | null;
  /** API key of the user of this machine. */
  readonly apiKey: string;
  readonly targets: readonly BackendTarget[];
  /** Settings of the platform's processes, including secrets. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  processes(): readonly { readonly name: string; readonly pid: number }[];
  stop(): Promise<void>;
}

/**
 * Starts the backends without a configured address, prepares them, and starts the platform's
 * processes. Resolves when they accept requests.
 */
export async function startPlatform(options: PlatformOptions): Promise<Platform> {
  const paths = statePaths(options.stateDir);
  const release = takeSupervisorLock(paths.lock, options.stateDir);
  const watch = openDeathWatch();
  const supervisor = openSupervisor({ say: options.say });
  let stopped: Promise<void> | null = null;
  let ui: UiProxy | null = null;
  const stop = (): Promise<void> =>
    (stopped ??= supervisor.stop().finally(async () => {
      await ui?.close();
      rmSync(paths.client, { force: true });
      await watch.close();
      release();
    }));
  const interrupt = (): void => void supervisor.stop();
  options.signal.addEventListener('abort', interrupt, { once: true });
  try {
    // Left by a platform that was killed. Clients must not wait for it.
    rmSync(paths.client, { force: true });
    const left = await clearLeftovers(paths.processes);
    if (left.length > 0) options.say(`Ended processes of an earlier start: ${left.join(', ')}`);
    const assembled = await assemble(
      options,
      paths,
      buildGuard(paths, watch),
      supervisor,
      (opened) => (ui = opened),
    );
    return { ...assembled, processes: () => supervisor.processes(), stop };
  } catch (error) {
    await stop();
    throw options.signal.aborted
      ? failure('PlatformUnavailable', 'stopped before it was ready', { cause: error })
      : error;
  } finally {
    options.signal.removeEventListener('abort', interrupt);
  }
}

/** The watch ends the processes if this one dies; the record lets the next start end them. */
function buildGuard(paths: StatePaths, watch: DeathWatch): ProcessGuard {
  const record = openProcessRecord(paths.processes);
  return {
    add: (pid, signal, name) => {
      watch.add(pid, signal, name);
      record.add(name, pid, signal);
    },
    drop: (pid) => {
      watch.drop(pid);
      record.drop(pid);
    },
  };
}

async function assemble(
  { environment, stateDir, cacheDir, say }: PlatformOptions,
  paths: StatePaths,
  guard: ProcessGuard,
  supervisor: Supervisor,
  keep: (ui: UiProxy) => void,
): Promise<Omit<Platform, 'processes' | 'stop'>> {
  const secrets = openSecrets(paths.secrets, [join(paths.state, 'postgres', 'data')]);
  const wanted = wantedServices(environment);
  const { ports, moved } = await choosePorts(paths.ports, portWishes(environment));
  for (const { name, from, to } of moved) {
    const service = wanted.find((one) => one === name);
    if (service !== undefined && service !== 'worker')
      say(`Another program uses port ${from}, so the ${services[service]} uses port ${to}`);
  }
  const since = Date.now();
  const progress = (what: string): void =>
    say(`  ${((Date.now() - since) / 1000).toFixed(1).padStart(5)} s  ${what}`);
  const backends = await startBackends({
    environment,
    cacheDir,
    paths,
    secrets,
    ports,
    guard,
    supervisor,
  });
  progress(
    backends.targets
      .map(({ name, embedded }) => `${name}${embedded ? '' : ' elsewhere'}`)
      .join(', '),
  );
  const host = reachableHost(environment['PERENNIAL_BIND']);
  const hasTls = Boolean(environment['PERENNIAL_GATEWAY_TLS_CERT_FILE']);
  // The processes start in another folder than this one.
  const tlsFiles = ['PERENNIAL_GATEWAY_TLS_CERT_FILE', 'PERENNIAL_GATEWAY_TLS_KEY_FILE'].flatMap(
    (name) => (environment[name] ? [[name, resolve(environment[name])] as const] : []),
  );
  const apiUrl = `http://${host}:${ports.api}`;
  // The certificate may name only the configured address.
  const gatewayUrl =
    (hasTls && environment['PERENNIAL_GATEWAY_URL']) ||
    `${hasTls ? 'https' : 'http'}://${host}:${ports.gateway}`;
  const settings: Record<string, string | undefined> = {
    ...environment,
    ...Object.fromEntries(tlsFiles),
    ...backends.environment,
    PERENNIAL_STATE_DIR: stateDir,
    PERENNIAL_PYTHON: environment['PERENNIAL_PYTHON'] || join(cacheDir, 'python', 'bin', 'python'),
    PERENNIAL_PYTHON_LLM:
      environment['PERENNIAL_PYTHON_LLM'] || join(cacheDir, 'python-llm', 'bin', 'python'),
    PERENNIAL_SAMPLES_DIR: environment['PERENNIAL_SAMPLES_DIR'] || join(cacheDir, 'samples'),
    PERENNIAL_API_PORT: String(ports.api),
    PERENNIAL_API_URL: apiUrl,
    PERENNIAL_PAGES_URL: environment['PERENNIAL_PAGES_URL'] || apiUrl,
    PERENNIAL_GATEWAY_PORT: String(ports.gateway),
    PERENNIAL_GATEWAY_URL: environment['PERENNIAL_GATEWAY_URL'] || gatewayUrl,
    PERENNIAL_WORKER_PORT: String(ports.worker),
    ...(wanted.includes('llm-server')
      ? {
          PERENNIAL_LLM_PORT: String(ports['llm-server']),
          PERENNIAL_LLM_URL: `http://${host}:${ports['llm-server']}/v1`,
        }
      : {}),
  };

  const setup = (await runToEnd('setup', { ...settings, ...backends.setupEnvironment }, guard)) as {
    readonly admin?: string;
    readonly service?: string;
    readonly warnings: readonly string[];
  };
  // Setup does not print the keys that the settings give.
  const keys = {
    admin: setup.admin ?? environment['PERENNIAL_ADMIN_KEY'] ?? '',
    service: setup.service ?? environment['PERENNIAL_SERVICE_KEY'] ?? '',
  };
  for (const warning of setup.warnings) say(`warning: ${warning}`);
  progress('tables, bucket, keys, namespace');
  const env = { ...settings, PERENNIAL_SERVICE_KEY: keys.service };
  const ui =
    backends.uiServer === null
      ? null
      : await openUiProxy({
          port: ports.temporalUi,
          upstream: backends.uiServer,
          apiKey: keys.admin,
        });
  if (ui) keep(ui);
  await Promise.all(
    wanted.map((command) => {
      const options = {
        name: `The ${services[command]}`,
        command,
        env,
        host,
        port: ports[command],
        tls: command === 'gateway' && hasTls,
        logFile: join(paths.log, `${command}.log`),
        guard,
      };
      return supervisor.run({
        name: options.name,
        tier: 2,
        start: (signal) => startService({ ...options, signal }),
        isAlive: () => isAlive(options),
      });
    }),
  );
  progress(wanted.map((command) => services[command]).join(', '));
  writePrivateJson(paths.client, {
    apiUrl,
    gatewayUrl,
    apiKey: keys.admin,
    ...(ui ? { temporalUiUrl: ui.url } : {}),
    compute: selectComputeSettings(env),
  });
  return {
    apiUrl,
    gatewayUrl,
    temporalUiUrl: ui?.link() ?? settings['PERENNIAL_TEMPORAL_UI_URL'] ?? null,
    apiKey: keys.admin,
    targets: backends.targets,
    environment: env,
  };
}

const services = {
  worker: 'worker',
  api: 'API',
  gateway: 'gateway',
  'llm-server': 'language model',
} as const;
type PlatformService = keyof typeof services;

/** The language model needs 0.5 GB of memory and a download, so it runs only when configured. */
function wantedServices(environment: BackendEnvironment): readonly PlatformService[] {
  const withModel = environment['PERENNIAL_LLM_SERVER'] === 'true';
  return (Object.keys(services) as PlatformService[]).filter(
    (name) => name !== 'llm-server' || withModel,
  );
}

function portWishes(
  environment: BackendEnvironment,
): Record<PlatformService | (typeof backendPortNames)[number], PortRequest> {
  const readPort = (setting: string): PortRequest => {
    const text = environment[setting];
    if (text === undefined || text === '') return {};
    if (/^\d+$/.test(text) && Number(text) <= 65_535) return { exactly: Number(text), setting };
    throw failure('InvalidInput', `${setting} is not a port number: ${text}`);
  };
  const any = Object.fromEntries(backendPortNames.map((name) => [name, {}])) as Record<
    (typeof backendPortNames)[number],
    PortRequest
  >;
  for (const name of seaweedPortNames) any[name] = { usable: (port) => isSocketFree(name, port) };
  return {
    ...any,
    api: { preferred: 8700, ...readPort('PERENNIAL_API_PORT') },
    gateway: { preferred: 8710, ...readPort('PERENNIAL_GATEWAY_PORT') },
    worker: readPort('PERENNIAL_WORKER_PORT'),
    'llm-server': { preferred: 8720, ...readPort('PERENNIAL_LLM_PORT') },
  };
}

function reachableHost(bind: string | undefined): string {
  return bind === undefined || bind === '' || bind === '0.0.0.0' || bind === '::'
    ? '127.0.0.1'
    : bind;
}
