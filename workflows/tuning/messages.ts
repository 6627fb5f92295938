/** What a run and its study say to each other. The constant is the wire name and its kind. */
import { defineQuery, defineSignal } from '@temporalio/workflow';
import type { ArtifactRef } from '../../domain/dataset/artifact';
import type { RunId, Tenant } from '../../domain/ids';
import type { TrainSpec, TuneSpec } from '../../domain/lifecycle/lifecycle';
import type { Hyperband, TrialCounts, TrialParams } from '../../domain/tuning/tuning';

export const tuningStudyWorkflow = 'tuningStudy';

export interface StudyInput {
  readonly tenant: Tenant;
  readonly runId: RunId;
  readonly traceId: string;
  readonly lifecycle: string;
  /** Of the run; its name in the registry. */
  readonly study: string;
  readonly tune: TuneSpec;
  readonly hyperband: Hyperband | null;
  /** What trials have in common. */
  readonly train: TrainSpec;
  /** AssembledData. */
  readonly assembled: ArtifactRef;
  readonly paused: boolean;
  /** Trials after which it continues as new at the latest; null leaves that to Temporal. */
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
  /** Why it ended before all its trials; null when it did not. */
  readonly endedEarly: string | null;
}

export interface StudyState {
  readonly asked: number;
  readonly running: readonly number[];
  readonly counts: TrialCounts;
  readonly paused: boolean;
}

export const runPausedSignal = defineSignal('runPaused');
export const runResumedSignal = defineSignal('runResumed');
export const studyQuery = defineQuery<StudyState>('status');
