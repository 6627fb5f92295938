import type { IncidentSeverity, IncidentStatus, IncidentStory } from './incident';

/** The part of an incident that its events change. */
export interface IncidentState {
  readonly status: IncidentStatus;
  readonly severity: IncidentSeverity;
  readonly title: string;
  readonly story: IncidentStory;
}

export type IncidentEvent =
  | ({ readonly kind: 'raised' } & Pick<IncidentState, 'severity' | 'title' | 'story'>)
  | { readonly kind: 'acknowledged' }
  | { readonly kind: 'resolved' };

export type IncidentNotice =
  'incident.opened' | 'incident.updated' | 'incident.resolved' | 'incident.escalated';

/**
 * What follows from an event. `notice` is what subscribers receive, if anything. `refused` says
 * why the event does not apply.
 */
export type IncidentOutcome =
  | {
      readonly kind: 'changed';
      readonly state: IncidentState;
      readonly notice: IncidentNotice | null;
    }
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'refused'; readonly why: string };

export function openIncident(
  event: Extract<IncidentEvent, { readonly kind: 'raised' }>,
): IncidentState {
  const { severity, title, story } = event;
  return { status: 'open', severity, title, story };
}

/**
 * open → acknowledged → resolved. Another raise updates the story and never lowers the severity.
 * A severity that rises to critical opens an acknowledged incident again.
 */
export function changeIncident(state: IncidentState, event: IncidentEvent): IncidentOutcome {
  switch (event.kind) {
    case 'raised':
      return update(state, event);
    case 'acknowledged':
      if (state.status === 'acknowledged') return { kind: 'unchanged' };
      if (state.status === 'resolved')
        return { kind: 'refused', why: 'it is resolved, so it needs no acknowledgement' };
      return { kind: 'changed', state: { ...state, status: 'acknowledged' }, notice: null };
    case 'resolved':
      if (state.status === 'resolved') return { kind: 'unchanged' };
      return {
        kind: 'changed',
        state: { ...state, status: 'resolved' },
        notice: 'incident.resolved',
      };
  }
}

function update(
  state: IncidentState,
  { severity, title, story }: Extract<IncidentEvent, { readonly kind: 'raised' }>,
): IncidentOutcome {
  if (state.status === 'resolved')
    return { kind: 'refused', why: 'it is resolved; raise a new incident' };
  const rises = severity === 'critical' && state.severity === 'warning';
  const next: IncidentState = {
    status: rises ? 'open' : state.status,
    severity: rises ? 'critical' : state.severity,
    title,
    story,
  };
  if (sameState(next, state)) return { kind: 'unchanged' };
  return {
    kind: 'changed',
    state: next,
    notice: rises || needsReading(state.story, story) ? 'incident.updated' : null,
  };
}

function sameState(a: IncidentState, b: IncidentState): boolean {
  const parts = ({ status, severity, title, story }: IncidentState) =>
    JSON.stringify([status, severity, title, story]);
  return parts(a) === parts(b);
}

/**
 * A monitor raises an incident at every look, with slightly other figures each time. Subscribers
 * receive an update only when something else than a figure changed.
 */
function needsReading(before: IncidentStory, after: IncidentStory): boolean {
  return readablePart(before) !== readablePart(after);
}

function readablePart({ slice, dataVersion, engineDid, waitsFor, features }: IncidentStory) {
  const names = features.map(({ name }) => name).sort();
  return JSON.stringify([slice, dataVersion, engineDid, waitsFor, names]);
}
