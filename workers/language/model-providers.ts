import { readFileSync } from 'node:fs';
import { failure } from '../../domain/failure';
import { invalidInput } from '../../domain/document/issue-text';
import type { ProviderSettings } from '../../domain/provider/settings';
import { embeddedProvider, readProviders } from '../../domain/provider/document';
import type { SecretRef } from '../../domain/access/secret-access';
import type { Config } from '../config';

/**
 * The providers of this process: the embedded model if it runs, and those of the operator's file.
 */
export function modelProviders({
  llmUrl,
  llmKey,
  providersFile,
}: Pick<Config, 'llmUrl' | 'llmKey' | 'providersFile'>): readonly ProviderSettings[] {
  return [
    ...(llmUrl === null ? [] : [embedded(llmUrl, llmKey)]),
    ...(providersFile === null ? [] : fromFile(providersFile)),
  ];
}

function fromFile(path: string): readonly ProviderSettings[] {
  const read = readProviders(readText(path), path);
  if (read.ok) return read.value;
  throw invalidInput(`${path}, which PERENNIAL_PROVIDERS_FILE names,`, read.issues);
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw failure(
      'InvalidInput',
      `the file ${path} of PERENNIAL_PROVIDERS_FILE cannot be read: ${reason}`,
      { cause: error },
    );
  }
}

/** The embedded model, which has a queue of its own and refuses requests when it is full. */
function embedded(url: string, key: SecretRef | null): ProviderSettings {
  return {
    name: embeddedProvider,
    protocol: 'openai',
    url,
    key,
    allowPrivateAddresses: true,
    limits: { requestsPerMinute: null, tokensPerMinute: null, concurrency: 64 },
    tenantLimits: null,
    // A busy machine with two cores needs long until the first token.
    timeouts: { firstTokenMs: 60_000, totalMs: 300_000 },
    prices: {},
    thinkingTokens: {},
  };
}
