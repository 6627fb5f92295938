import { storyLines } from '../../../domain/incident/story-lines';

test('a story is one line for each part that is known, whatever the values of requests are', () => {
  const lines = storyLines({
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
    link: null,
  });
  expect(lines).toEqual([
    { label: 'What changed', text: 'logloss is too high.' },
    { label: 'Features', text: 'distance (0.12), carrier' },
    { label: 'Slice', text: 'carrier=AA Resolved: by ann' },
    { label: 'Perennial did', text: 'It still serves.' },
  ]);
});
