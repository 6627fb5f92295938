import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { drawFloors, findKnots, readRooms } from './support/walls/room-graph';

const root = resolve(__dirname, '..');

test.each(['domain', 'db', 'apps/api'])(
  'the rooms of %s import one way, types included',
  (layer) => {
    expect(findKnots(readRooms(join(root, layer)))).toEqual([]);
  },
);

/** After a change of the floors, copy what this test expects into the document. */
test('docs/architecture.md shows the floors of domain', () => {
  const document = readFileSync(join(root, 'docs/architecture.md'), 'utf8');
  const shown = /## The rooms of `domain\/`\n[^#]*?```\n([^`]*)\n```/.exec(document)?.[1];
  expect(shown).toBe(drawFloors(readRooms(join(root, 'domain'))));
});

describe('planted imports', () => {
  let layer: string;
  beforeEach(() => {
    layer = mkdtempSync(join(tmpdir(), 'perennial-walls-'));
  });
  afterEach(() => rmSync(layer, { recursive: true, force: true }));

  function plant(files: Readonly<Record<string, string>>): void {
    for (const [file, text] of Object.entries(files)) {
      mkdirSync(dirname(join(layer, file)), { recursive: true });
      writeFileSync(join(layer, file), text);
    }
  }

  const back: readonly (readonly [string, string])[] = [
    ['a value', `import { good } from '../run/good';`],
    ['a type', `import type { Good } from '../run/good';`],
    ['a list over lines', `import {\n  good,\n} from '../run/good';`],
    ['an export', `export * from '../run/good';`],
    ['a type in an expression', `export type Good = import('../run/good').Good;`],
    ['effects only', `import '../run/good';`],
  ];
  test.each(back)('of %s close a circle of two rooms', (_, text) => {
    plant({
      'run/good.ts': `import type { Model } from '../model/deep/model';`,
      'model/deep/model.ts': text.replace('../run', '../../run'),
    });
    expect(findKnots(readRooms(layer))).toEqual([['model', 'run']]);
  });

  test('through a third room and a file beside the folders close a circle', () => {
    plant({
      'run/run.ts': `import type { Id } from '../ids';`,
      'ids.ts': `import type { Model } from './model/model';`,
      'model/model.tsx': `import type { Run } from '../run/run';`,
      'text.ts': `import type { Id } from './ids';`,
    });
    expect(findKnots(readRooms(layer))).toEqual([['ids', 'model', 'run']]);
  });

  test('inside a room, of a library and of another layer close none', () => {
    plant({
      'run/run.ts': `import type { Plan } from './plan';\nimport { z } from 'zod';`,
      'run/plan.ts': `import type { Run } from './run';\nimport { db } from '../../db/run/run';`,
    });
    expect(readRooms(layer)).toEqual(new Map([['run', new Set()]]));
  });

  test('put each room above all that it imports', () => {
    plant({
      'run/run.ts': `import type { Model } from '../model/model';\nimport type { Id } from '../ids';`,
      'model/model.ts': `import type { Id } from '../ids';`,
      'audit/audit.ts': `import type { Id } from '../ids';`,
      'ids.ts': '',
    });
    expect(drawFloors(readRooms(layer))).toBe(' 2  run\n 1  audit  model\n 0  ids');
  });
});
