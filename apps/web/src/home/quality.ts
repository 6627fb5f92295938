/** The metric that a page shows first, for each task in this order. */
const preferred = [
  'logloss',
  'mae',
  'rmse',
  'brier',
  'auc',
  'exact',
  'f1',
  'judge',
  'accuracy',
] as const;

export interface ShownMetric {
  readonly name: string;
  readonly value: number | null;
  readonly lower: number | null;
  readonly upper: number | null;
}

type MetricTable = Readonly<
  Record<
    string,
    { readonly value: number | null; readonly lower: number | null; readonly upper: number | null }
  >
>;

export function mainMetric(metrics: MetricTable): ShownMetric | null {
  const names = Object.keys(metrics);
  const name = preferred.find((each) => names.includes(each)) ?? names[0];
  const found = name === undefined ? undefined : metrics[name];
  return name === undefined || found === undefined ? null : { name, ...found };
}
