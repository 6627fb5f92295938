import type { DatasetVersionRef } from '../../dataset/dataset';
import type { IncidentKind, IncidentSeverity, IncidentStory } from '../../incident/incident';
import type { MonitorSettings } from '../monitor';
import { freshJumpsOf } from '../jump/fresh-jumps';
import { alarmKinds, type MonitorAlarm, type MonitorResults } from './monitor-results';

/** An incident of a monitor: all open alarms of one kind. */
export interface MonitorStory {
  /** Also the key of the incident. */
  readonly kind: Extract<IncidentKind, MonitorAlarm['kind']>;
  readonly severity: IncidentSeverity;
  readonly title: string;
  /** Without the data versions, which only the registry knows. */
  readonly story: Omit<IncidentStory, 'dataVersion'>;
  /**
   * Changes when an alarm is added or ends, and when a jump begins or ends to hold the run that
   * this alarm calls for. It does not change with each figure.
   */
  readonly alarms: string;
}

type DataVersion = Pick<DatasetVersionRef, 'dataset' | 'version'>;

export interface StoryVersion {
  readonly model: string;
  readonly version: number;
  readonly settings: MonitorSettings;
}

export function monitorStories(
  { alarms, drift }: MonitorResults,
  of: StoryVersion,
): readonly MonitorStory[] {
  const fresh = freshJumpsOf({ drift }).map(({ feature }) => feature);
  return alarmKinds.flatMap((kind) => {
    const open = alarms.filter((each) => each.kind === kind);
    const [first] = open;
    if (first === undefined) return [];
    const since = open.map((each) => each.since).sort()[0] ?? null;
    const features = [...new Set(open.flatMap(({ feature }) => feature ?? []))];
    const callsForRun =
      of.settings.onAlarm === 'retrain' && (kind === 'quality' || kind === 'drift');
    const heldBy = callsForRun ? fresh : [];
    return [
      {
        kind,
        severity: kind === 'drift' ? ('warning' as const) : ('critical' as const),
        title: titleOf(kind, first, open.length),
        story: {
          what: `${open.map(({ title }) => title).join('; ')}.`,
          since,
          howLarge: sizesOf(open),
          features: features.map((name) => ({
            name,
            effect: drift.find(({ feature }) => feature === name)?.effect ?? null,
          })),
          slice: slicesOf(open),
          engineDid: `${of.model}@${of.version} still serves. The alarm triggers ${first.triggers}.`,
          waitsFor: waitsFor(kind, of, heldBy),
        },
        alarms: [
          ...open.map(({ key }) => key).sort(),
          ...heldBy.map((feature) => `heldBy:${feature}`).sort(),
        ].join(' '),
      },
    ];
  });
}

/** An incident with many alarms stays readable; `monitor show` has the others. */
const mostSizes = 3;

function sizesOf(open: readonly MonitorAlarm[]): string {
  const sizes = open.slice(0, mostSizes).map(({ size }) => size);
  const more = open.length - sizes.length;
  return [...sizes, ...(more > 0 ? [`and ${more} more`] : [])].join('. ');
}

/** Null if all alarms are about all requests. */
function slicesOf(open: readonly MonitorAlarm[]): string | null {
  const slices = [...new Set(open.map(({ slice }) => slice))];
  if (slices.every((slice) => slice === null)) return null;
  return slices.map((slice) => slice ?? 'all requests').join(', ');
}

/** Without the model, which the subject of an incident names (`incidentSubject`). */
function titleOf(kind: MonitorAlarm['kind'], { title }: MonitorAlarm, open: number): string {
  const more = open > 1 ? ` (and ${open - 1} more)` : '';
  const what = {
    service: 'serving',
    quality: 'live quality',
    skew: 'training-serving skew',
    data: 'request data',
    drift: 'drift',
  }[kind];
  return `${what}: ${title}${more}`;
}

/**
 * The versions that the champion was trained on, with which requests are compared. Of an alarm about
 * recent data, also the newest. Alarms of the service say nothing of data.
 */
export function dataVersionText(
  kind: MonitorStory['kind'],
  {
    trainedOn,
    newest,
  }: { readonly trainedOn: readonly DataVersion[]; readonly newest: readonly DataVersion[] },
): string | null {
  if (kind === 'service' || trainedOn.length === 0) return null;
  const names = (of: readonly DataVersion[]) =>
    of
      .map(({ dataset, version }) => `${dataset}@${version}`)
      .sort()
      .join(', ');
  const trained = `trained on ${names(trainedOn)}`;
  if (kind === 'skew') return trained;
  return names(newest) === names(trainedOn)
    ? `${trained}, the newest`
    : `${trained}; newest: ${names(newest)}`;
}

function waitsFor(
  kind: MonitorAlarm['kind'],
  { model, settings }: StoryVersion,
  heldBy: readonly string[],
): string | null {
  if (kind === 'service') return 'a person who looks at the gateways and what they call';
  if (kind === 'data') return 'a person who repairs the data that callers send';
  if (kind === 'skew') return 'a person who finds why serving and training differ';
  if (settings.onAlarm === 'retrain')
    return heldBy.length === 0
      ? null
      : `a person who checks the source of ${heldBy.join(', ')}, or the end of a day; if the change ` +
          `is real: perennial run start ${model}`;
  return `a person who decides whether to retrain: perennial monitor show ${model}`;
}
