/**
 * The syntax of templates: `{{name}}` inserts a value. `{{#name}} … {{.}} … {{/name}}` repeats its
 * content for each item of a list, where `{{.}}` is the item and `{{@}}` its number from 1. `\{{`
 * is two braces. It is a subset of Mustache without HTML escapes, lookups and lambdas. Inserted
 * values are not parsed again, so a document with `{{secret}}` stays text.
 */
export type Segment =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'value'; readonly name: string }
  | { readonly kind: 'list'; readonly name: string; readonly body: readonly Segment[] }
  | { readonly kind: 'item' }
  | { readonly kind: 'number' };

export interface ParsedTemplate {
  readonly segments: readonly Segment[];
  /** Errors in its braces, in order. */
  readonly problems: readonly string[];
}

const tag = /\\\{\{|\{\{([#/]?)([^{}]*)\}\}|\{\{/g;
const variableName = /^[A-Za-z][A-Za-z0-9_]{0,62}$/;

export function parseTemplate(template: string): ParsedTemplate {
  const problems: string[] = [];
  const outside: Segment[] = [];
  let open: { readonly name: string; readonly body: Segment[] } | null = null;
  let from = 0;
  const add = (segment: Segment) => (open?.body ?? outside).push(segment);
  const addText = (text: string) => text !== '' && add({ kind: 'text', text });
  for (const match of template.matchAll(tag)) {
    addText(template.slice(from, match.index));
    from = match.index + match[0].length;
    const name = match[2]?.trim();
    if (name === undefined) {
      if (match[0] === '\\{{') addText('{{');
      else
        problems.push(
          `{{ at character ${match.index + 1} is not closed; write \\{{ for two braces`,
        );
    } else if (match[1] === '#') {
      if (open !== null)
        problems.push(`{{#${name}}} is inside {{#${open.name}}}, but lists cannot be nested`);
      else open = { name, body: [] };
    } else if (match[1] === '/') {
      if (open?.name !== name) problems.push(`{{/${name}}} has no matching {{#${name}}}`);
      else {
        outside.push({ kind: 'list', ...open });
        open = null;
      }
    } else if (name === '.' || name === '@') {
      if (open === null) problems.push(`{{${name}}} is outside of a list`);
      else add({ kind: name === '.' ? 'item' : 'number' });
    } else if (!variableName.test(name)) {
      problems.push(`{{${name}}} is not a variable name; write \\{{ for two braces`);
    } else add({ kind: 'value', name });
  }
  addText(template.slice(from));
  if (open !== null) problems.push(`{{#${open.name}}} is not closed by {{/${open.name}}}`);
  return { segments: outside, problems };
}

export interface VariableUse {
  readonly name: string;
  /** Repeated as a list, or inserted as one value. */
  readonly as: 'list' | 'value';
}

export function variableUses(segments: readonly Segment[]): readonly VariableUse[] {
  return segments.flatMap((segment): readonly VariableUse[] => {
    if (segment.kind === 'value') return [{ name: segment.name, as: 'value' }];
    return segment.kind === 'list'
      ? [{ name: segment.name, as: 'list' }, ...variableUses(segment.body)]
      : [];
  });
}
