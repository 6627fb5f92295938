/** The address of a cluster and its credentials, from a kubeconfig or the pod of the worker. */
import { existsSync, statSync } from 'node:fs';
import { Agent, ProxyAgent, type Dispatcher } from 'undici';
import { failure } from '../../../../domain/failure';
import { excerpt } from '../engine-request';

export interface KubernetesAccess {
  /** The path of a kubeconfig. Without it, the worker runs in a pod of the cluster. */
  readonly kubeconfig?: string;
  /** A context of the kubeconfig; its current one by default. */
  readonly context?: string;
}

/** What a request needs beside its path. */
export interface ClusterConnection {
  readonly server: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly secrets: readonly string[];
  readonly dispatcher: Dispatcher;
}

/** The part of `@kubernetes/client-node` that is used. */
interface KubernetesLibrary {
  readonly KubeConfig: new () => KubeConfig;
}

interface KubeConfig {
  loadFromFile(file: string): void;
  loadFromCluster(): void;
  getContextObject(name: string): unknown;
  setCurrentContext(name: string): void;
  getCurrentCluster(): {
    readonly server: string;
    readonly proxyUrl?: string;
  } | null;
  /** Runs the programs and renews the tokens that the kubeconfig names. */
  applyToHTTPSOptions(options: HttpsOptions): Promise<void>;
}

interface HttpsOptions {
  headers?: Record<string, string>;
  auth?: string;
  ca?: Buffer;
  cert?: Buffer | string;
  key?: Buffer | string;
  servername?: string;
  rejectUnauthorized?: boolean;
}

const serviceAccountToken = '/var/run/secrets/kubernetes.io/serviceaccount/token';

/** Opens a connection for each request, so that renewed credentials take effect. */
export function openAccess(access: KubernetesAccess): () => Promise<ClusterConnection> {
  // At the start of the worker, because loading takes a second in which nothing else runs.
  const library = loadLibrary();
  let loaded: { readonly config: KubeConfig; readonly changedAt: number } | null = null;
  const current = (): KubeConfig => {
    const changedAt = readChangeTime(access);
    if (loaded?.changedAt !== changedAt) loaded = { config: load(library, access), changedAt };
    return loaded.config;
  };
  return async () => {
    const config = current();
    const cluster = config.getCurrentCluster();
    if (!cluster?.server) throw unusable(access, 'its context names no cluster');
    const options: HttpsOptions = {};
    try {
      await config.applyToHTTPSOptions(options);
    } catch (error) {
      throw failure(
        'BackendUnavailable',
        `the credentials for Kubernetes at ${cluster.server} cannot be read: ` +
          excerpt(error instanceof Error ? error.message : String(error), []),
        {
          cause: error,
          next: 'Check the user of the kubeconfig, and run: kubectl auth whoami',
        },
      );
    }
    const { headers = {}, auth } = options;
    const authorization = auth === undefined ? {} : { authorization: basic(auth) };
    return {
      server: cluster.server.replace(/\/+$/, ''),
      headers: { ...headers, ...authorization },
      secrets: [...Object.values(headers), ...Object.values(authorization)].map((value) =>
        value.replace(/^(Bearer|Basic) /, ''),
      ),
      dispatcher: openDispatcher(options, cluster.proxyUrl),
    };
  };
}

function load(library: KubernetesLibrary, access: KubernetesAccess): KubeConfig {
  const config = new library.KubeConfig();
  const { kubeconfig, context } = access;
  if (kubeconfig === undefined) {
    config.loadFromCluster();
    return config;
  }
  try {
    config.loadFromFile(kubeconfig);
  } catch (error) {
    throw unusable(access, excerpt(error instanceof Error ? error.message : String(error), []));
  }
  if (context !== undefined) {
    if (!config.getContextObject(context)) throw unusable(access, `it has no context ${context}`);
    config.setCurrentContext(context);
  }
  return config;
}

/** Workers without jobs on Kubernetes do without the library, which is large. */
function loadLibrary(): KubernetesLibrary {
  try {
    // tsx resolves require, not import(), and bundles leave this package out.
    // eslint-disable-next-line @typescript-eslint/no-require-imports
    return require('@kubernetes/client-node') as KubernetesLibrary;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_REQUIRE_ESM') throw error;
    throw failure('InvalidInput', `jobs on Kubernetes cannot run with Node ${process.version}`, {
      cause: error,
      next: 'Use Node 20.19, 22.12, 24 or newer',
    });
  }
}

/** Changes when the kubeconfig is written. Tokens of a pod are read again by the library. */
function readChangeTime(access: KubernetesAccess): number {
  const { kubeconfig } = access;
  if (kubeconfig !== undefined) {
    const found = statSync(kubeconfig, { throwIfNoEntry: false });
    if (!found) throw unusable(access, 'there is no such file');
    return found.mtimeMs;
  }
  if (existsSync(serviceAccountToken)) return 0;
  throw failure(
    'BackendUnavailable',
    'no kubeconfig is set, and this process is not in a pod with a token for Kubernetes',
    {
      next:
        'Set PERENNIAL_KUBERNETES_KUBECONFIG, or in the chart kubernetesJobs.enabled: true, ' +
        'which mounts the token',
    },
  );
}

function openDispatcher(options: HttpsOptions, proxyUrl: string | undefined): Dispatcher {
  const { ca, cert, key, servername, rejectUnauthorized } = options;
  const tls = {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(servername !== undefined && { servername }),
    ...(rejectUnauthorized !== undefined && { rejectUnauthorized }),
  };
  return proxyUrl === undefined
    ? new Agent({ connect: tls })
    : new ProxyAgent({ uri: proxyUrl, requestTls: tls });
}

function unusable({ kubeconfig = '' }: KubernetesAccess, why: string): Error {
  return failure('BackendUnavailable', `the kubeconfig ${kubeconfig} cannot be used: ${why}`, {
    next: 'Check PERENNIAL_KUBERNETES_KUBECONFIG and PERENNIAL_KUBERNETES_CONTEXT',
  });
}

function basic(auth: string): string {
  return `Basic ${Buffer.from(auth).toString('base64')}`;
}
