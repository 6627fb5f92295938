import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stageDigests } from '../../../apps/project/stage-digests';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'stage-digests-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const stages = [
  { exported: 'first', name: 'one' },
  { exported: 'second', name: 'two' },
];

function digests(files: Readonly<Record<string, string>>) {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return stageDigests(folder, join(folder, 'stages.ts'), stages);
}

const stage = (exported: string, name: string, body: string) =>
  `export const ${exported} = defineStage({ name: '${name}', input: z.object({ a: z.number().min(1) }), output: z.any(), run: () => ${body} });\n`;
const head = `import { defineStage, z } from '@perennial-dev/perennial';\nimport { used } from './used';\n`;
const text = `${head}${stage('first', 'one', 'used(1)')}${stage('second', 'two', '2')}`;
const used = 'export const used = (n: number) => n + 1;\n';

test('a changed stage has another digest, and the others keep theirs', async () => {
  const before = await digests({ 'stages.ts': text, 'used.ts': used });
  const after = await digests({ 'stages.ts': text.replace('=> 2', '=> 3'), 'used.ts': used });
  expect(after['one']).toBe(before['one']);
  expect(after['two']).not.toBe(before['two']);
});

test('a changed function changes the stages that use it', async () => {
  const before = await digests({ 'stages.ts': text, 'used.ts': used });
  const after = await digests({ 'stages.ts': text, 'used.ts': used.replace('+ 1', '+ 2') });
  expect(after['one']).not.toBe(before['one']);
  expect(after['two']).toBe(before['two']);
});

test('comments and blanks change no digest', async () => {
  const before = await digests({ 'stages.ts': text, 'used.ts': used });
  const after = await digests({
    'stages.ts': text.replace('=> 2', '=> /* two */  2'),
    'used.ts': `// adds one\n${used}`,
  });
  expect(after).toEqual(before);
});
