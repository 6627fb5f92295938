/** The composition root: what every process is made of, from its settings. */
import { join } from 'node:path';
import type { ArtifactStore } from '../data/artifacts/store';
import { openArtifactStore } from '../data/artifacts/store';
import type { Database } from '../db/connection';
import { openDatabase } from '../db/connection';
import type { Registry } from '../db/registry';
import { createRegistry } from '../db/registry';
import type { Config } from './config';

export interface Core {
  readonly database: Database;
  readonly registry: Registry;
  readonly artifacts: ArtifactStore;
  close(): Promise<void>;
}

export function openCore(config: Config, applicationName: string): Core {
  const database = openDatabase({ url: config.database.url, maxConnections: config.database.maxConnections, applicationName });
  const registry = createRegistry(database);
  const artifacts = openArtifactStore({ ...config.s3, leases: registry.artifacts });
  return {
    database,
    registry,
    artifacts,
    close: async () => {
      artifacts.close();
      await database.close();
    },
  };
}

export function scratchRoot(config: Config): string {
  return join(config.stateDir, 'state', 'scratch');
}
