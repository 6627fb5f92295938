/**
 * Writes docs/reference: one page per kind of file, from the zod schemas and docs/reference/examples,
 * and the functions of a lifecycle, from their doc comments:
 * `node -r tsx/cjs scripts/reference-pages.ts`
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import {
  referenceKinds,
  referencePage,
  type ReferenceKind,
} from '../domain/reference/reference-pages.schema';
import { primitivesPage } from './primitives-page';

const folder = join(__dirname, '..', 'docs', 'reference');

for (const kind of Object.keys(referenceKinds) as ReferenceKind[]) {
  const text = readFileSync(join(folder, 'examples', `${kind}.yaml`), 'utf8');
  writeFileSync(join(folder, `${kind}.md`), referencePage(kind, { value: parse(text), text }));
}
writeFileSync(join(folder, 'primitives.md'), primitivesPage());
