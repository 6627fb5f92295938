import type { DetectorSpec, Finding } from '../../domain/llm/safety/policy';
import { findPhrases } from './blocklist';
import { findPersonalData } from './personal-data';
import { findSecrets } from './secrets';

/** Beyond this a text is not looked at: patterns and phrases take time with its length, and whoever sends it decides that. */
const mostCharacters = 1_000_000;

/** Looks for what the detector is for. A text that is too long is a failure of the look, so that the policy decides what happens. */
export function detect(spec: DetectorSpec, text: string): Promise<readonly Finding[]> {
  if (text.length > mostCharacters) return Promise.reject(new RangeError(`a text of ${text.length} characters is not looked at`));
  return Promise.resolve(find(spec, text));
}

function find(spec: DetectorSpec, text: string): readonly Finding[] {
  switch (spec.kind) {
    case 'personalData':
      return findPersonalData(text, spec.types);
    case 'secrets':
      return findSecrets(text);
    case 'blocklist':
      return findPhrases(text, spec.phrases);
  }
}
