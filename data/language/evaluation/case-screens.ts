import { isPerennialError, type FailureType } from '../../../domain/failure';
import type { SafetyPolicy, Side } from '../../../domain/safety/policy';
import { screen, type About, type Screening } from '../../../domain/safety/screen';
import { askOnLedger, type AskGuard } from '../../safety/ask-guard';
import type { Detectors } from '../../safety/open-detectors';
import type { Asking } from './answerer';

/** A safety policy over the texts of cases. */
export interface CaseScreens {
  /**
   * @throws PlatformUnavailable or ModelUnloadable when a detector's files or provider are not
   *   here: an evaluation without its policy is another's
   */
  readonly prepare: () => Promise<void>;
  readonly open: () => CaseScreen;
}

/** Over what is said of one case. */
export interface CaseScreen {
  /**
   * @throws when a model that a detector asks could not be asked: that says nothing of the text,
   *   and neither blocked nor passed would have been measured
   */
  readonly screen: (side: Side, text: string, about?: About) => Promise<Screening>;
  /** Nanodollars for verdicts so far. */
  readonly cost: () => number;
}

export interface CaseScreensOptions {
  readonly policy: SafetyPolicy;
  readonly detectors: Detectors;
  /** Who pays for models that detectors ask. */
  readonly asking: Asking;
}

/**
 * What is too long for a detector's model, or stopped by its provider's filter, is so for whoever
 * serves it: there the policy decides, and here.
 */
const ofTheText: readonly FailureType[] = ['ContextOverflow', 'AnswerWithheld'];

export function caseScreens({ policy, detectors, asking }: CaseScreensOptions): CaseScreens {
  let prepared: Promise<void> | null = null;
  return {
    prepare: () => (prepared ??= detectors.prepare(policy)),
    open() {
      const seen: { cost: number; failed: unknown } = { cost: 0, failed: null };
      const onLedger = askOnLedger(asking, (cost) => (seen.cost += cost));
      const ask: AskGuard = async (asked) => {
        try {
          return await onLedger(asked);
        } catch (error) {
          if (!isPerennialError(error) || !ofTheText.includes(error.type)) seen.failed ??= error;
          throw error;
        }
      };
      const detect = detectors.detectFor(asking.tenant, ask);
      return {
        async screen(side, text, about) {
          const screening = await screen(policy, side, text, detect, about);
          if (seen.failed !== null) throw asError(seen.failed);
          return screening;
        },
        cost: () => seen.cost,
      };
    },
  };
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
