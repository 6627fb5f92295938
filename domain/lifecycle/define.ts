import { objectDocument } from '../document/document';
import { invalidInput } from '../document/issue-text';
import { crossSectionIssues } from './checks';
import type { LifecycleDocument } from './lifecycle.schema';
import { lifecycleSchema } from './lifecycle.schema';
import { parseWithSchema } from '../document/schema-issues.schema';

/**
 * Checks a lifecycle written in TypeScript, which has the same keys as the YAML file.
 * `parseLifecycle` checks the files that it names.
 *
 * @throws InvalidInput with every error.
 */
export function defineLifecycle(lifecycle: LifecycleDocument): LifecycleDocument {
  const document = objectDocument(lifecycle, 'defineLifecycle');
  const read = parseWithSchema(lifecycleSchema, document);
  const issues = [
    ...document.issues,
    ...(read.ok ? [] : read.issues),
    ...crossSectionIssues(document),
  ];
  if (issues.length > 0) throw invalidInput(`the lifecycle ${lifecycle.metadata.name}`, issues);
  return lifecycle;
}
