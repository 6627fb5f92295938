/** Paths and queries of webhooks often are secrets, so viewers see only the host. */
import type { NotifySpec } from './notification';

/** The hidden part of a masked URL; no real URL contains it. */
export const hiddenPart = '…';

/** `https://hooks.example/…`. Addresses of other channels are no secrets and stay. */
export function maskedAddress(address: string): string {
  if (/^(slack|mailto):/.test(address)) return address;
  const url = URL.canParse(address) ? new URL(address) : null;
  if (url === null) return hiddenPart;
  return url.pathname === '/' && url.search === '' && url.hash === ''
    ? address
    : `${url.protocol}//${url.host}/${hiddenPart}`;
}

export function withMaskedWebhooks<Spec extends { readonly notify: readonly NotifySpec[] }>(
  spec: Spec,
): Spec {
  return {
    ...spec,
    notify: spec.notify.map((target) =>
      'webhook' in target ? { ...target, webhook: maskedAddress(target.webhook) } : target,
    ),
  };
}

/** The value of `spec.notify`, or a part of it, with masked URLs. */
export function maskedNotify(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(maskedNotify);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]: [string, unknown]) => [
      key,
      key === 'webhook' && typeof each === 'string' ? maskedAddress(each) : maskedNotify(each),
    ]),
  );
}
