import { figure, percent } from '../../format';
import type { IncidentKind, IncidentSeverity, IncidentStory } from '../../incident/incident';
import type { MonitorSettings } from '../monitor';
import { freshJumpsOf } from '../jump/fresh-jumps';
import { isJump } from './alarms';
import { alarmKinds, type MonitorAlarm, type MonitorResults } from './monitor-results';

/** An incident of a monitor: all open alarms of one kind. */
export interface MonitorStory {
  /** Also the key of the incident. */
  readonly kind: Extract<IncidentKind, MonitorAlarm['kind']>;
  readonly severity: IncidentSeverity;
  readonly title: string;
  readonly story: IncidentStory;
  /**
   * Changes when an alarm is added or ends, and when a jump begins or ends to hold the run that
   * this alarm calls for. It does not change with each figure.
   */
  readonly alarms: string;
}

export interface StoryVersion {
  readonly model: string;
  readonly version: number;
  readonly settings: MonitorSettings;
}

export function monitorStories(
  { alarms, quality, drift }: MonitorResults,
  of: StoryVersion,
): readonly MonitorStory[] {
  const fresh = freshJumpsOf({ drift }).map(({ feature }) => feature);
  return alarmKinds.flatMap((kind) => {
    const open = alarms.filter((each) => each.kind === kind);
    const [first] = open;
    if (first === undefined) return [];
    const since = open.map((each) => each.since).sort()[0] ?? null;
    const features = [...new Set(open.flatMap(({ feature }) => feature ?? []))];
    const worst = quality?.slices[0];
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
          howLarge:
            kind === 'quality' && quality
              ? `${quality.metric} ${figure(quality.estimate)} instead of ${figure(quality.reference)} on the holdout`
              : sizeOf(first),
          features: features.map((name) => ({
            name,
            effect: drift.find(({ feature }) => feature === name)?.effect ?? null,
          })),
          slice: kind === 'quality' && worst ? worst.slice : null,
          dataVersion: null,
          engineDid: `${of.model}@${of.version} still serves. The alarm triggers ${first.triggers}.`,
          waitsFor: waitsFor(kind, of, heldBy),
          link: null,
        },
        alarms: [
          ...open.map(({ key }) => key).sort(),
          ...heldBy.map((feature) => `heldBy:${feature}`).sort(),
        ].join(' '),
      },
    ];
  });
}

function sizeOf(alarm: MonitorAlarm): string {
  const { kind, effect } = alarm;
  if (kind === 'skew' || kind === 'service') return `share of ${percent(effect)}`;
  return isJump(alarm)
    ? `${percent(effect)} of the range of the reference`
    : `total variation distance of ${percent(effect)}`;
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
