import type { Incident, IncidentStory } from '../../../domain/incident/incident';
import { linkIncident, describeNextStep } from '../../../domain/incident/link';
import { storyLines } from '../../../domain/incident/story-lines';

const buildIncident = (
  story: IncidentStory,
  of: Partial<Incident> = {},
  pagesUrl: string | null = 'https://p.example',
) => {
  const incident = { model: 'flight-delay', kind: 'drift', key: 'drift', story, ...of };
  return linkIncident(incident as Incident, pagesUrl);
};

test.each([
  ['drift', 'drift', 'monitoring/flight-delay', 'perennial monitor show flight-delay'],
  ['data', 'retraining-held', 'monitoring/flight-delay', 'perennial monitor show flight-delay'],
  ['approval', 'approval-run_7', 'runs/run_7', 'perennial run show run_7'],
] as const)('an incident of %s (%s) has one link, or names a command', (kind, key, path, next) => {
  const of = (pagesUrl: string | null) =>
    buildIncident({} as IncidentStory, { kind, key }, pagesUrl);
  expect(of('https://p.example').link).toBe(`https://p.example/${path}`);
  expect(describeNextStep(of('https://p.example'))).toBe(`https://p.example/${path}`);
  expect(of(null).link).toBeNull();
  expect(describeNextStep(of(null))).toBe(next);
});

test('an incident of the installation has the page of all incidents, or names its own command', () => {
  const of = (pagesUrl: string | null) =>
    buildIncident({} as IncidentStory, { id: 'inc_1', model: null, kind: 'gateway' }, pagesUrl);
  expect(of('https://p.example').link).toBe('https://p.example/monitoring');
  expect(describeNextStep(of(null))).toBe('perennial incident show inc_1');
});

test('a story is one line for each part that is known, whatever the values of requests are', () => {
  const lines = storyLines(
    buildIncident({
      what: 'logloss is too high.',
      since: null,
      howLarge: null,
      features: [
        { name: 'distance', effect: 0.123 },
        { name: 'carrier', effect: null },
      ],
      slice: 'carrier=AA\r\nResolved: by ann',
      dataVersion: null,
      engineDid: 'It still serves.',
      waitsFor: null,
    }),
  );
  expect(lines).toEqual([
    { label: 'What changed', text: 'logloss is too high.' },
    { label: 'Features', text: 'distance (0.12), carrier' },
    { label: 'Slice', text: 'carrier=AA Resolved: by ann' },
    { label: 'Perennial did', text: 'It still serves.' },
    { label: 'More', text: 'https://p.example/monitoring/flight-delay' },
  ]);
});
