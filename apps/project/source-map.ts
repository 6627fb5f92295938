/**
 * Makes a bundle the same wherever the project and Perennial are, and finds lines of the project's
 * sources in it.
 */
import { SourceMap as LineMap } from 'node:module';
import { relative, resolve, sep } from 'node:path';

interface SourceMap {
  readonly file: string;
  readonly sources: readonly string[];
  readonly sourcesContent?: readonly string[];
}

export interface BundlePlaces {
  /** The folder of the project, from which the bundler names the modules. */
  readonly folder: string;
  /** The folder of Perennial. */
  readonly root: string;
}

const header = '//# sourceMappingURL=data:application/json;charset=utf-8;base64,';
const comment =
  /^\/\/# sourceMappingURL=data:application\/json;(?:charset=utf-8;)?base64,(\S+)\s*$/m;

/**
 * The code without the paths of this machine, also in its source map. Otherwise the same project
 * would have another digest in each folder.
 */
export function withoutPaths(code: string, places: BundlePlaces): string {
  const [whole, encoded] = comment.exec(code) ?? [];
  const plain = withNamedModules(whole === undefined ? code : code.replace(whole, ''), places);
  if (encoded === undefined) return plain;
  const map = decodeMap(encoded);
  const portable: SourceMap = {
    ...map,
    file: 'workflows.js',
    sources: map.sources.map((source) => sourceName(source, places)),
    ...(map.sourcesContent && {
      sourcesContent: map.sourcesContent.map((text) =>
        text.replaceAll(`${places.folder}/`, './').replaceAll(`${places.root}/`, 'perennial/'),
      ),
    }),
  };
  return `${plain}${header}${Buffer.from(JSON.stringify(portable)).toString('base64')}`;
}

/** Where an error was thrown, such as `stages/index.ts:12`. Null outside the project's sources. */
export type SourcePlace = (error: unknown) => string | null;

/** For code that runs as `file`, and whose source map has the names that `withoutPaths` gives. */
export function openSourcePlace(code: string, file: string): SourcePlace {
  const [, encoded] = comment.exec(code) ?? [];
  if (encoded === undefined) return () => null;
  const frame = new RegExp(`${file.replaceAll(/[^\w/]/g, '\\$&')}:(\\d+):(\\d+)`, 'g');
  let map: LineMap | undefined;
  return (error) => {
    const { stack } = (error ?? {}) as { readonly stack?: unknown };
    if (typeof stack !== 'string') return null;
    // Not parsed before the first error, because it also has the lines of all libraries.
    map ??= new LineMap(decodeMap(encoded) as ConstructorParameters<typeof LineMap>[0]);
    for (const [, line, column] of stack.matchAll(frame)) {
      const entry = map.findEntry(Number(line) - 1, Number(column) - 1);
      if ('originalSource' in entry && isOfProject(entry.originalSource))
        return `${entry.originalSource.slice('./'.length)}:${entry.originalLine + 1}`;
    }
    return null;
  };
}

function isOfProject(source: string): boolean {
  return source.startsWith('./') && !source.includes('node_modules/');
}

function decodeMap(base64: string): SourceMap {
  return JSON.parse(Buffer.from(base64, 'base64').toString('utf8')) as SourceMap;
}

/**
 * The project's modules are named from its folder already. Those of Perennial begin with the path to
 * it. A path of dots alone is that of an installed package, and is the same everywhere.
 */
function withNamedModules(code: string, { folder, root }: BundlePlaces): string {
  const path = relative(folder, root).split(sep).join('/');
  return /[^./]/.test(path) ? code.replaceAll(`${path}/`, 'perennial/') : code;
}

function sourceName(source: string, { folder, root }: BundlePlaces): string {
  const path = resolve(folder, source);
  const inProject = relative(folder, path);
  if (!inProject.startsWith('..')) return `./${inProject.split(sep).join('/')}`;
  const inRoot = relative(root, path);
  return inRoot.startsWith('..') ? source : `perennial/${inRoot.split(sep).join('/')}`;
}
