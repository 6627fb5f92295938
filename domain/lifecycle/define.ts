import { objectDocument } from '../document/document';
import { invalid } from '../document/issue-text';
import { contradictions } from './checks';
import type { LifecycleDocument } from './lifecycle.schema';
import { lifecycleSchema } from './lifecycle.schema';
import { readBy } from '../document/schema-issues.schema';

/**
 * Checks a lifecycle written in TypeScript, which has the same keys as the YAML file.
 * `parseLifecycle` checks the files that it names.
 *
 * @throws InvalidInput with every error.
 */
export function defineLifecycle(lifecycle: LifecycleDocument): LifecycleDocument {
  const document = objectDocument(lifecycle, 'defineLifecycle');
  const read = readBy(lifecycleSchema, document);
  const issues = [...document.issues, ...(read.ok ? [] : read.issues), ...contradictions(document)];
  if (issues.length > 0) throw invalid(`the lifecycle ${lifecycle.metadata.name}`, issues);
  return lifecycle;
}
