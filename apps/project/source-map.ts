/** Makes a bundle the same wherever the project and Perennial are. */
import { relative, resolve, sep } from 'node:path';

interface SourceMap {
  readonly file: string;
  readonly sources: readonly string[];
  readonly sourcesContent: readonly string[];
}

export interface BundlePlaces {
  /** The folder of the project, from which the bundler names the modules. */
  readonly folder: string;
  /** The folder of Perennial. */
  readonly root: string;
}

const comment = /^\/\/# sourceMappingURL=data:application\/json;charset=utf-8;base64,(\S+)\s*$/m;

/**
 * The code without the paths of this machine, also in its source map. Otherwise the same project
 * would have another digest in each folder.
 */
export function withoutPaths(code: string, places: BundlePlaces): string {
  const [whole, encoded] = comment.exec(code) ?? [];
  const plain = withNamedModules(whole === undefined ? code : code.replace(whole, ''), places);
  if (encoded === undefined) return plain;
  const map = JSON.parse(Buffer.from(encoded, 'base64').toString('utf8')) as SourceMap;
  const portable: SourceMap = {
    ...map,
    file: 'workflows.js',
    sources: map.sources.map((source) => sourceName(source, places)),
    sourcesContent: map.sourcesContent.map((text) =>
      text.replaceAll(`${places.folder}/`, './').replaceAll(`${places.root}/`, 'perennial/'),
    ),
  };
  const base64 = Buffer.from(JSON.stringify(portable)).toString('base64');
  return `${plain}//# sourceMappingURL=data:application/json;charset=utf-8;base64,${base64}`;
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
