import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sha256 } from '../../digest';
import type { LabelledText } from './labelled-texts';

const folder = join(__dirname, '..', '..', '..', 'node_modules');
const max = 400;
const ofOnePackage = 2;

/**
 * Paragraphs of the READMEs in node_modules: harmless documents full of instructions. The order,
 * by digest, is arbitrary but reproducible.
 */
export function readPackageDocs(): readonly LabelledText[] {
  const names = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
    .flatMap(({ name }) =>
      name.startsWith('@')
        ? readdirSync(join(folder, name)).map((inner) => `${name}/${inner}`)
        : [name],
    );
  return names
    .flatMap((name) =>
      readParagraphs(name)
        .slice(0, ofOnePackage)
        .map((text) => ({ id: `${name} ${sha256(text)}`, order: sha256(text), text })),
    )
    .sort((a, b) => (a.order < b.order ? -1 : 1))
    .slice(0, max)
    .map(({ id, text }) => ({
      id,
      source: 'package-docs',
      text,
      category: 'paragraph',
      kind: 'benign',
    }));
}

/** Paragraphs of prose, without code, tables, lists and badges. */
function readParagraphs(name: string): readonly string[] {
  const file = readdirSync(join(folder, name)).find((each) => /^readme\.md$/i.test(each));
  if (file === undefined) return [];
  return readFileSync(join(folder, name, file), 'utf8')
    .split(/\n\s*\n/)
    .filter(
      (text) =>
        text.length > 200 &&
        text.length < 1_500 &&
        /^[A-Z]/.test(text) &&
        !/[{};]|```|https?:\S[\s\S]*https?:/.test(text),
    );
}
