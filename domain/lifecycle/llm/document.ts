import type { SourceDocument } from '../../document/document';
import type { DocumentPath } from '../../document/path';
import { valueAt } from '../../document/path';
import { pathField } from '../../document/field.schema';
import { uniquePaths, namedFileIssues, type NamedPath } from '../named-files';
import { parseWithSchema, type ParseResult } from '../../document/schema-issues.schema';
import type { LlmLifecycleSpec } from './llm-lifecycle';
import type { Files } from './case-checks';
import { canaryIssues, llmLifecycleIssues } from './checks';
import { llmLifecycleSchema, promptRefField } from './llm-lifecycle.schema';

/** The files that an LLM lifecycle names, even if it has errors. */
export function filesOfLlmLifecycle({ value }: SourceDocument): readonly NamedPath[] {
  const candidates = valueAt(value, ['spec', 'prompt', 'candidates']);
  const dimensions = valueAt(value, ['spec', 'evaluate', 'dimensions']);
  const places: DocumentPath[] = [
    ...(Array.isArray(candidates)
      ? candidates.map((_, index) => ['spec', 'prompt', 'candidates', index])
      : []),
    ['spec', 'cases', 'file'],
    ['spec', 'safety'],
    ...(Array.isArray(dimensions)
      ? dimensions.flatMap((_, index) =>
          ['prompt', 'labels'].map((key) => ['spec', 'evaluate', 'dimensions', index, key]),
        )
      : []),
  ];
  return uniquePaths(
    places.flatMap((at) => {
      const named = valueAt(value, at);
      const path = pathField('').safeParse(named);
      return path.success && !promptRefField.safeParse(named).success
        ? [{ path: path.data, at }]
        : [];
    }),
  );
}

/** The spec, or all errors in the lifecycle and in the files that it names. */
export function readLlmLifecycle(
  document: SourceDocument,
  files: Files,
): ParseResult<LlmLifecycleSpec> {
  const read = parseWithSchema(llmLifecycleSchema, document);
  const issues = [
    ...document.issues,
    ...(read.ok ? [] : read.issues),
    ...namedFileIssues(document, filesOfLlmLifecycle(document), files),
    ...(read.ok
      ? [
          ...llmLifecycleIssues(read.value, document, files),
          ...canaryIssues(read.value, document, files),
        ]
      : []),
  ];
  return issues.length > 0 ? { ok: false, issues } : read;
}
