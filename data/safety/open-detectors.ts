import { failure, isPerennialError } from '../../domain/failure';
import type { Tenant } from '../../domain/ids';
import type { ClassifierTerms, DetectorSpec, SafetyPolicy, Side } from '../../domain/safety/policy';
import type { About, Detect } from '../../domain/safety/screen';
import type { ModelAccess } from '../language/model-access';
import { openOffThread, type OffThread } from '../off-thread/off-thread';
import type { Embedders } from '../index/embedders/open-embedder';
import { askWithin, type AskGuard } from './ask-guard';
import { classifierPath, type ClassifierFile, type Head } from './classifier-file';
import { oddsOfWindows, standingOutBySentence, type EmbedTexts } from './classify';
import { findByGuard } from './guards';
import { oddsFor } from './threshold';
import { openTextReader } from './text-reader';
import { weights } from './text-readings';
import { findTopics } from './topics';

/**
 * Beyond this a text is not looked at: patterns and phrases take time with its length, and whoever
 * sends it decides that.
 */
const mostCharacters = 1_000_000;

export interface Detectors {
  /**
   * Looks for what the detector is for. What keeps it from looking is thrown, so that the policy
   * decides what happens. Models of providers are asked on the tenant's behalf, within the
   * provider's limits, unless `ask` is given.
   */
  readonly detectFor: (tenant: Tenant, ask?: AskGuard) => Detect;
  /**
   * Loads what the policy's detectors need, and looks whether the providers that they ask are set
   * up, so that no version is served whose every text would be one that could not be looked at.
   * @throws PlatformUnavailable or ModelUnloadable, with the command or the setting that brings it
   */
  prepare(policy: SafetyPolicy): Promise<void>;
}

export interface DetectorsOptions {
  readonly embedders: Pick<Embedders, 'get'>;
  /** Whoever is asked by detectors that ask; null where nobody is. */
  readonly access?: GuardAccess | null;
  readonly classifiers?: string;
  readonly offThread?: OffThread;
}

export type GuardAccess = Pick<ModelAccess, 'chat' | 'moderate' | 'requireProvider'>;

/**
 * One for a process: gateway and evaluation look with the same eyes. Files are read when a policy
 * first needs them.
 */
export function openDetectors({
  embedders,
  access = null,
  classifiers = classifierPath,
  offThread = openOffThread(),
}: DetectorsOptions): Detectors {
  const load = (): Promise<ClassifierFile> => weights(classifiers);
  const reader = openTextReader(offThread);
  const embed: EmbedTexts = async (texts) => (await embedders.get({ kind: 'minilm' })).embed(texts);

  async function find(spec: DetectorSpec, { text, side, about, ask }: DetectorTarget) {
    switch (spec.kind) {
      case 'personalData':
        return reader.read('personalData', { text, types: spec.types });
      case 'secrets':
        return reader.read('secrets', { text });
      case 'blocklist':
        return reader.read('phrases', { text, phrases: spec.phrases });
      case 'injection':
        return (side !== 'retrieved' || !(await reader.read('quotesInjection', { text }))) &&
          (await passes('injection', spec, { text, side }))
          ? []
          : [{ from: 0, to: text.length, what: 'injection' }];
      case 'harmful':
        return (await passes(side === 'output' ? 'harmfulAnswer' : 'harmful', spec, { text, side }))
          ? []
          : [
              {
                from: 0,
                to: text.length,
                what: side === 'output' ? 'harmful answer' : 'harmful request',
              },
            ];
      case 'topics':
        return findTopics(spec, {
          text,
          embed,
          windowsOf: (most) => reader.read('windows', { text, most }),
        });
      case 'moderation':
      case 'guardModel':
        return findByGuard(spec, { text, side, about }, ask);
    }
  }

  /**
   * As a whole, and a passage by meaning also by the sentence that stands out most: in a whole it
   * would be thinned by the rest.
   */
  async function passes(
    head: Head,
    { reads, falseAlarms }: ClassifierTerms,
    { text, side }: { readonly text: string; readonly side: Side },
  ): Promise<boolean> {
    const { heads, sentences } = await load();
    const { words, meaning } = heads[head];
    const odds =
      reads === 'words'
        ? await reader.read('wordOdds', { text, classifiers, head })
        : await oddsOfWindows(
            meaning.classifier,
            await reader.read('suspiciousWindows', { text, classifiers, head }),
            embed,
          );
    if (odds > oddsFor(falseAlarms, (reads === 'words' ? words : meaning).thresholds)) return false;
    if (head === 'harmfulAnswer' || side !== 'retrieved' || reads === 'words') return true;
    const { classifier, thresholds } = sentences[head];
    const telling = await reader.read('tellingSentences', { text, classifiers, head });
    return (
      (await standingOutBySentence(classifier, { embed, sentences: telling })) <=
      oddsFor(falseAlarms, thresholds)
    );
  }

  return {
    detectFor(tenant, ask = access ? askWithin(access, tenant) : nobody) {
      return async (spec, text, side, about = {}) => {
        if (text.length > mostCharacters)
          throw new RangeError(`a text of ${text.length} characters is not looked at`);
        return find(spec, { text, side, about, ask });
      };
    },
    async prepare({ detectors }) {
      if (detectors.length > 0) reader.prepare();
      for (const spec of detectors)
        if (spec.kind === 'moderation' || spec.kind === 'guardModel') requireGuard(spec, access);
      const file = detectors.some(({ kind }) => kind === 'injection' || kind === 'harmful')
        ? await load()
        : null;
      if (
        !detectors.some(
          (spec) => spec.kind === 'topics' || ('reads' in spec && spec.reads === 'meaning'),
        )
      )
        return;
      const { identity } = await embedders.get({ kind: 'minilm' });
      if (file && file.provenance.embedder !== identity.digest) {
        throw failure(
          'ModelUnloadable',
          `the safety classifiers were trained in another space than ${identity.name} has here`,
          {
            next: 'npm run provision:llm, or npm run train:safety',
          },
        );
      }
    },
  };
}

interface DetectorTarget {
  readonly text: string;
  readonly side: Side;
  readonly about: About;
  readonly ask: AskGuard;
}

const nobody: AskGuard = ({ target }) =>
  Promise.reject(failure('NotFound', `no provider is asked here, and ${target.provider} neither`));

/** It may be away for now, which is what `onError` is for; not to know it is a mistake. */
function requireGuard(
  { name, kind, provider }: Extract<DetectorSpec, { readonly provider: string }>,
  access: GuardAccess | null,
): void {
  try {
    if (access === null) throw failure('NotFound', 'no provider is asked here');
    access.requireProvider(provider, { moderation: kind === 'moderation' });
  } catch (cause) {
    const said = isPerennialError(cause) ? cause.message : 'it is not set up';
    const unknown = `set ${provider} up under spec.providers of the file that PERENNIAL_PROVIDERS_FILE names`;
    const next = isPerennialError(cause) && cause.type === 'InvalidInput' ? cause.next : unknown;
    throw failure('ModelUnloadable', `the detector ${name} asks ${provider}: ${said}`, {
      ...(next !== undefined && { next }),
      cause,
    });
  }
}
