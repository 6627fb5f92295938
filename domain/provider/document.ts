import { objectDocument } from '../document/document';
import type { ParseResult } from '../document/schema-issues.schema';
import { parseWithSchema } from '../document/schema-issues.schema';
import { yamlDocument } from '../document/yaml-document.schema';
import type { ProviderSettings, RateLimits } from './settings';
import { providersSchema } from './provider.schema';

/** The provider of the platform's own model; it needs no entry. */
export const embeddedProvider = 'embedded';

/** Reads a `Platform` document, as text or object: its providers, or all errors in it. */
export function readProviders(
  document: unknown,
  fileName: string,
): ParseResult<readonly ProviderSettings[]> {
  const written =
    typeof document === 'string'
      ? yamlDocument(document, fileName)
      : objectDocument(document, fileName);
  if (written.issues.length > 0) return { ok: false, issues: written.issues };
  const read = parseWithSchema(providersSchema, written);
  if (!read.ok) return read;
  const { providers } = read.value.spec;
  if (Object.hasOwn(providers, embeddedProvider)) {
    const detail = `the name ${embeddedProvider} is reserved for the platform's own model`;
    return {
      ok: false,
      issues: [written.issueAt(['spec', 'providers', embeddedProvider], detail)],
    };
  }
  return {
    ok: true,
    value: Object.entries(providers).map(
      ([
        name,
        {
          protocol,
          url,
          key,
          allowPrivateAddresses,
          limits,
          tenantLimits,
          timeouts,
          prices,
          thinkingTokens,
        },
      ]) => ({
        name,
        protocol,
        url,
        key: key ?? null,
        allowPrivateAddresses,
        limits: toRateLimits(limits),
        tenantLimits: tenantLimits ? toRateLimits(tenantLimits) : null,
        timeouts: { firstTokenMs: timeouts.firstToken * 1000, totalMs: timeouts.total * 1000 },
        prices: Object.fromEntries(
          Object.entries(prices).map(([model, { prompt, completion }]) => [
            model,
            { promptPerMillion: prompt, completionPerMillion: completion },
          ]),
        ),
        thinkingTokens,
      }),
    ),
  };
}

interface WrittenLimits {
  readonly requestsPerMinute?: number | undefined;
  readonly tokensPerMinute?: number | undefined;
  readonly concurrency: number;
}

function toRateLimits({
  requestsPerMinute,
  tokensPerMinute,
  concurrency,
}: WrittenLimits): RateLimits {
  return {
    requestsPerMinute: requestsPerMinute ?? null,
    tokensPerMinute: tokensPerMinute ?? null,
    concurrency,
  };
}
