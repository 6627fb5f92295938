import type { Places } from './document';
import { parseLifecycle, type LifecycleInput, type ParsedLifecycle } from './lifecycle-document';
import { yamlDocument } from './yaml-document.schema';

/** A lifecycle as it was read, as plain data, so that another thread can read it. */
export interface PlacedLifecycle {
  readonly parsed: ParsedLifecycle;
  /** Empty when it came as an object or is wrong. */
  readonly places: Places;
}

export function readPlacedLifecycle(input: LifecycleInput): PlacedLifecycle {
  const parsed = parseLifecycle(input);
  const isText = typeof input.document === 'string';
  return { parsed, places: parsed.ok && isText ? (yamlDocument(input.document, input.fileName).places?.() ?? {}) : {} };
}
