import type { Places, WrittenDocument } from '../document/document';
import { valueAt } from '../document/path';
import { pathField } from '../document/field.schema';
import {
  contractIn,
  openLifecycle,
  parseLifecycle,
  type LifecycleSource,
  type ParsedLifecycle,
} from './document';
import { lifecycleParts, noParts, type LifecycleParts, type PlacedContract } from './parts';
import { yamlDocument } from '../document/yaml-document.schema';

/** A lifecycle as it was read, as plain data, so that another thread can read it. */
export interface PlacedLifecycle {
  readonly parsed: ParsedLifecycle;
  /** What can be checked further, also of a lifecycle with mistakes. */
  readonly parts: LifecycleParts;
  /** Empty when it came as an object. */
  readonly places: Places;
}

export function readPlacedLifecycle(input: LifecycleSource): PlacedLifecycle {
  const parsed = parseLifecycle(input);
  const document = openLifecycle(input);
  const { readable } = document;
  const read = readable === undefined ? document : { ...document, value: readable.value };
  return {
    parsed,
    parts:
      read.value === undefined
        ? noParts
        : lifecycleParts(read, { contract: placedContract(read, input), folder: input.folder }),
    places: document.places?.() ?? readable?.places() ?? {},
  };
}

function placedContract(document: WrittenDocument, input: LifecycleSource): PlacedContract | null {
  const read = contractIn(document, input);
  const path = pathField('').safeParse(valueAt(document.value, ['spec', 'data', 'contract'])).data;
  if (!read.ok || read.value === null || path === undefined) return null;
  return {
    contract: read.value,
    path,
    places: yamlDocument(input.files[path] ?? '', path).places?.() ?? {},
  };
}
