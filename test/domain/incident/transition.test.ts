import type { IncidentStory } from '../../../domain/incident/incident';
import type { LinkedIncident } from '../../../domain/incident/link';
import { storyLines } from '../../../domain/incident/story-lines';
import {
  changeIncident,
  openIncident,
  type IncidentEvent,
  type IncidentState,
} from '../../../domain/incident/transition';

const story: IncidentStory = {
  what: 'The feature distance is larger than in training.',
  since: '2013-06-01T00:00:00Z',
  howLarge: 'total variation distance 0.31, tolerance 0.10',
  features: [{ name: 'distance', effect: 0.3123 }],
  slice: null,
  dataVersion: null,
  engineDid: 'nothing',
  waitsFor: null,
};
const raised = (
  changes: Partial<IncidentStory> = {},
  severity: 'warning' | 'critical' = 'warning',
) =>
  ({
    kind: 'raised',
    severity,
    title: 'distance drifted',
    story: { ...story, ...changes },
  }) as const;
const open = openIncident(raised());
const acknowledged: IncidentState = { ...open, status: 'acknowledged' };
const resolved: IncidentState = { ...open, status: 'resolved' };

describe('an incident', () => {
  test.each<[string, IncidentState, IncidentEvent, string, string | null]>([
    ['is acknowledged without a notice', open, { kind: 'acknowledged' }, 'acknowledged', null],
    ['is resolved', open, { kind: 'resolved' }, 'resolved', 'incident.resolved'],
    ['is resolved later', acknowledged, { kind: 'resolved' }, 'resolved', 'incident.resolved'],
    ['keeps quiet about a new figure', open, raised({ howLarge: '0.32' }), 'open', null],
    [
      'tells that another feature is affected',
      open,
      raised({ features: [...story.features, { name: 'carrier', effect: 0.2 }] }),
      'open',
      'incident.updated',
    ],
    [
      'tells that it waits for a person, and stays acknowledged',
      acknowledged,
      raised({ waitsFor: 'a decision' }),
      'acknowledged',
      'incident.updated',
    ],
    [
      'opens again when it becomes critical',
      acknowledged,
      raised({}, 'critical'),
      'open',
      'incident.updated',
    ],
  ])('%s', (_, state, event, status, notice) => {
    expect(changeIncident(state, event)).toMatchObject({
      kind: 'changed',
      state: { status },
      notice,
    });
  });

  test.each<[string, IncidentState, IncidentEvent]>([
    ['an equal raise', open, raised()],
    ['a second acknowledgement', acknowledged, { kind: 'acknowledged' }],
    ['a second resolution', resolved, { kind: 'resolved' }],
  ])('does not change by %s', (_, state, event) => {
    expect(changeIncident(state, event)).toEqual({ kind: 'unchanged' });
  });

  test.each<[string, IncidentEvent]>([
    ['an acknowledgement', { kind: 'acknowledged' }],
    ['another raise', raised({ howLarge: '0.5' })],
  ])('that is resolved refuses %s', (_, event) => {
    expect(changeIncident(resolved, event).kind).toBe('refused');
  });

  test('never becomes less severe', () => {
    const critical = openIncident(raised({}, 'critical'));
    const outcome = changeIncident(critical, raised({ waitsFor: 'a decision' }));
    expect(outcome).toMatchObject({ state: { severity: 'critical' } });
  });
});

test('a story has a line for each part that is known', () => {
  const incident = { model: 'm', kind: 'drift', key: 'drift', story, link: null };
  const lines = storyLines(incident as unknown as LinkedIncident);
  expect(lines.map(({ label, text }) => `${label}: ${text}`)).toEqual([
    'What changed: The feature distance is larger than in training.',
    'Since: 2013-06-01T00:00:00Z',
    'How large: total variation distance 0.31, tolerance 0.10',
    'Features: distance (0.31)',
    'Perennial did: nothing',
    'More: perennial monitor show m',
  ]);
});
