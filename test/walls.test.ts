import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { findKnots, findNeedlessArrows, readRooms, removeArrows } from './support/walls/room-graph';
import { exceptions } from './support/walls/exceptions';

const root = resolve(__dirname, '..');

describe.each(Object.entries(exceptions))('the rooms of %s', (layer, arrows) => {
  const rooms = readRooms(join(root, layer));

  test('import one way, types included', () => {
    expect(findKnots(removeArrows(rooms, arrows))).toEqual([]);
  });

  test('need each exception', () => {
    expect(findNeedlessArrows(rooms, arrows)).toEqual([]);
  });
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

  test('need no exception after the circle is cut or the import is gone', () => {
    plant({
      'run/run.ts': `import type { Model } from '../model/model';`,
      'model/model.ts': `import type { Run } from '../run/run';`,
      'audit/audit.ts': `import type { Run } from '../run/run';`,
    });
    expect(
      findNeedlessArrows(readRooms(layer), ['model ► run', 'audit ► run', 'run ► audit']),
    ).toEqual(['audit ► run', 'run ► audit']);
  });
});
