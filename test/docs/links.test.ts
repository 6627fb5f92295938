import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

const root = join(__dirname, '..', '..');
const pages = [
  ...readdirSync(root),
  ...['docs', 'samples', 'trainers'].flatMap((folder) =>
    readdirSync(join(root, folder), { encoding: 'utf8', recursive: true }).map((path) =>
      join(folder, path),
    ),
  ),
].filter((path) => path.endsWith('.md') && !path.includes('node_modules'));

/** The text of a page without its code blocks and inline code, which contain no links. */
function readProse(path: string): string {
  return readFileSync(join(root, path), 'utf8').replaceAll(/^```[\s\S]*?^```/gm, '');
}

/** The anchors that GitHub gives to the headings of a page. */
function readAnchors(path: string): readonly string[] {
  return [...readProse(path).matchAll(/^#{1,6} (.*)$/gm)].map(([, heading = '']) =>
    heading
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\-_ ]/gu, '')
      .trim()
      .replaceAll(' ', '-'),
  );
}

/** Relative links of a page that lead to no file, or to no heading of their page. */
function findBrokenLinks(path: string): readonly string[] {
  const links = [
    ...readProse(path)
      .replaceAll(/`[^`\n]*`/g, '')
      .matchAll(/\]\(([^)\s]+)\)/g),
  ];
  return links
    .map(([, link = '']) => link)
    .filter((link) => !/^[a-z]+:/.test(link))
    .filter((link) => {
      const [file = '', anchor] = link.split('#');
      const target = file === '' ? path : normalize(join(dirname(path), file));
      if (!existsSync(join(root, target))) return true;
      return anchor !== undefined && !readAnchors(target).includes(anchor);
    });
}

describe('the links of the documentation', () => {
  test.each(pages)('%s links only to files and headings that exist', (path) => {
    expect(findBrokenLinks(path)).toEqual([]);
  });

  test('the index names every page of docs/', () => {
    const index = readFileSync(join(root, 'docs', 'README.md'), 'utf8');
    const missing = pages
      .filter((path) => path.startsWith('docs/') && !path.startsWith('docs/adr/'))
      .map((path) => path.slice('docs/'.length))
      .filter((path) => path !== 'README.md' && !index.includes(`](${path})`));
    expect(missing).toEqual([]);
  });
});
