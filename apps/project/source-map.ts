/** Makes the source map of a bundle the same on every machine. */
import { relative, resolve, sep } from 'node:path';

interface SourceMap {
  readonly file: string;
  readonly sources: readonly string[];
  readonly sourcesContent: readonly string[];
}

export interface SourcePlaces {
  /** The folder to which the map's sources are relative. */
  readonly context: string;
  /** Folders with the names that replace them, the innermost first. */
  readonly folders: readonly (readonly [path: string, name: string])[];
}

const comment = /^\/\/# sourceMappingURL=data:application\/json;charset=utf-8;base64,(\S+)\s*$/m;

/**
 * The code with the folders replaced by their names, also in its source map. Otherwise the same
 * project would have another digest in each folder.
 */
export function withoutFolders(code: string, places: SourcePlaces): string {
  const [whole, encoded] = comment.exec(code) ?? [];
  const plain = renamedFolders(whole === undefined ? code : code.replace(whole, ''), places);
  if (encoded === undefined) return plain;
  const map = JSON.parse(Buffer.from(encoded, 'base64').toString('utf8')) as SourceMap;
  const portable: SourceMap = {
    ...map,
    file: 'workflows.js',
    sources: map.sources.map((source) => sourceName(source, places)),
    sourcesContent: map.sourcesContent.map((text) => renamedFolders(text, places)),
  };
  const base64 = Buffer.from(JSON.stringify(portable)).toString('base64');
  return `${plain}//# sourceMappingURL=data:application/json;charset=utf-8;base64,${base64}`;
}

function sourceName(source: string, { context, folders }: SourcePlaces): string {
  const path = resolve(context, source);
  for (const [folder, name] of folders) {
    const inside = relative(folder, path);
    if (!inside.startsWith('..')) return `${name}/${inside.split(sep).join('/')}`;
  }
  return source;
}

function renamedFolders(text: string, { context, folders }: SourcePlaces): string {
  return folders.reduce((changed, [folder, name]) => {
    // Modules are known by their path from the context. Dots alone are the same everywhere.
    const path = relative(context, folder);
    const rest = /[^./\\]/.test(path) ? changed.replaceAll(path, `./~${name}`) : changed;
    return rest.replaceAll(folder, name);
  }, text);
}
