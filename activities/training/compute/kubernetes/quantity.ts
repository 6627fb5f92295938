/** Amounts of Kubernetes, such as `250m`, `1.5Gi` and `12e6`, as numbers. */

const factors: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/** NaN for a text that is no quantity. */
export function parseQuantity(amount: string | number): number {
  if (typeof amount === 'number') return amount;
  const [, digits = '', suffix = ''] =
    /^([+-]?[\d.]+(?:[eE][+-]?\d+)?)([numkMGTPE]|[KMGTPE]i)?$/.exec(amount) ?? [];
  return digits === '' ? NaN : Number(digits) * (factors[suffix] ?? NaN);
}
