/**
 * Every setting of a Perennial process. All errors in settings are reported together.
 */
import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import type { AdmissionLimits, LimitPerModel } from '../apps/gateway/config';
import type { CertificateFiles } from '../apps/gateway/tls/certificate';
import { uvVariables } from '../data/training/python-environments';
import type { SecretAccess, SecretRef } from '../domain/access/secret-access';
import type { ComputePrices } from '../domain/cost/price';
import type { Environment } from './environment';
import {
  lifecycleSecrets,
  operatorSecrets,
  readSecretAccess,
  secretSettings,
} from './access/secret-refs';
import {
  auditFiles,
  auditSettingErrors,
  auditSettings,
  readAuditSettings,
  type AuditConfig,
} from './audit/settings';
import {
  engineFiles,
  engineSettingErrors,
  engineSettings,
  readEngineConfig,
  type EngineConfig,
} from './compute/engine-settings';
import { computePrices } from './compute/prices';
import {
  gatewayTlsErrors,
  gatewayTlsFiles,
  gatewayTlsSettings,
  readGatewayTls,
} from './gateway-tls';
import { wrongSettings } from './setting-errors';
import { trustedProxies } from './trusted-proxies';
import type { TemporalSecurity, WorkerVersion } from './temporal/settings';
import { readSourceAccess, sourceSettings, type SourceAccess } from './source-settings';
import {
  readTemporalSecurity,
  readWorkerVersion,
  temporalFiles,
  temporalSettings,
} from './temporal/settings';

const port = z.coerce.number().int().min(0).max(65_535);
const flag = z.enum(['true', 'false']).transform((text) => text === 'true');

const defaultBucket = 'perennial';

/** `512` or `512,flight-delay=64`: for each model, and for some by name. */
const perModel = z
  .string()
  .regex(/^[1-9]\d{0,6}(,[^,=\s]+=[1-9]\d{0,6})*$/, 'must be such as 512 or 512,flight-delay=64')
  .transform((text) => {
    const [usual = '', ...named] = text.split(',');
    return {
      usual: Number(usual),
      of: Object.fromEntries(
        named.map((item) => item.split('=')).map(([model, limit]) => [model, Number(limit)]),
      ) as Readonly<Record<string, number>>,
    };
  });
const maxTimeoutMs = 3_600_000;
const timeoutPerModel = perModel.refine(
  ({ usual, of }) => Math.max(usual, ...Object.values(of)) <= maxTimeoutMs,
  `must be at most ${maxTimeoutMs} (an hour)`,
);
const requestsPerMinute = z.coerce.number().int().min(1).max(100_000_000).optional();
const maxJobs = z.coerce.number().int().min(1).max(256).default(2);

export const s3Settings = {
  PERENNIAL_S3_ENDPOINT: z.url(),
  PERENNIAL_S3_BUCKET: z
    .string()
    .regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'an S3 bucket name')
    .default(defaultBucket),
  AWS_REGION: z.string().optional(),
  AWS_DEFAULT_REGION: z.string().optional(),
  AWS_ACCESS_KEY_ID: z.string(),
  AWS_SECRET_ACCESS_KEY: z.string(),
  AWS_SESSION_TOKEN: z.string().optional(),
};

const settings = z.object({
  PERENNIAL_TEMPORAL_ADDRESS: z.string().regex(/^[^\s:/]+:\d+$/, 'must be host:port'),
  PERENNIAL_TEMPORAL_NAMESPACE: z.string().optional(),
  PERENNIAL_TEMPORAL_UI_URL: z.url().optional(),
  ...temporalSettings,
  ...auditSettings,
  PERENNIAL_DATABASE_URL: z
    .string()
    .regex(/^postgres(ql)?:\/\//, 'must be postgres://user:password@host:port/database'),
  /** The owner of the tables, which only `setup` uses; default: the role of the processes. */
  PERENNIAL_DATABASE_OWNER_URL: z
    .string()
    .regex(/^postgres(ql)?:\/\//, 'must be postgres://user:password@host:port/database')
    .optional(),
  PERENNIAL_DATABASE_CONNECTIONS: z.coerce.number().int().min(2).max(200).default(10),
  ...s3Settings,
  PERENNIAL_STATE_DIR: z.string().optional(),
  PERENNIAL_PYTHON: z.string().optional(),
  /** The Python set that fine-tunes language models. */
  PERENNIAL_PYTHON_LLM: z.string().optional(),
  /** The program that makes the Python environments of projects and trainers. */
  PERENNIAL_UV_BIN: z.string().optional(),
  PERENNIAL_LLM_URL: z.url().optional(),
  PERENNIAL_LLM_API_KEY: z.string().min(1).optional(),
  /** A document of kind Platform with the providers of language models. */
  PERENNIAL_PROVIDERS_FILE: z.string().optional(),
  /** What compute costs (docs/guides/cost.md). */
  PERENNIAL_PRICES_FILE: z.string().optional(),
  PERENNIAL_SAMPLES_DIR: z.string().optional(),
  PERENNIAL_TRAINERS_DIR: z.string().optional(),
  PERENNIAL_API_PORT: port.default(8700),
  PERENNIAL_API_URL: z.url({ protocol: /^https?$/ }).optional(),
  PERENNIAL_PAGES_URL: z.url({ protocol: /^https?$/ }).optional(),
  PERENNIAL_GATEWAY_PORT: port.default(8710),
  PERENNIAL_WORKER_PORT: port.default(0),
  PERENNIAL_BIND: z.string().default('127.0.0.1'),
  /** The URL of this gateway for other processes; default: bind address and port. */
  PERENNIAL_GATEWAY_URL: z.url().optional(),
  ...gatewayTlsSettings,
  /** Answers in progress at once; by default as many as the limit of open files allows. */
  PERENNIAL_GATEWAY_MAX_ANSWERS: z.coerce.number().int().min(1).max(1_000_000).optional(),
  /** The gateway processes that share the port. */
  PERENNIAL_GATEWAY_PROCESSES: z.coerce.number().int().min(1).max(64).default(1),
  /** The number of this one of them, from 1; their supervisor sets it. */
  PERENNIAL_GATEWAY_PROCESS: z.coerce.number().int().min(1).optional(),
  /** The inference requests in progress for one model; further ones get 429. */
  PERENNIAL_GATEWAY_MODEL_REQUESTS: perModel.optional(),
  /** The inference requests in progress in a gateway; further ones get 503. */
  PERENNIAL_GATEWAY_REQUESTS: z.coerce.number().int().min(1).max(1_000_000).optional(),
  /** While the oldest request to a model waits longer than this, further ones get 429. */
  PERENNIAL_GATEWAY_WAIT_MS: z.coerce.number().int().min(1).max(3_600_000).optional(),
  /** The time from the arrival of an inference request to its answer; after that it gets 504. */
  PERENNIAL_GATEWAY_TIMEOUT_MS: timeoutPerModel.optional(),
  /** The memory for models in a gateway, in MiB. */
  PERENNIAL_GATEWAY_MODEL_MEMORY_MB: z.coerce.number().int().min(16).max(1_000_000).optional(),
  /** Models that a gateway loads at its start and keeps, with commas between; `*` for all. */
  PERENNIAL_GATEWAY_PINNED_MODELS: z
    .string()
    .default('')
    .transform((text) => text.split(',').map((name) => name.trim()))
    .transform((names) => names.filter((name) => name !== '')),
  /** How long answers in progress may take to finish when the gateway stops. */
  PERENNIAL_GATEWAY_DRAIN_SECONDS: z.coerce.number().min(0).max(3600).optional(),
  /** Secrets with which the API signs commands to workflows; API and workers read the same file. */
  PERENNIAL_COMMAND_KEYS_FILE: z.string().optional(),
  PERENNIAL_API_REQUESTS_PER_MINUTE: requestsPerMinute,
  PERENNIAL_GATEWAY_REQUESTS_PER_MINUTE: requestsPerMinute,
  /** The platform's own API key, which workers use to call gateways. */
  PERENNIAL_SERVICE_KEY: z.string().optional(),
  /** The admin key and the service key: `setup` registers them instead of making keys. */
  PERENNIAL_ADMIN_KEY: z.string().optional(),
  /** Proxies whose X-Forwarded-For and X-Forwarded-Proto count at the API and the gateway. */
  PERENNIAL_TRUSTED_PROXIES: trustedProxies,
  /** Shows the metrics of all tenants, to a scraper that sends it as a bearer token. */
  PERENNIAL_METRICS_TOKEN: z
    .string()
    .regex(/^[\x21-\x7e]{20,512}$/, 'must have 20 to 512 characters without spaces')
    .optional(),
  PERENNIAL_MAX_JOBS: maxJobs,
  /** Run training jobs as separate users and without network, where the system allows it. */
  PERENNIAL_JOBS_CONFINED: flag.default(true),
  /** Lets this version start although its workflow code cannot continue some open runs. */
  PERENNIAL_ALLOW_INCOMPATIBLE_RUNS: flag.default(false),
  ...engineSettings,
  ...sourceSettings,
  ...secretSettings,
  /** The server that sends mail: smtp://user:password@host:587 or smtps://…:465. */
  PERENNIAL_SMTP_URL: z
    .string()
    .regex(/^smtps?:\/\/[^\s]+$/, 'must be smtp://user:password@host:port or smtps://…')
    .optional(),
  /** The sender of mail. */
  PERENNIAL_SMTP_FROM: z
    .string()
    .regex(/^[^\r\n@]*@[^\r\n]*$/, 'must be an address')
    .optional(),
  /** Allow webhooks with private addresses and with http://. */
  PERENNIAL_NOTIFY_PRIVATE_ADDRESSES: flag.default(false),
  PERENNIAL_LOG_LEVEL: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'silent'])
    .default('info'),
});

/** Where `bin/provision.mjs` stores downloads: always in the clone, wherever the state is. */
const provisioned = resolve(__dirname, '..', '.perennial');
const builtPages = join(provisioned, 'build', 'web');

export interface Config {
  readonly temporal: TemporalSecurity & {
    readonly address: string;
    readonly namespace: string;
    readonly uiUrl: string | null;
    readonly version: WorkerVersion | null;
  };
  readonly database: {
    readonly url: string;
    /** Null if one role does everything. */
    readonly ownerUrl: string | null;
    readonly maxConnections: number;
  };
  readonly s3: {
    readonly endpoint: string;
    readonly region: string;
    readonly bucket: string;
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken: string | null;
  };
  readonly stateDir: string;
  readonly audit: AuditConfig;
  readonly python: string;
  readonly pythonLlm: string;
  /** uv, and the variables that it gets. */
  readonly uv: { readonly program: string; readonly variables: Readonly<Record<string, string>> };
  readonly samplesDir: string;
  readonly trainersDir: string;
  /** The Python package that steps of projects import. */
  readonly packageDir: string;
  /** The built pages: those of this clone or image, else those of the npm package. */
  readonly pagesDir: string;
  readonly bind: string;
  readonly apiPort: number;
  /** The address of the API for jobs, which log to it; null if unknown. */
  readonly apiUrl: string | null;
  /** The address of the pages for people, for links in the Temporal Web UI; null without links. */
  readonly pagesUrl: string | null;
  readonly gatewayPort: number;
  readonly workerPort: number;
  readonly gatewayUrl: string | null;
  /** Null without TLS. */
  readonly gatewayTls: CertificateFiles | null;
  /** Null if the certificates of gateways have the hosts of their addresses. */
  readonly gatewayServerName: string | null;
  readonly maxAnswers: number | null;
  readonly gatewayProcesses: number;
  /** Null in the supervisor, and for a gateway that is alone. */
  readonly gatewayProcess: number | null;
  readonly drainSeconds: number | null;
  /** Only the limits that were set. */
  readonly admission: Partial<AdmissionLimits>;
  readonly requestTimeoutMs: LimitPerModel | null;
  readonly modelMemoryBytes: number | null;
  readonly pinnedModels: readonly string[];
  readonly apiRequestsPerMinute: number | null;
  readonly gatewayRequestsPerMinute: number | null;
  readonly serviceKey: string | null;
  readonly adminKey: string | null;
  readonly trustedProxies: readonly string[];
  readonly metricsToken: string | null;
  readonly commandKeysFile: string;
  readonly maxJobs: number;
  readonly confineJobs: boolean;
  readonly engines: EngineConfig;
  readonly prices: ComputePrices;
  readonly allowIncompatibleRuns: boolean;
  readonly notify: {
    readonly allowPrivateAddresses: boolean;
    /** Null if no mail can be sent. */
    readonly mailServer: { readonly url: string; readonly from: string } | null;
  };
  /** The secrets that lifecycles may refer to. */
  readonly secrets: SecretAccess;
  /** Reads a secret that a lifecycle refers to. */
  readonly readSecret: (ref: SecretRef) => Promise<string>;
  /** Reads a secret that the operator's own settings refer to. */
  readonly readOperatorSecret: (ref: SecretRef) => Promise<string>;
  /** The OpenAI API of the embedded language model; null if it does not run. */
  readonly llmUrl: string | null;
  readonly llmKey: SecretRef | null;
  readonly providersFile: string | null;
  readonly ingest: SourceAccess;
  readonly logLevel: string;
  readonly processId: string;
}

/** @throws InvalidInput with one issue per setting that is missing or wrong. */
export function readConfig(environment: Environment): Config {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const parsed = settings.safeParse(given, {
    error: (issue) => (issue.input === undefined ? 'is missing' : undefined),
  });
  const temporal = readTemporalSecurity(given);
  const errors = [
    ...(parsed.error?.issues ?? []).map(({ path, message }) => ({
      setting: path.join('.'),
      detail: message,
    })),
    ...temporal.errors,
    ...auditSettingErrors(given),
    ...engineSettingErrors(given),
    ...(given['PERENNIAL_ADMIN_KEY'] !== undefined && given['PERENNIAL_SERVICE_KEY'] === undefined
      ? [{ setting: 'PERENNIAL_SERVICE_KEY', detail: 'is missing, PERENNIAL_ADMIN_KEY needs it' }]
      : []),
    ...(given['PERENNIAL_SMTP_URL'] !== undefined && given['PERENNIAL_SMTP_FROM'] === undefined
      ? [{ setting: 'PERENNIAL_SMTP_FROM', detail: 'is missing, PERENNIAL_SMTP_URL needs it' }]
      : []),
    ...gatewayTlsErrors(given),
  ];
  const sources = readSourceAccess(given, {
    denied: ownFiles(given),
    ownBucket: given['PERENNIAL_S3_BUCKET'] ?? defaultBucket,
  });
  const secrets = readSecretAccess(given, [readStateDir(given), provisioned]);
  errors.push(...sources.errors, ...secrets.errors);
  if (!parsed.success || errors.length > 0) throw wrongSettings(errors);
  const value = parsed.data;
  const stateDir = readStateDir(given);
  return {
    temporal: {
      address: value.PERENNIAL_TEMPORAL_ADDRESS,
      namespace: value.PERENNIAL_TEMPORAL_NAMESPACE ?? value.TEMPORAL_NAMESPACE ?? 'perennial',
      uiUrl: value.PERENNIAL_TEMPORAL_UI_URL ?? null,
      version: readWorkerVersion(given),
      ...temporal.security,
    },
    database: {
      url: value.PERENNIAL_DATABASE_URL,
      ownerUrl: value.PERENNIAL_DATABASE_OWNER_URL ?? null,
      maxConnections: value.PERENNIAL_DATABASE_CONNECTIONS,
    },
    s3: readS3(value),
    stateDir,
    audit: readAuditSettings(value, stateDir),
    python: value.PERENNIAL_PYTHON ?? join(provisioned, 'python', 'bin', 'python'),
    pythonLlm: value.PERENNIAL_PYTHON_LLM ?? join(provisioned, 'python-llm', 'bin', 'python'),
    uv: {
      program: value.PERENNIAL_UV_BIN ?? join(provisioned, 'bin', 'uv'),
      variables: uvVariables(environment),
    },
    samplesDir: value.PERENNIAL_SAMPLES_DIR ?? join(provisioned, 'samples'),
    trainersDir: value.PERENNIAL_TRAINERS_DIR ?? resolve(__dirname, '..', 'trainers'),
    packageDir: resolve(__dirname, '..', 'python'),
    pagesDir: existsSync(builtPages) ? builtPages : resolve(__dirname, '..', 'dist', 'web'),
    bind: value.PERENNIAL_BIND,
    apiPort: value.PERENNIAL_API_PORT,
    apiUrl: value.PERENNIAL_API_URL ?? null,
    pagesUrl: value.PERENNIAL_PAGES_URL?.replace(/\/+$/, '') ?? null,
    gatewayPort: value.PERENNIAL_GATEWAY_PORT,
    workerPort: value.PERENNIAL_WORKER_PORT,
    gatewayUrl: value.PERENNIAL_GATEWAY_URL ?? null,
    gatewayTls: readGatewayTls(given),
    gatewayServerName: value.PERENNIAL_GATEWAY_TLS_SERVER_NAME ?? null,
    maxAnswers: value.PERENNIAL_GATEWAY_MAX_ANSWERS ?? null,
    drainSeconds: value.PERENNIAL_GATEWAY_DRAIN_SECONDS ?? null,
    gatewayProcesses: value.PERENNIAL_GATEWAY_PROCESSES,
    gatewayProcess: value.PERENNIAL_GATEWAY_PROCESS ?? null,
    admission: {
      ...(value.PERENNIAL_GATEWAY_MODEL_REQUESTS !== undefined && {
        requestsPerModel: value.PERENNIAL_GATEWAY_MODEL_REQUESTS,
      }),
      ...(value.PERENNIAL_GATEWAY_REQUESTS !== undefined && {
        requests: value.PERENNIAL_GATEWAY_REQUESTS,
      }),
      ...(value.PERENNIAL_GATEWAY_WAIT_MS !== undefined && {
        longestWaitMs: value.PERENNIAL_GATEWAY_WAIT_MS,
      }),
    },
    requestTimeoutMs: value.PERENNIAL_GATEWAY_TIMEOUT_MS ?? null,
    modelMemoryBytes: value.PERENNIAL_GATEWAY_MODEL_MEMORY_MB
      ? value.PERENNIAL_GATEWAY_MODEL_MEMORY_MB * 1024 * 1024
      : null,
    pinnedModels: value.PERENNIAL_GATEWAY_PINNED_MODELS,
    apiRequestsPerMinute: value.PERENNIAL_API_REQUESTS_PER_MINUTE ?? null,
    gatewayRequestsPerMinute: value.PERENNIAL_GATEWAY_REQUESTS_PER_MINUTE ?? null,
    serviceKey: value.PERENNIAL_SERVICE_KEY ?? null,
    trustedProxies: value.PERENNIAL_TRUSTED_PROXIES,
    metricsToken: value.PERENNIAL_METRICS_TOKEN ?? null,
    adminKey: value.PERENNIAL_ADMIN_KEY ?? null,
    commandKeysFile: resolve(
      value.PERENNIAL_COMMAND_KEYS_FILE ?? join(stateDir, 'run', 'command-keys.json'),
    ),
    maxJobs: value.PERENNIAL_MAX_JOBS,
    confineJobs: value.PERENNIAL_JOBS_CONFINED,
    engines: readEngineConfig(value),
    prices: computePrices(given),
    allowIncompatibleRuns: value.PERENNIAL_ALLOW_INCOMPATIBLE_RUNS,
    notify: {
      allowPrivateAddresses: value.PERENNIAL_NOTIFY_PRIVATE_ADDRESSES,
      mailServer: readMailServer(value),
    },
    secrets: secrets.access,
    readSecret: lifecycleSecrets(environment, secrets.access),
    readOperatorSecret: operatorSecrets(environment),
    llmUrl: value.PERENNIAL_LLM_URL ?? null,
    llmKey: value.PERENNIAL_LLM_API_KEY === undefined ? null : { env: 'PERENNIAL_LLM_API_KEY' },
    providersFile:
      value.PERENNIAL_PROVIDERS_FILE === undefined ? null : resolve(value.PERENNIAL_PROVIDERS_FILE),
    ingest: sources.access,
    logLevel: value.PERENNIAL_LOG_LEVEL,
    processId: `${hostname()}-${process.pid}`,
  };
}

function readMailServer({
  PERENNIAL_SMTP_URL: url,
  PERENNIAL_SMTP_FROM: from,
}: z.output<typeof settings>): Config['notify']['mailServer'] {
  return url === undefined || from === undefined ? null : { url, from };
}

export function readS3(value: z.output<z.ZodObject<typeof s3Settings>>): Config['s3'] {
  return {
    endpoint: value.PERENNIAL_S3_ENDPOINT,
    region: value.AWS_REGION ?? value.AWS_DEFAULT_REGION ?? 'us-east-1',
    bucket: value.PERENNIAL_S3_BUCKET,
    accessKeyId: value.AWS_ACCESS_KEY_ID,
    secretAccessKey: value.AWS_SECRET_ACCESS_KEY,
    sessionToken: value.AWS_SESSION_TOKEN ?? null,
  };
}

/**
 * For commands that run jobs without any server.
 * @throws InvalidInput as `readConfig` does
 */
export function readMaxJobs({ PERENNIAL_MAX_JOBS: text }: Environment): number {
  const parsed = maxJobs.safeParse(text === '' ? undefined : text);
  if (parsed.success) return parsed.data;
  throw wrongSettings(
    parsed.error.issues.map(({ message }) => ({ setting: 'PERENNIAL_MAX_JOBS', detail: message })),
  );
}

/**
 * Checks the settings of `perennial up` before it starts anything. Addresses and credentials of the
 * servers that `up` starts itself may be missing.
 * @throws InvalidInput as `readConfig` does
 */
export function checkUpSettings(environment: Environment): Config {
  const isNamed = (setting: string): boolean => (environment[setting] ?? '') !== '';
  const anyAddress = '127.0.0.1:1';
  // TEMPORAL_* settings then belong to another server, and `up` does not pass them on.
  const forAnother = Object.keys(environment).filter((setting) => setting.startsWith('TEMPORAL_'));
  return readConfig({
    ...environment,
    ...(isNamed('PERENNIAL_TEMPORAL_ADDRESS')
      ? {}
      : {
          ...Object.fromEntries(forAnother.map((setting) => [setting, ''])),
          PERENNIAL_TEMPORAL_ADDRESS: anyAddress,
          PERENNIAL_TEMPORAL_UI_URL: '',
        }),
    ...(isNamed('PERENNIAL_DATABASE_URL')
      ? {}
      : { PERENNIAL_DATABASE_URL: `postgres://${anyAddress}/made` }),
    ...(isNamed('PERENNIAL_S3_ENDPOINT')
      ? {}
      : {
          PERENNIAL_S3_ENDPOINT: `http://${anyAddress}`,
          AWS_ACCESS_KEY_ID: 'made',
          AWS_SECRET_ACCESS_KEY: 'made',
        }),
  });
}

function readStateDir({ PERENNIAL_STATE_DIR: given }: Environment): string {
  return resolve(given ?? '.perennial');
}

/** The platform's own files and folders, with its keys, which no lifecycle may read. */
function ownFiles(given: Environment): readonly string[] {
  const named = [
    'PERENNIAL_PROVIDERS_FILE',
    'PERENNIAL_PRICES_FILE',
    'PERENNIAL_SECRET_DIR',
    ...engineFiles,
    ...temporalFiles,
    ...auditFiles,
    ...gatewayTlsFiles,
  ].flatMap((setting) => given[setting] ?? []);
  return [readStateDir(given), provisioned, ...named.map((path) => resolve(path))];
}
