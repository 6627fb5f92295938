/** The dependencies of the API's routes. */
import type { FastifyBaseLogger } from 'fastify';
import type { Dispatcher } from 'undici';
import type { ArtifactStore } from '../../data/artifact/store';
import type { CommandKeys } from '../../data/access/command-signature';
import type { OffThread } from '../../data/off-thread/off-thread';
import type { SourcePolicy } from '../../data/dataset/sources/policy';
import type { TrainerCatalog } from '../../data/training/catalog';
import type { Registry } from '../../db/registry';
import type { ComputePrices } from '../../domain/cost/price';
import type { SecretAccess, SecretRef } from '../../domain/access/secret-access';
import type { AuditReport, AuditRepository } from '../../db/audit/records';
import type { Downloads } from '../http/download';
import type { WorkLimit } from '../http/limits/rate-limit';
import type { IndexClient } from '../temporal-clients/index-client';
import type { LifecycleClient } from '../temporal-clients/lifecycle-client';
import type { PromptEvaluationClient } from '../temporal-clients/prompt-evaluation-client';
import type { PromptSearchClient } from '../temporal-clients/prompt-search-client';
import type { ScheduleClient } from '../temporal-clients/schedule-client';
import type { Guards } from './auth';
import type { KnownModels } from './model-warnings';
import type { EventStreams } from './events/events';

export interface ApiDeps {
  readonly registry: Registry;
  readonly artifacts: ArtifactStore;
  readonly lifecycles: LifecycleClient;
  readonly schedules: ScheduleClient;
  readonly indexes: IndexClient;
  readonly searches: PromptSearchClient;
  readonly evaluations: PromptEvaluationClient;
  readonly trainers: TrainerCatalog;
  readonly prices: ComputePrices;
  /** The folder for artifacts while they are read. */
  readonly scratchRoot: string;
  /** Verifies with the keys that this process trusts and the copies that it can read. */
  readonly verifyAudit: (
    input: Pick<Parameters<AuditRepository['verify']>[0], 'tenant' | 'from'>,
  ) => Promise<AuditReport>;
  /** The folder with the built pages; null: none are served. */
  readonly pagesDir: string | null;
  /** The key of the platform's own processes, for gateways; null if this process has none. */
  readonly serviceKey: string | null;
  /** Dispatcher for requests to gateways. */
  readonly gatewayDispatcher: Dispatcher;
  /** The address of the pages without a slash at its end, for links; null if unknown. */
  readonly pagesUrl: string | null;
  /** The gateway's URL for clients, for links; null if unknown. */
  readonly gatewayUrl: string | null;
  /** Known models, for warnings; null if no providers are configured. */
  readonly knownModels: KnownModels | null;
  /** What sources may read, for warnings and for checking SQL against columns. */
  readonly sources: SourcePolicy;
  /** The secrets that lifecycles may refer to. */
  readonly secrets: SecretAccess;
  /** Reads a secret that a lifecycle refers to. @throws if it does not exist. */
  readonly readSecret: (ref: SecretRef) => Promise<string>;
  /**
   * Why the platform may not run the code of a tenant's project; null if its workers confine it.
   * Code of the platform's own tenant always runs.
   */
  readonly refuseTenantCode: () => Promise<string | null>;
  /** Verify the tokens of jobs. */
  readonly commandKeys: CommandKeys;
  /** Addresses and networks whose X-Forwarded-For and X-Forwarded-Proto count. */
  readonly trustedProxies: readonly string[];
  /** The limit per API key in this process; above it, requests get 429. */
  readonly requestsPerMinute?: number;
  readonly log: FastifyBaseLogger;
}

export interface RouteDeps extends ApiDeps {
  readonly guards: Guards;
  readonly offThread: OffThread;
  readonly downloads: Downloads;
  /** The limit for routes whose work takes seconds. */
  readonly heavyWork: WorkLimit;
  readonly streams: EventStreams;
}
