import type { ArtifactRef, Digest } from '../../domain/artifact';
import { invalidInput } from '../../domain/document/issue-text';
import { readStoredAnswers } from '../../domain/language/cases/case-set-document';
import type { DimensionSpec, JudgeSpec } from '../../domain/language/dimension/dimension';
import type { JudgeCalibration } from '../../domain/language/judge/calibration';
import { readStoredPrompt } from '../../domain/prompt/document';
import type { ArtifactStore } from '../../data/artifact/store';
import type { LedgerAccess } from '../../data/language/reranker';
import {
  calibrateJudge,
  createJudge,
  type ModelJudge,
  type JudgeOptions,
} from '../../data/language/evaluation/judge';

export interface JudgeFiles {
  readonly artifacts: Pick<ArtifactStore, 'getBytes'>;
  /** Files of the lifecycle, by path. */
  readonly files: Readonly<Record<string, ArtifactRef>>;
  readonly asking: LedgerAccess;
  readonly whenLost?: JudgeOptions['whenLost'];
}

/** A judge's digest and calibration. Gates use its verdicts only with this calibration. */
export interface CalibratedJudge {
  readonly digest: Digest;
  readonly calibration: JudgeCalibration | null;
}

/** A verdict is short JSON, and deterministic. */
const sampling = { temperature: 0, topP: 1, maxTokens: 256, seed: 17, stop: [] };

/** Opens the judges, by dimension. */
export async function openJudges(
  dimensions: readonly DimensionSpec[],
  given: JudgeFiles,
): Promise<Readonly<Record<string, ModelJudge>>> {
  const judges = judgesIn(dimensions).map(
    async ({ name, prompt: path, provider, model }): Promise<readonly [string, ModelJudge]> => {
      const read = readStoredPrompt(await readText(given, path), path);
      if (!read.ok) throw invalidInput(path, read.issues);
      return [
        name,
        createJudge({ ...given, template: read.value, target: { provider, model }, sampling }),
      ];
    },
  );
  return Object.fromEntries(await Promise.all(judges));
}

/**
 * Measures the judges on labelled answers. Calibrating the same judge again is free, because the
 * call ledger has each verdict.
 */
export async function calibrateAll(
  dimensions: readonly DimensionSpec[],
  given: JudgeFiles & { readonly parallel: number; readonly signal: AbortSignal },
): Promise<Readonly<Record<string, CalibratedJudge>>> {
  const judges = await openJudges(dimensions, given);
  const known: Record<string, CalibratedJudge> = {};
  for (const { name, labels } of judgesIn(dimensions)) {
    const judge = judges[name];
    if (!judge) continue;
    if (labels === null) {
      known[name] = { digest: judge.digest, calibration: null };
      continue;
    }
    const answers = readStoredAnswers(await readText(given, labels), labels);
    known[name] = {
      digest: judge.digest,
      calibration: await calibrateJudge(judge, answers, given),
    };
  }
  return known;
}

function judgesIn(
  dimensions: readonly DimensionSpec[],
): readonly (JudgeSpec & { readonly name: string })[] {
  return dimensions.filter(
    (each): each is JudgeSpec & { readonly name: string } => each.kind === 'judge',
  );
}

async function readText({ artifacts, files }: JudgeFiles, path: string): Promise<string> {
  const ref = files[path];
  // `apply` refuses a revision that lacks a file it names.
  if (!ref) throw new Error(`the lifecycle revision has no file ${path}`);
  return new TextDecoder().decode(await artifacts.getBytes(ref));
}
