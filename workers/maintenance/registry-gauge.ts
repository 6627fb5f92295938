import { Gauge, type Registry as Metrics } from 'prom-client';

/** Values of one gauge, with their labels. A missing value is not reported. */
export type GaugeValues = readonly (readonly [
  labels: Readonly<Record<string, string>>,
  value: number | null | undefined,
])[];

export interface RegistryGauge<T> {
  readonly name: string;
  readonly help: string;
  /** Labels in addition to `tenant` and `model`. */
  readonly labels?: readonly string[];
  readonly listValues: (row: T) => GaugeValues;
}

export function gauge<T>(name: string, of: Omit<RegistryGauge<T>, 'name'>): RegistryGauge<T> {
  return { name, ...of };
}

/**
 * Gauges whose values follow from rows of the registry, which are read once for each scrape. While
 * PostgreSQL is unavailable, nothing is reported, so that scrapes succeed.
 */
export function registerGauges<T extends { readonly tenant: string; readonly model: string }>(
  metrics: Metrics,
  readRows: () => Promise<readonly T[]>,
  gauges: readonly RegistryGauge<T>[],
): void {
  let read: Promise<readonly T[]> | null = null;
  const rows = (): Promise<readonly T[]> => {
    read ??= readRows()
      .catch(() => [])
      .finally(() => {
        read = null;
      });
    return read;
  };
  for (const { name, help, labels = [], listValues } of gauges)
    new Gauge({
      name,
      help,
      labelNames: ['tenant', 'model', ...labels],
      registers: [metrics],
      async collect(this: Gauge) {
        this.reset();
        for (const row of await rows()) {
          const { tenant, model } = row;
          for (const [also, value] of listValues(row))
            if (value != null) this.set({ tenant, model, ...also }, value);
        }
      },
    });
}
