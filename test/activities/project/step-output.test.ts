import { stepOutput } from '../../../activities/project/step-output';
import type { ArtifactRef, Digest } from '../../../domain/artifact';
import type { JobResult } from '../../../domain/training/job';

function artifact(name: string): ArtifactRef {
  const digest: Digest = `sha256:${name.padStart(64, '0')}`;
  return { uri: `s3://bucket/${name}`, digest, bytes: 1, mediaType: 'text/plain' };
}
const outputs = ['1', '2'].map((name) => ({ name, artifact: artifact(name) }));
const result = (facts: JobResult['facts']): JobResult => ({ metrics: {}, facts });

test.each([
  ['at the root', null, [{ pointer: '', name: '1' }], artifact('1')],
  [
    'in objects and lists',
    { a: null, b: [1, { c: null }] },
    [
      { pointer: '/a', name: '1' },
      { pointer: '/b/1/c', name: '2' },
    ],
    { a: artifact('1'), b: [1, { c: artifact('2') }] },
  ],
  [
    'at keys with slashes',
    { 'a/b~': null },
    [{ pointer: '/a~1b~0', name: '1' }],
    { 'a/b~': artifact('1') },
  ],
  ['nowhere', { a: 1 }, [], { a: 1 }],
])('references %s are filled in', (_, output, references, expected) => {
  expect(stepOutput('step', result({ output, references }), outputs)).toEqual(expected);
});

test.each([
  ['no output', {}, /wrote a result\.json without an output/],
  [
    'a file that is missing',
    { output: null, references: [{ pointer: '', name: '3' }] },
    /wrote no outputs\/3/,
  ],
  [
    'too much',
    { output: 'x'.repeat(70_000), references: [] },
    /70002 bytes of JSON; the limit is 65536/,
  ],
])('a result with %s is refused', (_, facts, message) => {
  expect(() => stepOutput('step', result(facts), outputs)).toThrow(message);
});
