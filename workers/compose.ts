/** The composition root: what every process is made of, from its settings. */
import { join } from 'node:path';
import type { ArtifactStore } from '../data/artifacts/store';
import { openArtifactStore } from '../data/artifacts/store';
import type { AuditHeadArchive } from '../data/audit-heads';
import { openAuditHeads } from '../data/audit-heads';
import type { Database } from '../db/connection';
import { openDatabase } from '../db/connection';
import type { Registry } from '../db/registry';
import { createRegistry } from '../db/registry';
import type { Config } from './config';

export interface Core {
  readonly database: Database;
  readonly registry: Registry;
  readonly artifacts: ArtifactStore;
  readonly auditHeads: AuditHeadArchive;
  close(): Promise<void>;
}

export function openCore(config: Config, applicationName: string): Core {
  const database = openDatabase({ url: config.database.url, maxConnections: config.database.maxConnections, applicationName });
  const registry = createRegistry(database);
  const artifacts = openArtifactStore({ ...config.s3, leases: registry.artifacts });
  const auditHeads = openAuditHeads(config.s3);
  return {
    database,
    registry,
    artifacts,
    auditHeads,
    close: async () => {
      artifacts.close();
      auditHeads.close();
      await database.close();
    },
  };
}

export function scratchRoot(config: Config): string {
  return join(config.stateDir, 'state', 'scratch');
}
