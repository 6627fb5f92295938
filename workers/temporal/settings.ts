/**
 * Settings for a Temporal service that requires TLS or an API key. The names are those of
 * Temporal's own clients.
 */
import { readFileSync } from 'node:fs';
import { z } from 'zod';

const flag = z.enum(['true', 'false']).transform((text) => text === 'true');

export const temporalSettings = {
  TEMPORAL_NAMESPACE: z.string().optional(),
  TEMPORAL_API_KEY: z
    .string()
    .regex(/^[\x21-\x7e]+$/, 'a key has no spaces and no line breaks')
    .optional(),
  TEMPORAL_TLS: flag.optional(),
  TEMPORAL_TLS_CLIENT_CERT_PATH: z.string().optional(),
  TEMPORAL_TLS_CLIENT_CERT_DATA: z.string().optional(),
  TEMPORAL_TLS_CLIENT_KEY_PATH: z.string().optional(),
  TEMPORAL_TLS_CLIENT_KEY_DATA: z.string().optional(),
  TEMPORAL_TLS_SERVER_CA_CERT_PATH: z.string().optional(),
  TEMPORAL_TLS_SERVER_CA_CERT_DATA: z.string().optional(),
  TEMPORAL_TLS_SERVER_NAME: z.string().optional(),
  TEMPORAL_TLS_DISABLE_HOST_VERIFICATION: flag.optional(),
  /** Temporal's Worker Controller sets both. */
  TEMPORAL_DEPLOYMENT_NAME: z.string().optional(),
  TEMPORAL_WORKER_BUILD_ID: z.string().optional(),
};

/** Settings that name files with certificates and keys. */
export const temporalFiles: readonly string[] = Object.keys(temporalSettings).filter((setting) =>
  setting.endsWith('_PATH'),
);

type TemporalSettings = z.output<z.ZodObject<typeof temporalSettings>>;

export interface TemporalSecurity {
  /** Null means no TLS. All texts are PEM. */
  readonly tls: {
    readonly serverName: string | null;
    readonly serverCa: string | null;
    readonly client: { readonly certificate: string; readonly key: string } | null;
  } | null;
  readonly apiKey: string | null;
}

/** The version of Temporal's Worker Deployment as which a worker polls for workflows. */
export interface WorkerVersion {
  readonly deploymentName: string;
  readonly buildId: string;
}

/** Null for workers without versions. */
export function readWorkerVersion(
  environment: Readonly<Record<string, string | undefined>>,
): WorkerVersion | null {
  const { TEMPORAL_DEPLOYMENT_NAME: deploymentName, TEMPORAL_WORKER_BUILD_ID: buildId } =
    environment;
  return deploymentName === undefined || buildId === undefined ? null : { deploymentName, buildId };
}

export interface SettingError {
  readonly setting: string;
  /** Never contains the value, which may be a secret. */
  readonly detail: string;
}

/**
 * Reads the certificate and key files, so that a wrong path is reported at start. An API key or a
 * certificate enables TLS.
 */
export function readTemporalSecurity(environment: Readonly<Record<string, string | undefined>>): {
  readonly security: TemporalSecurity;
  readonly errors: readonly SettingError[];
} {
  const given = wellFormed(environment);
  const errors: SettingError[] = [];
  const pem = (name: PemName): string | null => {
    const read = readPem(name, given[`${name}_PATH`], given[`${name}_DATA`]);
    if ('detail' in read) errors.push(read);
    return 'text' in read ? read.text : null;
  };
  const [certificate, key, serverCa] = pemNames.map(pem) as [
    string | null,
    string | null,
    string | null,
  ];
  const has = (name: PemName): boolean =>
    given[`${name}_PATH`] !== undefined || given[`${name}_DATA`] !== undefined;
  const [certificateName, keyName] = pemNames;
  if (has(certificateName) !== has(keyName)) {
    const [there, missing] = has(certificateName)
      ? [certificateName, keyName]
      : [keyName, certificateName];
    errors.push({
      setting: `${missing}_PATH`,
      detail: `is missing: ${there}_… is set, and both are needed`,
    });
  }
  if (given.TEMPORAL_TLS_DISABLE_HOST_VERIFICATION) {
    errors.push({
      setting: 'TEMPORAL_TLS_DISABLE_HOST_VERIFICATION',
      detail:
        'is not supported: name the authority in TEMPORAL_TLS_SERVER_CA_CERT_PATH, ' +
        'or the host in TEMPORAL_TLS_SERVER_NAME',
    });
  }
  const [named, built] = [given.TEMPORAL_DEPLOYMENT_NAME, given.TEMPORAL_WORKER_BUILD_ID];
  if ((named === undefined) !== (built === undefined)) {
    errors.push({
      setting: named === undefined ? 'TEMPORAL_DEPLOYMENT_NAME' : 'TEMPORAL_WORKER_BUILD_ID',
      detail: 'is missing, because a version needs both a deployment and a build',
    });
  }
  const askers = Object.entries(given).flatMap(([name, value]) =>
    value !== undefined && (name === 'TEMPORAL_API_KEY' || name.startsWith('TEMPORAL_TLS_'))
      ? [name]
      : [],
  );
  if (given.TEMPORAL_TLS === false && askers.length > 0) {
    errors.push({
      setting: 'TEMPORAL_TLS',
      detail: `is false, but ${askers.join(', ')} need${askers.length === 1 ? 's' : ''} TLS`,
    });
  }
  const client = certificate === null || key === null ? null : { certificate, key };
  const tls =
    (given.TEMPORAL_TLS ?? askers.length > 0)
      ? { serverName: given.TEMPORAL_TLS_SERVER_NAME ?? null, serverCa, client }
      : null;
  return { security: { tls, apiKey: given.TEMPORAL_API_KEY ?? null }, errors };
}

/** Drops malformed settings, which are reported elsewhere, so that the others are still checked. */
function wellFormed(environment: Readonly<Record<string, string | undefined>>): TemporalSettings {
  const read = Object.entries(temporalSettings).map(([name, schema]) => [
    name,
    schema.safeParse(environment[name]).data,
  ]);
  return Object.fromEntries(read) as TemporalSettings;
}

const pemNames = [
  'TEMPORAL_TLS_CLIENT_CERT',
  'TEMPORAL_TLS_CLIENT_KEY',
  'TEMPORAL_TLS_SERVER_CA_CERT',
] as const;
type PemName = (typeof pemNames)[number];

function readPem(
  name: PemName,
  path: string | undefined,
  data: string | undefined,
): { readonly text: string | null } | SettingError {
  if (path !== undefined && data !== undefined)
    return { setting: `${name}_DATA`, detail: `is set together with ${name}_PATH; set only one` };
  const setting = path === undefined ? `${name}_DATA` : `${name}_PATH`;
  const text = path === undefined ? (data ?? null) : readText(path);
  if (text === undefined) return { setting, detail: 'names a file that cannot be read' };
  const label = name === 'TEMPORAL_TLS_CLIENT_KEY' ? 'PRIVATE KEY' : 'CERTIFICATE';
  const pattern = new RegExp(`-----BEGIN (?:[A-Z0-9]+ )*${label}-----`);
  return text === null || pattern.test(text)
    ? { text }
    : { setting, detail: `contains no PEM block "${label}"` };
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** Options for the SDK's connections of clients and workers. */
export function temporalConnectOptions({
  address,
  tls,
  apiKey,
}: TemporalSecurity & { readonly address: string }) {
  const pair = tls?.client
    ? {
        clientCertPair: {
          crt: Buffer.from(tls.client.certificate),
          key: Buffer.from(tls.client.key),
        },
      }
    : {};
  const server = {
    ...(tls?.serverName ? { serverNameOverride: tls.serverName } : {}),
    ...(tls?.serverCa ? { serverRootCACertificate: Buffer.from(tls.serverCa) } : {}),
  };
  return {
    address,
    tls: tls === null ? false : { ...server, ...pair },
    ...(apiKey === null ? {} : { apiKey }),
  };
}
