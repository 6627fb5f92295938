/**
 * The API as callers use it: a real server on a real registry and artifact store. Temporal is a
 * fake unless a client is given.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import pino from 'pino';
import { parse, stringify } from 'yaml';
import type { KnownModels } from '../../../../apps/api/model-warnings';
import type { Api } from '../../../../apps/api/server';
import { createApi } from '../../../../apps/api/server';
import { readLifecycleFolder } from '../../../../apps/cli/lifecycle/folder';
import type { LifecycleClient } from '../../../../apps/temporal-clients/lifecycle-client';
import type { ScheduleClient } from '../../../../apps/temporal-clients/schedule-client';
import type { ArtifactStore } from '../../../../data/artifact/store';
import { openArtifactStore } from '../../../../data/artifact/store';
import type { CommandKeys } from '../../../../data/access/command-signature';
import { openS3Archive } from '../../../../data/audit/s3-archive';
import { computeFingerprint } from '../../../../db/audit/keys';
import { openGatewayDispatcher } from '../../../../data/serving/gateway-dispatcher';
import { openTrainerCatalog } from '../../../../data/training/catalog';
import type { Registry } from '../../../../db/registry';
import type { ApiKeyScope } from '../../../../db/access/repository';
import { apiKeyScopes } from '../../../../db/access/repository';
import type { AuditArchive, AuditSigner } from '../../../../db/audit/records';
import type { RunRecord } from '../../../../db/run/repository';
import { newSigner, registerFirst } from '../../../db/audit/fixture';
import { openTestRegistry, tenant, type TestRegistry } from '../../../db/registry-fixture';
import { describedAnswers } from '../../../support/language/described-answers';
import { testBucket } from '../../../support/platform';
import type { FakeLifecycles } from './fake-lifecycles';
import { fakeSchedules } from './fake-schedules';
import type { FakeEvaluations } from './fake-evaluations';
import { fakeEvaluations } from './fake-evaluations';
import type { FakeIndexes } from './fake-indexes';
import { fakeIndexes } from './fake-indexes';
import type { FakeSearches } from './fake-searches';
import { plantColumn, plantedColumn } from './planted-column';
import { fakeSearches } from './fake-searches';
import { fakeLifecycles } from './fake-lifecycles';

const root = resolve(__dirname, '..', '..', '..', '..');
export const testCommandKeys: CommandKeys = () => [{ id: 'test', secret: 'of the tests' }];
const sampleFolder = join(root, 'samples', 'flight-delay');

export interface Answer<T> {
  readonly status: number;
  readonly body: T;
  readonly headers: Headers;
}

export interface CallOptions {
  /** The scope of the key to send; null sends none. */
  readonly as?: ApiKeyScope | null;
  readonly key?: string;
  /** Text and bytes are sent as they are. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface ApiWorld {
  readonly url: string;
  readonly api: Api;
  readonly registry: Registry;
  readonly database: TestRegistry['database'];
  readonly owner: TestRegistry['owner'];
  readonly artifacts: ArtifactStore;
  readonly archive: AuditArchive;
  readonly signer: AuditSigner;
  readonly lifecycles: FakeLifecycles;
  readonly indexes: FakeIndexes;
  readonly searches: FakeSearches;
  readonly evaluations: FakeEvaluations;
  readonly keys: Readonly<Record<ApiKeyScope, string>>;
  readonly scratch: string;
  /** Why workers do not run the code of tenants; null: they confine it. */
  readonly tenantCode: { refusal: string | null };
  /** The log lines, as pino wrote them. */
  readonly log: Record<string, unknown>[];
  call<T = Record<string, unknown>>(
    method: string,
    path: string,
    options?: CallOptions,
  ): Promise<Answer<T>>;
  /** Applies the sample lifecycle under this name. */
  apply(name: string): Promise<void>;
  accept(lifecycle: string): Promise<RunRecord>;
  close(): Promise<void>;
}

export async function openApiWorld(
  client?: LifecycleClient,
  schedules: ScheduleClient = fakeSchedules(),
  knownModels: KnownModels | null = null,
  requestsPerMinute?: number,
  pagesDir: string | null = null,
  trustedProxies: readonly string[] = [],
): Promise<ApiWorld> {
  const test = await openTestRegistry();
  const { registry, database, owner } = test;
  const bucket = testBucket();
  const artifacts = openArtifactStore({ ...bucket, leases: registry.artifacts });
  await artifacts.ensureBucket();
  const archive = openS3Archive('store', bucket);
  const signer = newSigner();
  await registerFirst(registry, signer);
  const lifecycles = fakeLifecycles();
  const indexes = fakeIndexes();
  const searches = fakeSearches();
  const evaluations = fakeEvaluations();
  const log: Record<string, unknown>[] = [];
  const tenantCode: ApiWorld['tenantCode'] = { refusal: null };
  const scratch = mkdtempSync(join(tmpdir(), 'api-world-'));
  const { key: serviceKey } = await registry.apiKeys.create({
    tenant,
    name: 'service',
    scope: 'operator',
    actor: 'setup',
    isService: true,
  });
  const readable = plantColumn(registry);
  const api = await createApi({
    registry: readable,
    artifacts,
    lifecycles: client ?? lifecycles,
    schedules,
    indexes,
    searches,
    evaluations,
    trainers: openTrainerCatalog(join(root, 'trainers')),
    prices: { local: { cpuHour: 0.05, memoryGibHour: 0, gpuHour: 0, queues: {} } },
    scratchRoot: scratch,
    verifyAudit: (input) =>
      registry.audit.verify({
        ...input,
        trust: { fingerprints: [], ownKey: computeFingerprint(signer.publicKey) },
        archives: [archive],
      }),
    pagesUrl: 'https://pages.test',
    gatewayUrl: 'http://gateway.test',
    pagesDir,
    serviceKey,
    gatewayDispatcher: openGatewayDispatcher(null),
    knownModels,
    ...(requestsPerMinute === undefined ? {} : { requestsPerMinute }),
    trustedProxies,
    secrets: { variables: ['HOOK_SECRET'], folder: '/run/secrets' },
    readSecret: (ref) => Promise.resolve(`the secret of ${JSON.stringify(ref)}`),
    refuseTenantCode: () => Promise.resolve(tenantCode.refusal),
    commandKeys: testCommandKeys,
    sources: {
      files: { roots: [root], denied: [] },
      buckets: [],
      samplesDir: join(root, '.perennial/samples'),
      allowPrivateAddresses: false,
      s3: null,
    },
    log: pino(
      { level: 'debug' },
      { write: (line: string) => void log.push(JSON.parse(line) as Record<string, unknown>) },
    ),
  });
  const url = await api.listen({ host: '127.0.0.1', port: 0 });
  const made = await Promise.all(
    apiKeyScopes.map(
      async (scope) =>
        [
          scope,
          (await registry.apiKeys.create({ tenant, name: scope, scope, actor: 'test' })).key,
        ] as const,
    ),
  );
  const keys = Object.fromEntries(made) as Record<ApiKeyScope, string>;
  const requireDescribed = describedAnswers(api.swagger());
  const call: ApiWorld['call'] = async <T>(
    method: string,
    path: string,
    options: CallOptions = {},
  ) => {
    const answer = await callApi<T>(url, keys, { method, path, ...options });
    const { status, headers, body } = answer;
    if ((JSON.stringify(body) as string | undefined)?.includes(plantedColumn))
      throw new Error(`${method} ${path} sends a column that its view does not name`);
    requireDescribed({
      method,
      path: findPath(path).split('?')[0] ?? '',
      status,
      contentType: headers.get('content-type'),
      body,
    });
    return answer;
  };
  return {
    url,
    api,
    registry,
    database,
    owner,
    artifacts,
    archive,
    signer,
    lifecycles,
    indexes,
    searches,
    evaluations,
    keys,
    scratch,
    tenantCode,
    log,
    call,
    async apply(name) {
      const answer = await call('PUT', `/lifecycles/${name}`, {
        as: 'operator',
        body: lifecycleBody(name, (text) => withStages(text, {})),
      });
      if (answer.status !== 200) throw new Error(JSON.stringify(answer.body));
    },
    async accept(lifecycle) {
      const answer = await call<{ id: RunRecord['id'] }>('POST', `/lifecycles/${lifecycle}/runs`, {
        as: 'operator',
        body: {},
      });
      const run = await registry.runs.get({ tenant, id: answer.body.id });
      if (!run) throw new Error(JSON.stringify(answer.body));
      return run;
    },
    async close() {
      await api.close();
      artifacts.close();
      archive.close();
      await test.close();
      rmSync(scratch, { recursive: true });
    },
  };
}

/** The sample's folder as the command line sends it. */
export function lifecycleBody(
  name: string,
  change: (document: string) => string = (document) => document,
) {
  const { document, fileName, files } = readLifecycleFolder(root, sampleFolder);
  return {
    document: change(document.replace('name: flight-delay', `name: ${name}`)),
    fileName,
    files,
  };
}

/** The lifecycle with only these optional stages. */
export function withStages(
  document: string,
  stages: Readonly<Partial<Record<'tune' | 'canary' | 'promote' | 'notify' | 'schedule', object>>>,
): string {
  const lifecycle = parse(document) as { spec: Record<string, unknown> };
  const { tune: _, canary: __, ...spec } = lifecycle.spec;
  return stringify({ ...lifecycle, spec: { ...spec, ...stages } });
}

async function callApi<T>(
  url: string,
  keys: Readonly<Record<ApiKeyScope, string>>,
  {
    method,
    path,
    as = 'admin',
    key,
    body,
    headers = {},
  }: CallOptions & { readonly method: string; readonly path: string },
): Promise<Answer<T>> {
  const bearer = key ?? (as === null ? null : keys[as]);
  const answer = await fetch(`${url}${findPath(path)}`, {
    method,
    headers: {
      ...(bearer === null ? {} : { authorization: `Bearer ${bearer}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined
      ? {}
      : { body: typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body) }),
  });
  const text = await answer.text();
  return {
    status: answer.status,
    headers: answer.headers,
    body: (/^[[{]/.test(text) ? JSON.parse(text) : text) as T,
  };
}

function findPath(path: string): string {
  return `${path.startsWith('/') && !isPlain(path) ? '/api/v1' : ''}${path}`;
}

/** Requests to routes outside `/api/v1`. */
function isPlain(path: string): boolean {
  return /^\/(docs|openapi\.json|livez|readyz|metrics)/.test(path);
}
