import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { z } from 'zod';
import { contractSchema } from '../../../domain/dataset/contract.schema';
import { lifecycleSchema } from '../../../domain/lifecycle/lifecycle.schema';
import { llmLifecycleSchema } from '../../../domain/lifecycle/llm/llm-lifecycle.schema';
import { promptSchema } from '../../../domain/prompt/prompt.schema';
import {
  referenceKinds,
  referencePage,
  type ReferenceKind,
} from '../../../domain/reference/reference-pages.schema';

const folder = join(__dirname, '..', '..', '..', 'docs', 'reference');
const kinds = Object.keys(referenceKinds) as ReferenceKind[];
const schemas: Readonly<Record<ReferenceKind, z.ZodType>> = {
  'model-lifecycle': lifecycleSchema,
  'llm-lifecycle': llmLifecycleSchema,
  contract: contractSchema,
  prompt: promptSchema,
};

function findExample(kind: ReferenceKind) {
  const text = readFileSync(join(folder, 'examples', `${kind}.yaml`), 'utf8');
  return { text, value: parse(text) as unknown };
}

describe('the reference pages', () => {
  test.each(kinds)(
    '%s.md matches the schema; otherwise run node -r tsx/cjs scripts/reference-pages.ts',
    (kind) => {
      expect(readFileSync(join(folder, `${kind}.md`), 'utf8')).toBe(
        referencePage(kind, findExample(kind)),
      );
    },
  );

  test.each(kinds)('the example of %s is valid', (kind) => {
    expect(schemas[kind].safeParse(findExample(kind).value).error).toBeUndefined();
  });

  test.each(kinds)('%s.md has a meaning and an example of every key', (kind) => {
    const rows = readFileSync(join(folder, `${kind}.md`), 'utf8').match(/^\| `.*\|$/gm) ?? [];
    expect(rows.length).toBeGreaterThan(10);
    const cells = rows.map((row) => row.split(/(?<!\\)\|/).map((cell) => cell.trim()));
    expect(
      cells
        .filter(([, , meaning, , example]) => meaning === '' || example === '')
        .map(([, key]) => key),
    ).toEqual([]);
  });

  test('an error names a key without an example', () => {
    expect(() => referencePage('contract', { value: {}, text: '' })).toThrow(
      /no example of .*columns/,
    );
  });
});
