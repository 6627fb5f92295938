import type { SourceLocations, SourceDocument } from '../document/document';
import {
  contractsIn,
  openLifecycle,
  parseLifecycle,
  type LifecycleSource,
  type ParsedLifecycle,
} from './document';
import { lifecycleParts, noParts, type CheckedParts, type LocatedContract } from './parts';
import { yamlDocument } from '../document/yaml-document.schema';

/** A parsed lifecycle with the places of its keys, as plain data that can be sent to a thread. */
export interface LocatedLifecycle {
  readonly parsed: ParsedLifecycle;
  /** The parts for further checks; present even when the lifecycle has errors. */
  readonly parts: CheckedParts;
  /** Empty when the lifecycle was given as an object. */
  readonly places: SourceLocations;
}

export function readLocatedLifecycle(input: LifecycleSource): LocatedLifecycle {
  const parsed = parseLifecycle(input);
  const document = openLifecycle(input);
  const { readable } = document;
  const read = readable === undefined ? document : { ...document, value: readable.value };
  return {
    parsed,
    parts:
      read.value === undefined
        ? noParts
        : lifecycleParts(read, {
            contracts: placedContracts(read, input),
            folder: input.folder,
          }),
    places: document.places?.() ?? readable?.places() ?? {},
  };
}

function placedContracts(
  document: SourceDocument,
  { files }: LifecycleSource,
): readonly LocatedContract[] {
  const { bySource } = contractsIn(document, files);
  return Object.entries(bySource).map(([source, { contract, path }]) => ({
    source,
    contract,
    path,
    places: yamlDocument(files[path] ?? '', path).places?.() ?? {},
  }));
}
