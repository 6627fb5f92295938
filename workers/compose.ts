/** The composition root: opens the parts that every process needs. */
import { join } from 'node:path';
import type { ArtifactStore } from '../data/artifact/store';
import { openArtifactStore } from '../data/artifact/store';
import { openFileArchive } from '../data/audit/file-archive';
import { openS3Archive } from '../data/audit/s3-archive';
import type { Database } from '../db/connection';
import { openDatabase } from '../db/connection';
import type { Registry } from '../db/registry';
import { createRegistry } from '../db/registry';
import type { AuditArchive } from '../db/audit/records';
import type { Config } from './config';

export interface Core {
  readonly database: Database;
  readonly registry: Registry;
  readonly artifacts: ArtifactStore;
  /** The artifact store, then the second place if one is configured. */
  readonly auditArchives: readonly [AuditArchive, ...AuditArchive[]];
  close(): Promise<void>;
}

export function openCore(config: Config, applicationName: string): Core {
  const database = openDatabase({
    url: config.database.url,
    maxConnections: config.database.maxConnections,
    applicationName,
  });
  const registry = createRegistry(database);
  const artifacts = openArtifactStore({
    ...config.s3,
    jobEndpoint: config.engines.s3Endpoint,
    leases: registry.artifacts,
  });
  const auditArchives = openAuditArchives(config);
  return {
    database,
    registry,
    artifacts,
    auditArchives,
    close: async () => {
      artifacts.close();
      for (const archive of auditArchives) archive.close();
      await database.close();
    },
  };
}

function openAuditArchives({
  s3,
  audit: { copy },
}: Config): readonly [AuditArchive, ...AuditArchive[]] {
  const store = openS3Archive('store', s3);
  if (copy === null) return [store];
  return [
    store,
    copy.kind === 's3' ? openS3Archive('second', copy.s3) : openFileArchive(copy.path),
  ];
}

export function scratchRoot(config: Config): string {
  return join(config.stateDir, 'state', 'scratch');
}
