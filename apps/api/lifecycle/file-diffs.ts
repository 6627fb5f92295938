/** What an approver reads: the changed lines of the files of a revision. */
import type { ArtifactStore } from '../../../data/artifact/store';
import type { ArtifactRef, Digest } from '../../../domain/artifact';
import { changedLines } from '../../../domain/document/line-diff';
import { revisionTexts } from './revision';

interface FileDiff {
  readonly path: string;
  /** Lines that begin with `-`, `+` or a space. */
  readonly lines: readonly string[];
}

const maxLines = 500;

type RevisionFiles = Readonly<Record<string, ArtifactRef>>;

/** Of each file that differs, sorted by path. `texts` are those of `after`. */
export async function fileDiffs(
  artifacts: Pick<ArtifactStore, 'getBytes'>,
  before: RevisionFiles,
  after: {
    readonly files: Readonly<Record<string, { readonly digest: Digest }>>;
    readonly texts: Readonly<Record<string, string>>;
  },
): Promise<readonly FileDiff[]> {
  const paths = [...new Set([...Object.keys(before), ...Object.keys(after.files)])]
    .filter((path) => before[path]?.digest !== after.files[path]?.digest)
    .sort();
  const changed = Object.entries(before).filter(([path]) => paths.includes(path));
  const was = await revisionTexts(artifacts, Object.fromEntries(changed));
  return paths.map((path) => {
    const lines = changedLines(was[path] ?? '', after.texts[path] ?? '');
    const rest = lines.length - maxLines;
    return {
      path,
      lines: rest <= 0 ? lines : [...lines.slice(0, maxLines), `… ${rest} more lines`],
    };
  });
}
