import type { LinkedIncident } from '../../../domain/incident/link';
import { incidentSubject, storyLines } from '../../../domain/incident/story-lines';

/** One incident as text: its status, its story and its history. */
export function describeIncident(incident: LinkedIncident): string {
  const { id, kind, severity, status, version } = incident;
  const of = version === null ? '' : `, version ${version}`;
  const history: readonly (readonly [string, string])[] = [
    ['Opened', incident.openedAt],
    ...(incident.updates === 0
      ? []
      : [['Updated', `${incident.updatedAt}, ${incident.updates} times`] as const]),
    ...byWhom('Acknowledged', incident.acknowledgedAt, incident.acknowledgedBy),
    ...byWhom('Resolved', incident.resolvedAt, incident.resolvedBy, incident.because),
  ];
  const rows = [
    ...storyLines(incident).map(({ label, text }) => [label, text] as const),
    ...history,
  ];
  const width = Math.max(...rows.map(([label]) => label.length)) + 2;
  return [
    incidentSubject(incident),
    `${id}: ${kind}, ${severity}, ${status}${of}`,
    '',
    ...rows.map(([label, text]) => `${label.padEnd(width)}${text}`),
  ].join('\n');
}

function byWhom(
  label: string,
  at: string | null,
  by: string | null,
  why: string | null = null,
): readonly (readonly [string, string])[] {
  if (at === null) return [];
  return [[label, `${at} by ${by ?? 'Perennial'}${why === null ? '' : `: ${why}`}`]];
}
