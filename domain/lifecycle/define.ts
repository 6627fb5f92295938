import { objectDocument } from '../document/document';
import { invalid } from '../document/issue-text';
import { contradictions } from './checks';
import type { LifecycleDocument } from './lifecycle.schema';
import { lifecycleSchema } from './lifecycle.schema';
import { readBy } from '../document/schema-issues.schema';

/**
 * A lifecycle written in TypeScript: the same object as the YAML file, checked where it is defined.
 * The files that it names are checked with it by `parseLifecycle`, which takes either.
 *
 * @throws InvalidInput with every mistake.
 */
export function defineLifecycle(lifecycle: LifecycleDocument): LifecycleDocument {
  const document = objectDocument(lifecycle, 'defineLifecycle');
  const read = readBy(lifecycleSchema, document);
  const issues = [...document.issues, ...(read.ok ? [] : read.issues), ...contradictions(document)];
  if (issues.length > 0) throw invalid(`the lifecycle ${lifecycle.metadata.name}`, issues);
  return lifecycle;
}
