import { failure } from '../failure';
import { trimEnd } from '../text';
import type { TrackedArtifact } from './tracking';

const longest = 1_000;

/**
 * The path of a file or a folder, as MLflow's clients name it. `''` is the root.
 * @throws InvalidInput for a path that leads elsewhere
 */
export function artifactPath(given: string): string {
  const path = trimEnd(given, '/');
  const parts = path === '' ? [] : path.split('/');
  const isPlain = parts.every((part) => !/^\.{0,2}$|[\\\u0000-\u001f]/.test(part));
  if (isPlain && path.length <= longest) return path;
  throw failure('InvalidInput', `${JSON.stringify(given.slice(0, 100))} is not a path of a file`, {
    next: `use names joined by /, without . and .., at most ${longest} characters`,
  });
}

export interface ListedArtifact {
  /** Relative to the listed folder. */
  readonly path: string;
  readonly isFolder: boolean;
  readonly bytes: number | null;
}

/** What a folder contains directly, given all files below it. A file lists itself. */
export function listFolder(
  folder: string,
  files: readonly TrackedArtifact[],
): readonly ListedArtifact[] {
  const found = new Map<string, ListedArtifact>();
  for (const { path, bytes } of files) {
    const rest =
      path === folder ? (path.split('/').at(-1) ?? '') : path.slice(findPrefixLength(folder));
    const [first = '', ...below] = rest.split('/');
    const isFolder = below.length > 0;
    found.set(first, { path: first, isFolder, bytes: isFolder ? null : bytes });
  }
  return [...found.values()];
}

function findPrefixLength(folder: string): number {
  return folder === '' ? 0 : folder.length + 1;
}
