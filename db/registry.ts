import type { CallLedger } from '../domain/provider/call-ledger';
import type { Database } from './connection';
import { withFailures } from './failures';
import { createAttemptRepository, type AttemptRepository } from './decision/attempt-repository';
import {
  createDayHistoryRepository,
  type DayHistoryRepository,
} from './decision/day-history-repository';
import { createAliasRepository, type AliasRepository } from './alias/repository';
import {
  createAnswerLabelRepository,
  type AnswerLabelRepository,
} from './rollout/answer-label-repository';
import { createApiKeyRepository, type ApiKeyRepository } from './access/repository';
import { createApprovalRepository, type ApprovalRepository } from './decision/approval-repository';
import { createArtifactRepository, type ArtifactRepository } from './artifact/repository';
import { createAuditRepository } from './audit/repository';
import type { AuditRepository } from './audit/records';
import { createBudgetRepository, type BudgetRepository } from './budget/repository';
import { createChildRunRepository, type ChildRunRepository } from './run/child-repository';
import { createCommandRepository, type CommandRepository } from './run/command-repository';
import {
  createComputeOfferRepository,
  type ComputeOfferRepository,
} from './training/compute-offer-repository';
import { createCostRepository, type CostRepository } from './cost/repository';
import { createDatasetRepository } from './dataset/repository';
import type { DatasetRepository } from './dataset/records';
import { createDecisionRepository, type DecisionRepository } from './decision/repository';
import { createEffectRepository, type EffectRepository } from './run/effect-repository';
import { createEventRepository, type EventRepository } from './run/event-repository';
import { createEvidenceRepository, type EvidenceRepository } from './decision/evidence-repository';
import { createFeedbackRepository, type FeedbackRepository } from './serving/feedback-repository';
import { createGatewayRepository, type GatewayRepository } from './serving/gateway-repository';
import { createIncidentRepository, type IncidentRepository } from './incident/repository';
import { createIndexRepository } from './index/repository';
import type { IndexRepository } from './index/records';
import {
  createJudgedAnswerRepository,
  type JudgedAnswerRepository,
} from './language/judged-answer-repository';
import { lifecycleChampions } from './alias/lifecycle-champions';
import { createLifecycleRepository } from './lifecycle/repository';
import type { LifecycleRepository } from './lifecycle/records';
import { createLineageRepository, type LineageRepository } from './lineage/repository';
import { createCallLedger } from './language/call-repository';
import { createModelRepository, type ModelRepository } from './model/repository';
import { createMonitorRepository } from './monitoring/repository';
import type { MonitorRepository } from './monitoring/records';
import { createOverviewRepository, type OverviewRepository } from './overview/repository';
import { createOutboxRepository, type OutboxRepository } from './notification/outbox-repository';
import { createWebhookRepository, type WebhookRepository } from './webhook/repository';
import {
  createPredictionRepository,
  type PredictionRepository,
} from './serving/prediction-repository';
import {
  createPromptSearchRepository,
  type PromptSearchRepository,
} from './prompt/search-repository';
import { createPromptRepository, type PromptRepository } from './prompt/repository';
import { createProjectRepository, type ProjectRepository } from './project/repository';
import { createRetrainingRepository, type RetrainingRepository } from './retraining/repository';
import { createRetentionRepository, type RetentionRepository } from './retention/repository';
import { createRolloutRepository } from './rollout/repository';
import type { RolloutRepository } from './rollout/records';
import { createRoutingRepository, type RoutingRepository } from './serving/routing-repository';
import { createRunRepository, type RunRepository } from './run/repository';
import { createSentEventRepository, type SentEventRepository } from './run/sent-event-repository';
import { createStageRepository, type StageRepository } from './stage/repository';
import { createScheduleRepository, type ScheduleRepository } from './schedule/repository';
import { createTenantRepository, type TenantRepository } from './access/tenant-repository';
import { createTrialRepository, type TrialRepository } from './tuning/repository';
import {
  createTrackedArtifactRepository,
  type TrackedArtifactRepository,
} from './tracking/artifact-repository';
import {
  createExperimentRepository,
  type ExperimentRepository,
} from './tracking/experiment-repository';
import {
  createLoggedModelRepository,
  type LoggedModelRepository,
} from './tracking/model-repository';
import { createTrackedRunRepository, type TrackedRunRepository } from './tracking/run-repository';

/**
 * All repositories. Times are RFC 3339 UTC. Failures are PerennialErrors; a retry can resolve
 * DatabaseUnavailable.
 */
export interface Registry {
  readonly lifecycles: LifecycleRepository;
  readonly runs: RunRepository;
  readonly children: ChildRunRepository;
  readonly events: EventRepository;
  readonly sentEvents: SentEventRepository;
  readonly stages: StageRepository;
  readonly trials: TrialRepository;
  readonly effects: EffectRepository;
  readonly datasets: DatasetRepository;
  readonly artifacts: ArtifactRepository;
  readonly models: ModelRepository;
  readonly overview: OverviewRepository;
  readonly prompts: PromptRepository;
  readonly projects: ProjectRepository;
  readonly promptSearches: PromptSearchRepository;
  readonly aliases: AliasRepository;
  readonly approvals: ApprovalRepository;
  readonly commands: CommandRepository;
  readonly evidence: EvidenceRepository;
  readonly decisions: DecisionRepository;
  readonly attempts: AttemptRepository;
  readonly dayHistory: DayHistoryRepository;
  readonly gateways: GatewayRepository;
  readonly retrainings: RetrainingRepository;
  readonly rollouts: RolloutRepository;
  readonly schedules: ScheduleRepository;
  readonly routing: RoutingRepository;
  readonly predictions: PredictionRepository;
  readonly feedback: FeedbackRepository;
  readonly monitors: MonitorRepository;
  readonly judgedAnswers: JudgedAnswerRepository;
  readonly answerLabels: AnswerLabelRepository;
  readonly incidents: IncidentRepository;
  readonly indexes: IndexRepository;
  readonly lineage: LineageRepository;
  readonly audit: AuditRepository;
  readonly outbox: OutboxRepository;
  readonly webhooks: WebhookRepository;
  readonly apiKeys: ApiKeyRepository;
  readonly tenants: TenantRepository;
  readonly budgets: BudgetRepository;
  readonly costs: CostRepository;
  readonly computeOffers: ComputeOfferRepository;
  readonly llmCalls: CallLedger;
  readonly retention: RetentionRepository;
  readonly experiments: ExperimentRepository;
  readonly trackedRuns: TrackedRunRepository;
  readonly loggedModels: LoggedModelRepository;
  readonly trackedArtifacts: TrackedArtifactRepository;
}

export function createRegistry(database: Database): Registry {
  const predictions = createPredictionRepository(database);
  return withFailures({
    lifecycles: createLifecycleRepository(database, lifecycleChampions),
    runs: createRunRepository(database),
    children: createChildRunRepository(database),
    events: createEventRepository(database),
    sentEvents: createSentEventRepository(database),
    stages: createStageRepository(database),
    trials: createTrialRepository(database),
    effects: createEffectRepository(database),
    datasets: createDatasetRepository(database),
    artifacts: createArtifactRepository(database),
    models: createModelRepository(database),
    overview: createOverviewRepository(database),
    prompts: createPromptRepository(database),
    projects: createProjectRepository(database),
    promptSearches: createPromptSearchRepository(database),
    aliases: createAliasRepository(database),
    approvals: createApprovalRepository(database),
    commands: createCommandRepository(database),
    evidence: createEvidenceRepository(database),
    decisions: createDecisionRepository(database),
    attempts: createAttemptRepository(database),
    dayHistory: createDayHistoryRepository(database),
    gateways: createGatewayRepository(database),
    retrainings: createRetrainingRepository(database),
    rollouts: createRolloutRepository(database),
    schedules: createScheduleRepository(database),
    routing: createRoutingRepository(database),
    predictions,
    feedback: createFeedbackRepository(database),
    monitors: createMonitorRepository(database),
    judgedAnswers: createJudgedAnswerRepository(database),
    answerLabels: createAnswerLabelRepository(database),
    incidents: createIncidentRepository(database),
    indexes: createIndexRepository(database),
    lineage: createLineageRepository(database),
    audit: createAuditRepository(database),
    outbox: createOutboxRepository(database),
    webhooks: createWebhookRepository(database),
    apiKeys: createApiKeyRepository(database),
    tenants: createTenantRepository(database),
    budgets: createBudgetRepository(database),
    costs: createCostRepository(database),
    computeOffers: createComputeOfferRepository(database),
    llmCalls: createCallLedger(database),
    retention: createRetentionRepository(database, predictions),
    experiments: createExperimentRepository(database),
    trackedRuns: createTrackedRunRepository(database),
    loggedModels: createLoggedModelRepository(database),
    trackedArtifacts: createTrackedArtifactRepository(database),
  });
}
