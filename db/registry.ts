import type { CallLedger } from '../domain/llm/call-ledger';
import type { Database } from './connection';
import { withFailures } from './failures';
import { createAttemptRepository, type AttemptRepository } from './repositories/attempts';
import { createAliasRepository, type AliasRepository } from './repositories/aliases';
import { createAnswerLabelRepository, type AnswerLabelRepository } from './repositories/answer-labels';
import { createApiKeyRepository, type ApiKeyRepository } from './repositories/api-keys';
import { createApprovalRepository, type ApprovalRepository } from './repositories/approvals';
import { createArtifactRepository, type ArtifactRepository } from './repositories/artifacts';
import { createAuditRepository, type AuditRepository } from './repositories/audit';
import { createBudgetRepository, type BudgetRepository } from './repositories/budgets';
import { createCommandRepository, type CommandRepository } from './repositories/commands';
import { createDatasetRepository, type DatasetRepository } from './repositories/datasets';
import { createDecisionRepository, type DecisionRepository } from './repositories/decisions';
import { createEffectRepository, type EffectRepository } from './repositories/effects';
import { createEventRepository, type EventRepository } from './repositories/events';
import { createEvidenceRepository, type EvidenceRepository } from './repositories/evidence';
import { createFeedbackRepository, type FeedbackRepository } from './repositories/feedback';
import { createGatewayRepository, type GatewayRepository } from './repositories/gateways';
import { createIndexRepository, type IndexRepository } from './repositories/indexes';
import { createJudgedAnswerRepository, type JudgedAnswerRepository } from './repositories/judged-answers';
import { createLifecycleRepository, type LifecycleRepository } from './repositories/lifecycles';
import { createLineageRepository, type LineageRepository } from './repositories/lineage';
import { createCallLedger } from './repositories/llm-calls';
import { createModelRepository, type ModelRepository } from './repositories/models';
import { createOutboxRepository, type OutboxRepository } from './repositories/outbox';
import { createWebhookRepository, type WebhookRepository } from './repositories/webhooks';
import { createPredictionRepository, type PredictionRepository } from './repositories/predictions';
import { createPromptSearchRepository, type PromptSearchRepository } from './repositories/prompt-searches';
import { createPromptRepository, type PromptRepository } from './repositories/prompts';
import { createRetentionRepository, type RetentionRepository } from './repositories/retention';
import { createRolloutRepository, type RolloutRepository } from './repositories/rollouts';
import { createRoutingRepository, type RoutingRepository } from './repositories/routing';
import { createRunRepository, type RunRepository } from './repositories/runs';
import { createStageRepository, type StageRepository } from './repositories/stages';
import { createScheduleRepository, type ScheduleRepository } from './repositories/schedules';
import { createTrialRepository, type TrialRepository } from './repositories/trials';

/** Everything that Perennial remembers. Times are RFC 3339 UTC; failures are PerennialErrors, DatabaseUnavailable when trying again can help. */
export interface Registry {
  readonly lifecycles: LifecycleRepository;
  readonly runs: RunRepository;
  readonly events: EventRepository;
  readonly stages: StageRepository;
  readonly trials: TrialRepository;
  readonly effects: EffectRepository;
  readonly datasets: DatasetRepository;
  readonly artifacts: ArtifactRepository;
  readonly models: ModelRepository;
  readonly prompts: PromptRepository;
  readonly promptSearches: PromptSearchRepository;
  readonly aliases: AliasRepository;
  readonly approvals: ApprovalRepository;
  readonly commands: CommandRepository;
  readonly evidence: EvidenceRepository;
  readonly decisions: DecisionRepository;
  readonly attempts: AttemptRepository;
  readonly gateways: GatewayRepository;
  readonly rollouts: RolloutRepository;
  readonly schedules: ScheduleRepository;
  readonly routing: RoutingRepository;
  readonly predictions: PredictionRepository;
  readonly feedback: FeedbackRepository;
  readonly judgedAnswers: JudgedAnswerRepository;
  readonly answerLabels: AnswerLabelRepository;
  readonly indexes: IndexRepository;
  readonly lineage: LineageRepository;
  readonly audit: AuditRepository;
  readonly outbox: OutboxRepository;
  readonly webhooks: WebhookRepository;
  readonly apiKeys: ApiKeyRepository;
  readonly budgets: BudgetRepository;
  readonly llmCalls: CallLedger;
  readonly retention: RetentionRepository;
}

export function createRegistry(database: Database): Registry {
  const predictions = createPredictionRepository(database);
  return withFailures({
    lifecycles: createLifecycleRepository(database),
    runs: createRunRepository(database),
    events: createEventRepository(database),
    stages: createStageRepository(database),
    trials: createTrialRepository(database),
    effects: createEffectRepository(database),
    datasets: createDatasetRepository(database),
    artifacts: createArtifactRepository(database),
    models: createModelRepository(database),
    prompts: createPromptRepository(database),
    promptSearches: createPromptSearchRepository(database),
    aliases: createAliasRepository(database),
    approvals: createApprovalRepository(database),
    commands: createCommandRepository(database),
    evidence: createEvidenceRepository(database),
    decisions: createDecisionRepository(database),
    attempts: createAttemptRepository(database),
    gateways: createGatewayRepository(database),
    rollouts: createRolloutRepository(database),
    schedules: createScheduleRepository(database),
    routing: createRoutingRepository(database),
    predictions,
    feedback: createFeedbackRepository(database),
    judgedAnswers: createJudgedAnswerRepository(database),
    answerLabels: createAnswerLabelRepository(database),
    indexes: createIndexRepository(database),
    lineage: createLineageRepository(database),
    audit: createAuditRepository(database),
    outbox: createOutboxRepository(database),
    webhooks: createWebhookRepository(database),
    apiKeys: createApiKeyRepository(database),
    budgets: createBudgetRepository(database),
    llmCalls: createCallLedger(database),
    retention: createRetentionRepository(database, predictions),
  });
}
