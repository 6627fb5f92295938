import { failure, isPerennialError } from '../../domain/failure';
import type { Tenant } from '../../domain/ids';
import type { ClassifierTerms, DetectorSpec, SafetyPolicy, Side } from '../../domain/safety/policy';
import type { TextContext, Detect } from '../../domain/safety/screen';
import type { ModelAccess } from '../language/model-access';
import { openOffThread, type OffThread } from '../off-thread/off-thread';
import type { Embedders } from '../index/embedders/open-embedder';
import { askGuardWithLimits, type AskGuard } from './ask-guard';
import { classifierPath, type ClassifierFile, type Head } from './classifier-file';
import { oddsOfWindows, sentenceOutlierOdds, type EmbedTexts } from './classify';
import { findByGuard } from './guards';
import { oddsFor } from './threshold';
import { openTextReader } from './text-reader';
import { weights } from './text-readings';
import { findTopics } from './topics';

/** The longest text that is screened, to limit the time that a sender can cause. */
const maxCharacters = 1_000_000;

export interface Detectors {
  /**
   * The function that runs a detector. It throws when the detector cannot run; the policy then
   * decides. Providers' models are asked for the tenant, within the provider's limits, or by `ask`.
   */
  readonly detectFor: (tenant: Tenant, ask?: AskGuard) => Detect;
  /**
   * Load what the policy's detectors need and check that their providers are configured, so that no
   * version is served that could not screen any text.
   * @throws PlatformUnavailable or ModelUnloadable, with the command or the setting that helps
   */
  prepare(policy: SafetyPolicy): Promise<void>;
}

export interface DetectorsOptions {
  readonly embedders: Pick<Embedders, 'get'>;
  /** Access for detectors that call a provider's model; null without providers. */
  readonly access?: GuardAccess | null;
  readonly classifiers?: string;
  readonly offThread?: OffThread;
}

export type GuardAccess = Pick<ModelAccess, 'chat' | 'moderate' | 'requireProvider'>;

/**
 * The detectors of a process. The gateway and the evaluation use the same ones. Files are read when
 * a policy first needs them.
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
          readWindows: (max) => reader.read('windows', { text, max }),
        });
      case 'moderation':
      case 'guardModel':
        return findByGuard(spec, { text, side, about }, ask);
    }
  }

  /**
   * Classify the whole text. A passage that is read by meaning is also classified by the sentence
   * that stands out most, because one sentence has little weight in the whole.
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
      (await sentenceOutlierOdds(classifier, { embed, sentences: telling })) <=
      oddsFor(falseAlarms, thresholds)
    );
  }

  return {
    detectFor(tenant, ask = access ? askGuardWithLimits(access, tenant) : noProvider) {
      return async (spec, text, side, about = {}) => {
        if (text.length > maxCharacters)
          throw new RangeError(
            `a text of ${text.length} characters is too long to be screened ` +
              `(at most ${maxCharacters})`,
          );
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
          `the safety classifiers were trained with a different embedder than ${identity.name} ` +
            `of this process (${identity.digest})`,
          { next: 'npm run provision:llm, or npm run train:safety' },
        );
      }
    },
  };
}

interface DetectorTarget {
  readonly text: string;
  readonly side: Side;
  readonly about: TextContext;
  readonly ask: AskGuard;
}

const noProvider: AskGuard = ({ target }) =>
  Promise.reject(
    failure('NotFound', `this process has no providers, so it cannot ask ${target.provider}`),
  );

/** Only the settings are checked. A provider that is not available is a matter of `onError`. */
function requireGuard(
  { name, kind, provider }: Extract<DetectorSpec, { readonly provider: string }>,
  access: GuardAccess | null,
): void {
  try {
    if (access === null) throw failure('NotFound', 'this process has no providers');
    access.requireProvider(provider, { moderation: kind === 'moderation' });
  } catch (cause) {
    const reason = isPerennialError(cause) ? cause.message : 'it is not configured';
    const configure =
      `add ${provider} to spec.providers in the file ` + 'that PERENNIAL_PROVIDERS_FILE names';
    const next = isPerennialError(cause) && cause.type === 'InvalidInput' ? cause.next : configure;
    throw failure('ModelUnloadable', `detector ${name} needs provider ${provider}: ${reason}`, {
      ...(next !== undefined && { next }),
      cause,
    });
  }
}
