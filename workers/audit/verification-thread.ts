/** Verifies the audit log; verification.ts starts this file as a thread. */
import { parentPort, workerData } from 'node:worker_threads';
import { computeFingerprint } from '../../db/audit/keys';
import { isPerennialError } from '../../domain/failure';
import { readSigner } from './key';
import type { VerificationOutcome, VerifyAudit } from './verification';
import { openCore } from '../compose';
import { readConfig } from '../config';

async function verify(input: Parameters<VerifyAudit>[0]): Promise<VerificationOutcome> {
  const config = readConfig(process.env);
  const core = openCore(config, 'perennial-audit');
  try {
    const signer = readSigner(config.audit.key);
    const trust = {
      fingerprints: config.audit.trustedKeys,
      ownKey: signer && computeFingerprint(signer.publicKey),
    };
    return {
      kind: 'done',
      report: await core.registry.audit.verify({ ...input, trust, archives: core.auditArchives }),
    };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const known = isPerennialError(error) ? error : null;
    return { kind: 'failed', type: known?.type ?? null, message, next: known?.next };
  } finally {
    await core.close();
  }
}

void verify(workerData as Parameters<VerifyAudit>[0]).then((outcome) =>
  parentPort?.postMessage(outcome),
);
