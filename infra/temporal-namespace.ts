import type { ConnectionOptions } from '@temporalio/client';
import { Connection } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time';
import { failure } from '../domain/failure';

export interface NamespaceSettings extends Pick<ConnectionOptions, 'tls' | 'apiKey'> {
  readonly address: string;
  readonly namespace: string;
  readonly retentionDays: number;
}

/** Numbers of temporal.api.enums.v1.IndexedValueType. */
const types = { Keyword: 2, KeywordList: 7 } as const;

/** Search attributes that describe a run in Temporal's Web UI without its payloads. */
export const searchAttributes: Readonly<Record<string, keyof typeof types>> = {
  PerennialModel: 'Keyword',
  PerennialLifecycle: 'Keyword',
  PerennialStage: 'Keyword',
  PerennialVerdict: 'Keyword',
  PerennialTenant: 'Keyword',
  PerennialStatus: 'Keyword',
  PerennialVersion: 'Keyword',
  PerennialDataset: 'KeywordList',
};
const names = Object.keys(searchAttributes);

/** `SERVING` in grpc.health.v1. */
const serving = 1;
/** gRPC status codes. */
const [notFound, alreadyExists, unimplemented] = [5, 6, 12];

/**
 * Creates the namespace and its search attributes if they are missing; idempotent. Works with a dev
 * server and a cluster. Without the permissions, the error names what is missing.
 */
export async function ensureNamespace(settings: NamespaceSettings): Promise<void> {
  const connection = await connect(settings);
  try {
    await waitUntilServing(connection, settings.address);
    await ensureRegistered(connection, settings);
    await ensureSearchAttributes(connection, settings.namespace);
  } finally {
    await connection.close();
  }
}

async function connect({ address, tls, apiKey }: NamespaceSettings): Promise<Connection> {
  const connection = Connection.lazy({
    address,
    connectTimeout: '15s',
    tls: tls ?? false,
    ...(apiKey === undefined ? {} : { apiKey }),
  });
  try {
    await connection.ensureConnected();
    return connection;
  } catch (error) {
    // The connection would retry in the background.
    await connection.close();
    throw failure('PlatformUnavailable', `The Temporal server at ${address} does not respond`, {
      cause: error,
      next:
        'Check PERENNIAL_TEMPORAL_ADDRESS and, if the server requires them, TEMPORAL_TLS and ' +
        'TEMPORAL_API_KEY; without the address the embedded server is used',
    });
  }
}

async function waitUntilServing(connection: Connection, address: string): Promise<void> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const status = await connection.healthService
      .check({ service: 'temporal.api.workflowservice.v1.WorkflowService' })
      .then(
        (answer) => answer.status,
        (error: unknown) => (readCode(error) === unimplemented ? serving : null),
      );
    if (status === serving) return;
    if (Date.now() > deadline)
      throw failure(
        'PlatformUnavailable',
        `The Temporal server at ${address} responds but is not ready`,
      );
    await pause(50);
  }
}

async function ensureRegistered(
  connection: Connection,
  { namespace, retentionDays }: NamespaceSettings,
): Promise<void> {
  const known = await connection.workflowService.describeNamespace({ namespace }).then(
    () => true,
    (error: unknown) => {
      if (readCode(error) === notFound) return false;
      throw error;
    },
  );
  if (known) return;
  try {
    const workflowExecutionRetentionPeriod = msToTs(`${retentionDays} days`);
    await connection.workflowService.registerNamespace({
      namespace,
      description: 'Runs of Perennial',
      workflowExecutionRetentionPeriod,
    });
  } catch (error) {
    if (readCode(error) === alreadyExists) return;
    throw failure(
      'PlatformUnavailable',
      `The Temporal namespace ${namespace} does not exist and cannot be created: ${readMessage(error)}`,
      {
        cause: error,
        next:
          `Ask the administrator of the server to create the namespace ${namespace}, ` +
          'or set PERENNIAL_TEMPORAL_NAMESPACE to another one',
      },
    );
  }
}

async function ensureSearchAttributes(connection: Connection, namespace: string): Promise<void> {
  const missing = await missingAttributes(connection, namespace);
  if (missing.length === 0) return;
  try {
    await connection.operatorService.addSearchAttributes({
      namespace,
      searchAttributes: Object.fromEntries(missing.map((name) => [name, types[findType(name)]])),
    });
  } catch (error) {
    if (readCode(error) !== alreadyExists) {
      throw failure(
        'PlatformUnavailable',
        `The search attributes ${missing.join(', ')} cannot be created in ${namespace}: ${readMessage(error)}`,
        {
          cause: error,
          next: `Ask the administrator of the server to add them to the namespace ${namespace}: ${formatTypes(missing)}`,
        },
      );
    }
  }
  // The server confirms before its caches are updated. Until then, a workflow that upserts an
  // unknown attribute would fail its task.
  const deadline = Date.now() + 30_000;
  while ((await missingAttributes(connection, namespace)).length > 0 && Date.now() < deadline)
    await pause(50);
}

/**
 * @throws PlatformUnavailable when an attribute has another type, because its values would be
 *   refused at run time
 */
async function missingAttributes(connection: Connection, namespace: string): Promise<string[]> {
  const known = await listAttributes(connection, namespace);
  const mistyped = names.filter(
    (name) => known[name] !== undefined && known[name] !== types[findType(name)],
  );
  if (mistyped.length > 0) {
    throw failure(
      'PlatformUnavailable',
      `Search attributes of the namespace ${namespace} have another type than required: ${formatTypes(mistyped)}`,
      {
        next: 'Set PERENNIAL_TEMPORAL_NAMESPACE to another namespace',
      },
    );
  }
  return names.filter((name) => known[name] === undefined);
}

function findType(name: string): keyof typeof types {
  return searchAttributes[name] ?? 'Keyword';
}

/** `PerennialStatus (Keyword), PerennialDataset (KeywordList)`. */
function formatTypes(attributes: readonly string[]): string {
  return attributes.map((name) => `${name} (${findType(name)})`).join(', ');
}

/**
 * For a second or two, parts of the server do not know a new namespace that they looked up before.
 */
async function listAttributes(
  connection: Connection,
  namespace: string,
): Promise<Readonly<Record<string, unknown>>> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    try {
      return (await connection.operatorService.listSearchAttributes({ namespace }))
        .customAttributes;
    } catch (error) {
      if (readCode(error) !== notFound || Date.now() > deadline) throw error;
      await pause(50);
    }
  }
}

function readCode(error: unknown): unknown {
  return (error as { readonly code?: unknown }).code;
}

function readMessage(error: unknown): string {
  const details = (error as { readonly details?: unknown }).details;
  return typeof details === 'string' && details !== '' ? details : String(error);
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
