import type { ArtifactRef } from '../../domain/dataset/artifact';
import { invalid } from '../../domain/document/issue-text';
import { readStoredAnswers } from '../../domain/language/cases/case-set-document';
import type { DimensionSpec, JudgeSpec } from '../../domain/language/dimension/dimension';
import type { JudgeCalibration } from '../../domain/language/judge/judge';
import { readStoredPrompt } from '../../domain/prompt/document';
import type { Digest } from '../../domain/dataset/artifact';
import type { ArtifactStore } from '../../data/artifact/store';
import type { Asking } from '../../data/language/evaluation/answerer';
import {
  calibrateJudge,
  createJudge,
  type ModelJudge,
  type JudgeOptions,
} from '../../data/language/evaluation/judge';

export interface JudgeFiles {
  readonly artifacts: Pick<ArtifactStore, 'getBytes'>;
  /** The lifecycle's, by path. */
  readonly files: Readonly<Record<string, ArtifactRef>>;
  readonly asking: Asking;
  readonly whenLost?: JudgeOptions['whenLost'];
}

/**
 * A judge's version and what is known of it: only with a calibration of exactly this version may a
 * gate read its verdicts.
 */
export interface KnownJudge {
  readonly digest: Digest;
  readonly calibration: JudgeCalibration | null;
}

/** A verdict is a word or two of JSON, and the same each time. */
const sampling = { temperature: 0, topP: 1, maxTokens: 256, seed: 17, stop: [] };

/** By dimension. */
export async function openJudges(
  dimensions: readonly DimensionSpec[],
  given: JudgeFiles,
): Promise<Readonly<Record<string, ModelJudge>>> {
  const judges = judgesIn(dimensions).map(
    async ({ name, prompt: path, provider, model }): Promise<readonly [string, ModelJudge]> => {
      const read = readStoredPrompt(await textOf(given, path), path);
      if (!read.ok) throw invalid(path, read.issues);
      return [
        name,
        createJudge({ ...given, template: read.value, target: { provider, model }, sampling }),
      ];
    },
  );
  return Object.fromEntries(await Promise.all(judges));
}

/**
 * What the judges say of answers that people have judged. The ledger has each verdict: calibrating
 * the same judge again costs nothing.
 */
export async function calibrateAll(
  dimensions: readonly DimensionSpec[],
  given: JudgeFiles & { readonly parallel: number; readonly signal: AbortSignal },
): Promise<Readonly<Record<string, KnownJudge>>> {
  const judges = await openJudges(dimensions, given);
  const known: Record<string, KnownJudge> = {};
  for (const { name, labels } of judgesIn(dimensions)) {
    const judge = judges[name];
    if (!judge) continue;
    if (labels === null) {
      known[name] = { digest: judge.digest, calibration: null };
      continue;
    }
    const answers = readStoredAnswers(await textOf(given, labels), labels);
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

async function textOf({ artifacts, files }: JudgeFiles, path: string): Promise<string> {
  const ref = files[path];
  // `apply` refuses a revision whose named files are not all there.
  if (!ref) throw new Error(`revision without ${path}`);
  return new TextDecoder().decode(await artifacts.getBytes(ref));
}
