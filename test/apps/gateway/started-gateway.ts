import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { gatewayDefaults, type GatewayConfig } from '../../../apps/gateway/config';
import { createGateway, type Gateway, type GatewayDeps } from '../../../apps/gateway/server';
import { parrot } from '../../support/language/served-bundles';
import { fakeArtifacts, noIndexes } from './fakes';
import { metricsToken } from '../../support/serving/scrape';

export interface StartedGateway extends Gateway {
  readonly url: string;
}

/** A busy machine does not end what a test waits for. Tests of these limits set their own. */
const patientLimits = {
  requestTimeoutMs: { usual: 120_000, of: {} },
  admission: { ...gatewayDefaults.admission, longestWaitMs: 120_000 },
  leaseSeconds: 120,
} satisfies Partial<GatewayConfig>;

/**
 * Listens on a port and keeps its files in its own folder, which is deleted when it stops. Parts
 * that are not given are fakes.
 */
export async function startGateway({
  config,
  ...parts
}: Pick<GatewayDeps, 'registry'> &
  Partial<Omit<GatewayDeps, 'config'>> & {
    readonly config?: Partial<GatewayConfig>;
  }): Promise<StartedGateway> {
  const spoolDir = mkdtempSync(join(tmpdir(), 'perennial-gateway-'));
  const gateway = await createGateway({
    artifacts: fakeArtifacts(),
    access: parrot(),
    indexes: noIndexes,
    log: pino({ level: 'silent' }),
    ...parts,
    config: {
      ...gatewayDefaults,
      ...patientLimits,
      port: 0,
      metricsToken,
      spoolDir,
      pollSeconds: 0.05,
      ...config,
    },
  });
  const { url } = await gateway.start();
  const stop = async (): Promise<void> => {
    await gateway.stop();
    rmSync(spoolDir, { recursive: true, force: true });
  };
  return { ...gateway, url, stop };
}
