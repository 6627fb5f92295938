import { failure, isPerennialError } from '../../domain/failure';
import type { Tenant } from '../../domain/ids';
import type { ClassifierTerms, DetectorSpec, SafetyPolicy, Side } from '../../domain/llm/safety/policy';
import type { About, Detect } from '../../domain/llm/safety/screen';
import type { ModelAccess } from '../llm/model-access';
import type { Embedders } from '../indexes/embedders/open-embedder';
import { askWithin, type AskGuard } from './ask-guard';
import { findPhrases } from './blocklist';
import { classifierPath, readClassifiers, type ClassifierFile, type Head } from './classifier-file';
import { oddsByMeaning, oddsByWords, standingOutBySentence, type EmbedTexts } from './classify';
import { findByGuard } from './guards';
import { quotesInjection } from './injection-phrases';
import { findPersonalData } from './personal-data';
import { findSecrets } from './secrets';
import { oddsFor } from './threshold';
import { findTopics } from './topics';

/** Beyond this a text is not looked at: patterns and phrases take time with its length, and whoever sends it decides that. */
const mostCharacters = 1_000_000;

export interface Detectors {
  /**
   * Looks for what the detector is for. What keeps it from looking is thrown, so that the policy decides what happens. Models of providers are asked on the tenant's behalf, within
   * the provider's limits, unless `ask` is given.
   */
  readonly detectFor: (tenant: Tenant, ask?: AskGuard) => Detect;
  /**
   * Loads what the policy's detectors need, and looks whether the providers that they ask are set up, so that no version is served whose every text would be one that could not be looked at.
   * @throws PlatformUnavailable or ModelUnloadable, with the command or the setting that brings it
   */
  prepare(policy: SafetyPolicy): Promise<void>;
}

export interface DetectorsOptions {
  readonly embedders: Pick<Embedders, 'get'>;
  /** Whoever is asked by detectors that ask; null where nobody is. */
  readonly access?: GuardAccess | null;
  readonly classifiers?: string;
}

export type GuardAccess = Pick<ModelAccess, 'chat' | 'moderate' | 'requireProvider'>;

/** One for a process: gateway and evaluation look with the same eyes. Files are read when a policy first needs them. */
export function openDetectors({ embedders, access = null, classifiers = classifierPath }: DetectorsOptions): Detectors {
  let loading: Promise<ClassifierFile> | null = null;

  function load(): Promise<ClassifierFile> {
    loading ??= readClassifiers(classifiers).catch((error: unknown) => {
      loading = null;
      throw error;
    });
    return loading;
  }

  const embed: EmbedTexts = async (texts) => (await embedders.get({ kind: 'minilm' })).embed(texts);

  async function find(spec: DetectorSpec, { text, side, about, ask }: LookedAt) {
    switch (spec.kind) {
      case 'personalData':
        return findPersonalData(text, spec.types);
      case 'secrets':
        return findSecrets(text);
      case 'blocklist':
        return findPhrases(text, spec.phrases);
      case 'injection':
        return (side !== 'retrieved' || !quotesInjection(text)) && (await passes('injection', spec, { text, side }))
          ? []
          : [{ from: 0, to: text.length, what: 'injection' }];
      case 'harmful':
        return (await passes(side === 'output' ? 'harmfulAnswer' : 'harmful', spec, { text, side }))
          ? []
          : [{ from: 0, to: text.length, what: side === 'output' ? 'harmful answer' : 'harmful request' }];
      case 'topics':
        return findTopics(spec, text, embed);
      case 'moderation':
      case 'guardModel':
        return findByGuard(spec, { text, side, about }, ask);
    }
  }

  /** As a whole, and a passage by meaning also by the sentence that stands out most: in a whole it would be thinned by the rest. */
  async function passes(
    head: Head,
    { reads, falseAlarms }: ClassifierTerms,
    { text, side }: { readonly text: string; readonly side: Side },
  ): Promise<boolean> {
    const { heads, sentences } = await load();
    const { words, meaning } = heads[head];
    const odds =
      reads === 'words'
        ? await oddsByWords(words.classifier, text)
        : await oddsByMeaning(meaning.classifier, { words: words.classifier, embed, text });
    if (odds > oddsFor(falseAlarms, (reads === 'words' ? words : meaning).thresholds)) return false;
    if (head === 'harmfulAnswer' || side !== 'retrieved' || reads === 'words') return true;
    const { classifier, thresholds } = sentences[head];
    return (await standingOutBySentence(classifier, { embed, text })) <= oddsFor(falseAlarms, thresholds);
  }

  return {
    detectFor(tenant, ask = access ? askWithin(access, tenant) : nobody) {
      return async (spec, text, side, about = {}) => {
        if (text.length > mostCharacters) throw new RangeError(`a text of ${text.length} characters is not looked at`);
        return find(spec, { text, side, about, ask });
      };
    },
    async prepare({ detectors }) {
      for (const spec of detectors) if (spec.kind === 'moderation' || spec.kind === 'guardModel') requireGuard(spec, access);
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

interface LookedAt {
  readonly text: string;
  readonly side: Side;
  readonly about: About;
  readonly ask: AskGuard;
}

const nobody: AskGuard = ({ target }) => Promise.reject(failure('NotFound', `no provider is asked here, and ${target.provider} neither`));

/** It may be away for now, which is what `onError` is for; not to know it is a mistake. */
function requireGuard({ name, kind, provider }: Extract<DetectorSpec, { readonly provider: string }>, access: GuardAccess | null): void {
  try {
    if (access === null) throw failure('NotFound', 'no provider is asked here');
    access.requireProvider(provider, { moderation: kind === 'moderation' });
  } catch (cause) {
    const said = isPerennialError(cause) ? cause.message : 'it is not set up';
    const unknown = `set ${provider} up under spec.providers of the file that PERENNIAL_PROVIDERS_FILE names`;
    const next = isPerennialError(cause) && cause.type === 'InvalidInput' ? cause.next : unknown;
    throw failure('ModelUnloadable', `the detector ${name} asks ${provider}: ${said}`, { ...(next !== undefined && { next }), cause });
  }
}
