/** The input, the outcome and the query of a study. Constant = wire name + kind. */
import { defineQuery } from '@temporalio/workflow';
import type { StudyReport } from '../../activities/tuning/tuning';
import type { ArtifactRef } from '../../domain/artifact';
import type { RunId, Tenant } from '../../domain/ids';
import type { TrainSpec } from '../../domain/lifecycle/lifecycle';
import type { PruningSchedule } from '../../domain/tuning/pruning';
import type { TrialCounts, TrialParams } from '../../domain/tuning/tuning';
import type { TuneSpec } from '../../domain/tuning/tune-spec';

export const tuningStudyWorkflow = 'tuningStudy';

export interface StudyInput {
  readonly tenant: Tenant;
  readonly runId: RunId;
  readonly traceId: string;
  readonly lifecycle: string;
  /** Name of the study in the run and in the registry. */
  readonly study: string;
  readonly tune: TuneSpec;
  readonly pruning: PruningSchedule | null;
  /** The run whose trials the sampler also learns from. */
  readonly earlier?: RunId | undefined;
  /** The part that all trials share. */
  readonly train: TrainSpec;
  /** Refers to an TrainingSet. */
  readonly assembled: ArtifactRef;
  readonly paused: boolean;
  /** Number of trials after which it continues as new; null leaves that to Temporal. */
  readonly trialsPerExecution: number | null;
}

export interface StudyOutcome {
  readonly counts: TrialCounts;
  readonly best: {
    readonly number: number;
    readonly value: number;
    readonly params: TrialParams;
  } | null;
  readonly seconds: number;
  /** The Pareto front of a study with several objectives. */
  readonly front?: StudyReport['front'];
  /** Why the study ended before all its trials; null when it did not. */
  readonly endedEarly: string | null;
}

export interface StudyState {
  readonly asked: number;
  readonly running: readonly number[];
  readonly counts: TrialCounts;
  readonly paused: boolean;
}

export const studyQuery = defineQuery<StudyState>('status');
