import { isPerennialError, type FailureType } from '../../../domain/failure';
import type { SafetyPolicy, Side } from '../../../domain/safety/policy';
import { screen, type TextContext, type Screening } from '../../../domain/safety/screen';
import { askGuardWithLedger, type AskGuard } from '../../safety/ask-guard';
import type { Detectors } from '../../safety/open-detectors';
import type { LedgerAccess } from '../reranker';

/** Screens the texts of cases by a safety policy. */
export interface CaseScreens {
  /**
   * @throws PlatformUnavailable or ModelUnloadable when a detector's files or provider are missing
   */
  readonly prepare: () => Promise<void>;
  readonly open: () => CaseScreen;
}

/** Screens the texts of one case. */
export interface CaseScreen {
  /**
   * @throws when a detector's model could not be asked, because the text is then neither blocked
   *   nor passed
   */
  readonly screen: (side: Side, text: string, about?: TextContext) => Promise<Screening>;
  /** The cost of the verdicts so far, in nanodollars. */
  readonly cost: () => number;
}

export interface CaseScreensOptions {
  readonly policy: SafetyPolicy;
  readonly detectors: Detectors;
  /** Pays for models that detectors ask. */
  readonly asking: LedgerAccess;
}

/** These failures depend on the text alone, so the policy decides on them as in the gateway. */
const ofTheText: readonly FailureType[] = ['ContextOverflow', 'AnswerWithheld'];

export function caseScreens({ policy, detectors, asking }: CaseScreensOptions): CaseScreens {
  let prepared: Promise<void> | null = null;
  return {
    prepare: () => (prepared ??= detectors.prepare(policy)),
    open() {
      const seen: { cost: number; failed: unknown } = { cost: 0, failed: null };
      const onLedger = askGuardWithLedger(asking, (cost) => (seen.cost += cost));
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
