import type { DatasetVersionRef } from '../../dataset/dataset';
import type { IncidentKind, IncidentSeverity, IncidentStory } from '../../incident/incident';
import { listFreshJumps } from '../jump/fresh-jumps';
import { listTriggers, describeWait, type AlarmSituation } from '../alarm/alarm-triggers';
import { refusedKey } from './alarms';
import { alarmKinds, type MonitorAlarm, type MonitorResults } from './monitor-results';

/** All open alarms of one kind, which are one incident. */
export interface AlarmGroup {
  /** Also the key of the incident. */
  readonly kind: Extract<IncidentKind, MonitorAlarm['kind']>;
  readonly severity: IncidentSeverity;
  readonly title: string;
  readonly story: Pick<IncidentStory, 'what' | 'since' | 'howLarge' | 'features' | 'slice'>;
  readonly keys: readonly string[];
}

export interface MonitorStory extends AlarmGroup {
  /** Details of the incident, without the data versions, which only the registry knows. */
  readonly story: Omit<IncidentStory, 'dataVersion'>;
  /**
   * Changes when an alarm is added or ends, and when a jump begins or ends to hold the run that
   * this alarm calls for. It does not change with each figure.
   */
  readonly alarms: string;
  /** Changes when Perennial does something else, or waits for something else. */
  readonly decision: string;
}

/** What the monitor's row keeps of an incident: its alarms, and what Perennial did. */
export function raisedText({
  alarms,
  decision,
}: Pick<MonitorStory, 'alarms' | 'decision'>): string {
  return JSON.stringify([alarms, decision]);
}

/** The alarms in a `raisedText`. A text without a decision has the alarms alone. */
export function alarmsRaised(text: string): string {
  // The key of an alarm begins with its kind.
  return text.startsWith('[') ? (JSON.parse(text) as readonly [string, string])[0] : text;
}

/** What serves may still be right; a person looks before it is not known any more. */
const warnings: ReadonlySet<MonitorAlarm['kind']> = new Set(['drift', 'volume', 'labels']);

type DataVersion = Pick<DatasetVersionRef, 'dataset' | 'version'>;

export function alarmGroups({
  alarms,
  drift,
}: Pick<MonitorResults, 'alarms' | 'drift'>): readonly AlarmGroup[] {
  return alarmKinds.flatMap((kind) => {
    const open = alarms.filter((each) => each.kind === kind);
    const [first] = open;
    if (first === undefined) return [];
    const features = [...new Set(open.flatMap(({ feature }) => feature ?? []))];
    return [
      {
        kind,
        severity: warnings.has(kind) ? 'warning' : 'critical',
        title: writeTitle(kind, first, open.length),
        story: {
          what: `${open.map(({ title }) => title).join('; ')}.`,
          since: open.map(({ since }) => since).sort()[0] ?? null,
          howLarge: describeSizes(open),
          features: features.map((name) => ({
            name,
            effect: open.some(({ feature, key }) => feature === name && key !== refusedKey)
              ? (drift.find(({ feature }) => feature === name)?.effect ?? null)
              : null,
          })),
          slice: describeSlices(open),
        },
        keys: open.map(({ key }) => key).sort(),
      },
    ];
  });
}

/** The incident of each kind, with what Perennial did and what it waits for. */
export function monitorStories(
  situation: AlarmSituation & { readonly version: number },
): readonly MonitorStory[] {
  const { model, version, settings, results } = situation;
  const fresh = listFreshJumps(results).map(({ feature }) => `heldBy:${feature}`);
  return alarmGroups(results).map((group) => {
    const { kind, keys, story } = group;
    const callsForRun = settings.onAlarm === 'retrain' && (kind === 'quality' || kind === 'drift');
    const engineDid = `${model}@${version} still serves. The alarm triggers ${listTriggers(kind, situation)}.`;
    const waitsFor = describeWait(kind, situation);
    return {
      ...group,
      story: { ...story, engineDid, waitsFor },
      alarms: [...keys, ...(callsForRun ? fresh.sort() : [])].join(' '),
      decision: [engineDid, waitsFor ?? ''].join(' '),
    };
  });
}

/** An incident with many alarms stays readable; `monitor show` has the others. */
const maxSizes = 3;

function describeSizes(open: readonly MonitorAlarm[]): string {
  const sizes = open.slice(0, maxSizes).map(({ size }) => size);
  const more = open.length - sizes.length;
  return [...sizes, ...(more > 0 ? [`and ${more} more`] : [])].join('. ');
}

/** Null if all alarms are about all requests. */
function describeSlices(open: readonly MonitorAlarm[]): string | null {
  const slices = [...new Set(open.map(({ slice }) => slice))];
  if (slices.every((slice) => slice === null)) return null;
  return slices.map((slice) => slice ?? 'all requests').join(', ');
}

/** Title without the model, which the subject of an incident names (`incidentSubject`). */
function writeTitle(kind: MonitorAlarm['kind'], { title }: MonitorAlarm, open: number): string {
  const more = open > 1 ? ` (and ${open - 1} more)` : '';
  const what = {
    service: 'serving',
    quality: 'live quality',
    skew: 'training-serving skew',
    data: 'request data',
    drift: 'drift',
    volume: 'volume of requests',
    labels: 'labels',
  }[kind];
  return `${what}: ${title}${more}`;
}

/**
 * The versions that the champion was trained on, with which requests are compared. Of an alarm
 * about recent data, also the newest. Alarms of the service, of the volume and of
 * the share of labels say nothing of data.
 */
export function dataVersionText(
  kind: MonitorStory['kind'],
  {
    trainedOn,
    newest,
  }: { readonly trainedOn: readonly DataVersion[]; readonly newest: readonly DataVersion[] },
): string | null {
  if (kind === 'service' || kind === 'volume' || kind === 'labels') return null;
  if (trainedOn.length === 0) return null;
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
