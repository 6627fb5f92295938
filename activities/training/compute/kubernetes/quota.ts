import type { KubernetesQuota } from './answers.schema';
import { parseQuantity } from './quantity';

/**
 * Reads a refusal such as `exceeded quota: jobs, requested: requests.cpu=8, used: requests.cpu=2,
 * limited: requests.cpu=4`. Null if the message is another one.
 */
export function exceededQuota(
  message: string,
): { readonly quota: string; readonly isTooLarge: boolean } | null {
  const [, quota, requested, limited] =
    /exceeded quota: ([^,\s]+), requested: (.+?), used: .+?, limited: (.+)/.exec(message) ?? [];
  if (quota === undefined || requested === undefined || limited === undefined) return null;
  const [amounts, limits] = [amountsIn(requested), amountsIn(limited)];
  // More than the whole quota does not become free when other jobs end.
  const isTooLarge = [...amounts].some(([resource, amount]) => {
    const limit = limits.get(resource);
    return limit !== undefined && amount > limit;
  });
  return { quota, isTooLarge };
}

function amountsIn(text: string): ReadonlyMap<string, number> {
  return new Map(
    text.split(',').flatMap((pair) => {
      const [resource = '', amount = ''] = pair.split('=');
      return [[resource.trim(), parseQuantity(amount.replace(/[^\w.+-]+$/, ''))] as const];
    }),
  );
}

/** Free and total amounts of a quota, such as `3 of 8 CPUs and 12 of 32 GiB free`; null if none. */
export function quotaText({ metadata, status }: KubernetesQuota): string | null {
  const parts = [
    amountText(status, 'cpu', 'CPUs', 1),
    amountText(status, 'memory', 'GiB', 2 ** 30),
  ].filter((part) => part !== null);
  return parts.length === 0 ? null : `${parts.join(' and ')} free by quota ${metadata.name}`;
}

function amountText(
  status: KubernetesQuota['status'],
  resource: string,
  unit: string,
  per: number,
): string | null {
  const names = [`requests.${resource}`, resource, `limits.${resource}`];
  const name = names.find((each) => status?.hard?.[each] !== undefined);
  if (name === undefined) return null;
  const hard = parseQuantity(status?.hard?.[name] ?? 0);
  const used = parseQuantity(status?.used?.[name] ?? 0);
  return `${roundAmount((hard - used) / per)} of ${roundAmount(hard / per)} ${unit}`;
}

export function roundAmount(amount: number): number {
  return Number(amount.toPrecision(3));
}
