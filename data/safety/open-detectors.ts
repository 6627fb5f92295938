import { failure } from '../../domain/failure';
import type { ClassifierTerms, DetectorSpec, Finding, SafetyPolicy, Side } from '../../domain/llm/safety/policy';
import type { Detect } from '../../domain/llm/safety/screen';
import type { Embedders } from '../indexes/embedders/open-embedder';
import { findPhrases } from './blocklist';
import { classifierPath, readClassifiers, type ClassifierFile, type Head } from './classifier-file';
import { oddsByMeaning, oddsByWords, type EmbedTexts } from './classify';
import { quotesInjection } from './injection-phrases';
import { findPersonalData } from './personal-data';
import { findSecrets } from './secrets';
import { oddsFor } from './threshold';
import { findTopics } from './topics';

/** Beyond this a text is not looked at: patterns and phrases take time with its length, and whoever sends it decides that. */
const mostCharacters = 1_000_000;

export interface Detectors {
  /** Looks for what the detector is for. What keeps it from looking is thrown, so that the policy decides what happens. */
  readonly detect: Detect;
  /**
   * Loads what the policy's detectors need, so that no version is served whose every text would be one that could not be looked at.
   * @throws PlatformUnavailable or ModelUnloadable, with the command that brings it
   */
  prepare(policy: SafetyPolicy): Promise<void>;
}

export interface DetectorsOptions {
  readonly embedders: Pick<Embedders, 'get'>;
  readonly classifiers?: string;
}

/** One for a process: gateway and evaluation look with the same eyes. Files are read when a policy first needs them. */
export function openDetectors({ embedders, classifiers = classifierPath }: DetectorsOptions): Detectors {
  let loading: Promise<ClassifierFile> | null = null;

  function load(): Promise<ClassifierFile> {
    loading ??= readClassifiers(classifiers).catch((error: unknown) => {
      loading = null;
      throw error;
    });
    return loading;
  }

  const embed: EmbedTexts = async (texts) => (await embedders.get({ kind: 'minilm' })).embed(texts);

  async function find(spec: DetectorSpec, text: string, side: Side): Promise<readonly Finding[]> {
    switch (spec.kind) {
      case 'personalData':
        return findPersonalData(text, spec.types);
      case 'secrets':
        return findSecrets(text);
      case 'blocklist':
        return findPhrases(text, spec.phrases);
      case 'injection':
        // In a passage an order is a sentence among many, which the classifier, trained on whole prompts, does not see (docs/llm-safety.md).
        return (side !== 'retrieved' || !quotesInjection(text)) && (await passes('injection', spec, text))
          ? []
          : [{ from: 0, to: text.length, what: 'injection' }];
      case 'harmful':
        return (await passes(side === 'output' ? 'harmfulAnswer' : 'harmful', spec, text))
          ? []
          : [{ from: 0, to: text.length, what: side === 'output' ? 'harmful answer' : 'harmful request' }];
      case 'topics':
        return findTopics(spec, text, embed);
    }
  }

  async function passes(head: Head, { reads, falseAlarms }: ClassifierTerms, text: string): Promise<boolean> {
    const { words, meaning } = (await load()).heads[head];
    const odds =
      reads === 'words'
        ? await oddsByWords(words.classifier, text)
        : await oddsByMeaning(meaning.classifier, { words: words.classifier, embed, text });
    return odds <= oddsFor(falseAlarms, (reads === 'words' ? words : meaning).thresholds);
  }

  return {
    async detect(spec, text, side) {
      if (text.length > mostCharacters) throw new RangeError(`a text of ${text.length} characters is not looked at`);
      return find(spec, text, side);
    },
    async prepare({ detectors }) {
      const file = detectors.some(({ kind }) => kind === 'injection' || kind === 'harmful') ? await load() : null;
      if (!detectors.some((spec) => spec.kind === 'topics' || ('reads' in spec && spec.reads === 'meaning'))) return;
      const { identity } = await embedders.get({ kind: 'minilm' });
      if (file && file.provenance.embedder !== identity.digest) {
        throw failure('ModelUnloadable', `the safety classifiers were trained in another space than ${identity.name} has here`, {
          next: 'npm run provision:llm, or npm run train:safety',
        });
      }
    },
  };
}
