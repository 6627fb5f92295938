import type { AliasRepository } from './repositories/aliases';
import type { ApiKeyRepository } from './repositories/api-keys';
import type { ArtifactRepository } from './repositories/artifacts';
import type { AuditRepository } from './repositories/audit';
import type { DatasetRepository } from './repositories/datasets';
import type { DecisionRepository } from './repositories/decisions';
import type { EffectRepository } from './repositories/effects';
import type { EventRepository } from './repositories/events';
import type { EvidenceRepository } from './repositories/evidence';
import type { FeedbackRepository } from './repositories/feedback';
import type { GatewayRepository } from './repositories/gateways';
import type { LifecycleRepository } from './repositories/lifecycles';
import type { LineageRepository } from './repositories/lineage';
import type { ModelRepository } from './repositories/models';
import type { OutboxRepository } from './repositories/outbox';
import type { PredictionRepository } from './repositories/predictions';
import type { RetentionRepository } from './repositories/retention';
import type { RoutingRepository } from './repositories/routing';
import type { RunRepository } from './repositories/runs';
import type { StageRepository } from './repositories/stages';

/** Everything that Perennial remembers. Times are RFC 3339 UTC; failures are PerennialErrors, DatabaseUnavailable when trying again can help. */
export interface Registry {
  readonly lifecycles: LifecycleRepository;
  readonly runs: RunRepository;
  readonly events: EventRepository;
  readonly stages: StageRepository;
  readonly effects: EffectRepository;
  readonly datasets: DatasetRepository;
  readonly artifacts: ArtifactRepository;
  readonly models: ModelRepository;
  readonly aliases: AliasRepository;
  readonly evidence: EvidenceRepository;
  readonly decisions: DecisionRepository;
  readonly gateways: GatewayRepository;
  readonly routing: RoutingRepository;
  readonly predictions: PredictionRepository;
  readonly feedback: FeedbackRepository;
  readonly lineage: LineageRepository;
  readonly audit: AuditRepository;
  readonly outbox: OutboxRepository;
  readonly apiKeys: ApiKeyRepository;
  readonly retention: RetentionRepository;
}
