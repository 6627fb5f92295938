CREATE TABLE "alias_history" (
	"tenant_id" text NOT NULL,
	"id" text collate "C" NOT NULL,
	"model" text NOT NULL,
	"kind" text NOT NULL,
	"from_version" integer,
	"to_version" integer,
	"fencing" bigint NOT NULL,
	"previous_before" integer,
	"previous_after" integer,
	"status_before" text,
	"undoes" bigint,
	"actor" text NOT NULL,
	"cause" text NOT NULL,
	"run_id" text collate "C",
	"decision_id" text collate "C",
	"moved_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "alias_history_pk" PRIMARY KEY("tenant_id","id"),
	CONSTRAINT "alias_history_fencing_unique" UNIQUE("tenant_id","model","fencing"),
	CONSTRAINT "alias_history_kind_check" CHECK ("alias_history"."kind" in ('promote', 'rollback', 'withdraw')),
	CONSTRAINT "alias_history_moved_check" CHECK ("alias_history"."from_version" is distinct from "alias_history"."to_version"),
	CONSTRAINT "alias_history_target_check" CHECK ("alias_history"."kind" = 'withdraw' or "alias_history"."to_version" is not null)
);
--> statement-breakpoint
CREATE TABLE "model_aliases" (
	"tenant_id" text NOT NULL,
	"model" text NOT NULL,
	"alias" text NOT NULL,
	"version" integer NOT NULL,
	"fencing" bigint NOT NULL,
	"moved_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "model_aliases_pk" PRIMARY KEY("tenant_id","model","alias"),
	CONSTRAINT "model_aliases_alias_check" CHECK ("model_aliases"."alias" in ('champion', 'challenger', 'previous')),
	CONSTRAINT "model_aliases_fencing_check" CHECK ("model_aliases"."fencing" > 0)
);
--> statement-breakpoint
CREATE TABLE "api_keys" (
	"tenant_id" text NOT NULL,
	"id" text collate "C" NOT NULL,
	"name" text NOT NULL,
	"scope" text NOT NULL,
	"secret_hash" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"created_by" text NOT NULL,
	"last_used_at" timestamp with time zone,
	"expires_at" timestamp with time zone,
	"revoked_at" timestamp with time zone,
	CONSTRAINT "api_keys_pk" PRIMARY KEY("tenant_id","id"),
	CONSTRAINT "api_keys_id_unique" UNIQUE("id"),
	CONSTRAINT "api_keys_scope_check" CHECK ("api_keys"."scope" in ('viewer', 'operator', 'approver', 'admin')),
	CONSTRAINT "api_keys_hash_check" CHECK ("api_keys"."secret_hash" ~ '^[0-9a-f]{64}$'),
	CONSTRAINT "api_keys_name_check" CHECK (length("api_keys"."name") between 1 and 200)
);
--> statement-breakpoint
CREATE TABLE "artifact_leases" (
	"tenant_id" text NOT NULL,
	"digest" text NOT NULL,
	"owner" text NOT NULL,
	"until" timestamp with time zone NOT NULL,
	CONSTRAINT "artifact_leases_pk" PRIMARY KEY("tenant_id","digest","owner")
);
--> statement-breakpoint
CREATE TABLE "artifact_references" (
	"tenant_id" text NOT NULL,
	"digest" text NOT NULL,
	"held_by" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "artifact_references_pk" PRIMARY KEY("tenant_id","digest","held_by")
);
--> statement-breakpoint
CREATE TABLE "artifacts" (
	"tenant_id" text NOT NULL,
	"digest" text NOT NULL,
	"uri" text,
	"bytes" bigint,
	"media_type" text,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"touched_at" timestamp with time zone DEFAULT now() NOT NULL,
	"marked_at" timestamp with time zone,
	"sweeping_at" timestamp with time zone,
	CONSTRAINT "artifacts_pk" PRIMARY KEY("tenant_id","digest"),
	CONSTRAINT "artifacts_digest_check" CHECK ("artifacts"."digest" ~ '^sha256:[0-9a-f]{64}$'),
	CONSTRAINT "artifacts_recorded_check" CHECK (("artifacts"."uri" is null) = ("artifacts"."bytes" is null) and ("artifacts"."uri" is null) = ("artifacts"."media_type" is null)),
	CONSTRAINT "artifacts_sweeping_check" CHECK ("artifacts"."sweeping_at" is null or "artifacts"."marked_at" is not null)
);
--> statement-breakpoint
CREATE TABLE "audit_heads" (
	"tenant_id" text NOT NULL,
	"batch" integer NOT NULL,
	"first" bigint NOT NULL,
	"count" integer NOT NULL,
	"root" text NOT NULL,
	"previous" text,
	"sealed_at" timestamp with time zone NOT NULL,
	"digest" text NOT NULL,
	"key_id" text NOT NULL,
	"signature" text NOT NULL,
	"stored_at" timestamp with time zone,
	CONSTRAINT "audit_heads_pk" PRIMARY KEY("tenant_id","batch"),
	CONSTRAINT "audit_heads_first_unique" UNIQUE("tenant_id","first"),
	CONSTRAINT "audit_heads_chain_check" CHECK ("audit_heads"."batch" > 0 and "audit_heads"."count" > 0 and ("audit_heads"."batch" = 1) = ("audit_heads"."previous" is null)),
	CONSTRAINT "audit_heads_root_check" CHECK ("audit_heads"."root" ~ '^sha256:[0-9a-f]{64}$'),
	CONSTRAINT "audit_heads_digest_check" CHECK ("audit_heads"."digest" ~ '^sha256:[0-9a-f]{64}$')
);
--> statement-breakpoint
CREATE TABLE "audit_log" (
	"tenant_id" text NOT NULL,
	"id" text collate "C" NOT NULL,
	"at" timestamp with time zone DEFAULT now() NOT NULL,
	"actor" text NOT NULL,
	"action" text NOT NULL,
	"subject" text NOT NULL,
	"cause" text NOT NULL,
	"before" json,
	"after" json,
	CONSTRAINT "audit_log_pk" PRIMARY KEY("tenant_id","id")
);
--> statement-breakpoint
CREATE TABLE "audit_pending" (
	"tenant_id" text NOT NULL,
	"audit_id" text collate "C" NOT NULL,
	CONSTRAINT "audit_pending_pk" PRIMARY KEY("tenant_id","audit_id")
);
--> statement-breakpoint
CREATE TABLE "audit_seals" (
	"tenant_id" text NOT NULL,
	"position" bigint NOT NULL,
	"audit_id" text collate "C" NOT NULL,
	"leaf" text NOT NULL,
	"batch" integer NOT NULL,
	CONSTRAINT "audit_seals_pk" PRIMARY KEY("tenant_id","position"),
	CONSTRAINT "audit_seals_row_unique" UNIQUE("tenant_id","audit_id"),
	CONSTRAINT "audit_seals_leaf_check" CHECK ("audit_seals"."leaf" ~ '^sha256:[0-9a-f]{64}$')
);
--> statement-breakpoint
CREATE TABLE "dataset_alias_history" (
	"tenant_id" text NOT NULL,
	"id" text collate "C" NOT NULL,
	"dataset" text NOT NULL,
	"alias" text NOT NULL,
	"from_version" integer,
	"to_version" integer,
	"fencing" bigint NOT NULL,
	"actor" text NOT NULL,
	"cause" text NOT NULL,
	"moved_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "dataset_alias_history_pk" PRIMARY KEY("tenant_id","id"),
	CONSTRAINT "dataset_alias_history_fencing_unique" UNIQUE("tenant_id","dataset","fencing"),
	CONSTRAINT "dataset_alias_history_moved_check" CHECK ("dataset_alias_history"."from_version" is distinct from "dataset_alias_history"."to_version")
);
--> statement-breakpoint
CREATE TABLE "dataset_aliases" (
	"tenant_id" text NOT NULL,
	"dataset" text NOT NULL,
	"alias" text NOT NULL,
	"version" integer NOT NULL,
	"fencing" bigint NOT NULL,
	"moved_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "dataset_aliases_pk" PRIMARY KEY("tenant_id","dataset","alias"),
	CONSTRAINT "dataset_aliases_alias_check" CHECK ("dataset_aliases"."alias" in ('latest', 'approved')),
	CONSTRAINT "dataset_aliases_fencing_check" CHECK ("dataset_aliases"."fencing" > 0)
);
--> statement-breakpoint
CREATE TABLE "dataset_versions" (
	"tenant_id" text NOT NULL,
	"dataset" text NOT NULL,
	"version" integer NOT NULL,
	"digest" text NOT NULL,
	"manifest" json NOT NULL,
	"rows" bigint NOT NULL,
	"columns" json NOT NULL,
	"statistics" json,
	"run_id" text collate "C",
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "dataset_versions_pk" PRIMARY KEY("tenant_id","dataset","version"),
	CONSTRAINT "dataset_versions_digest_unique" UNIQUE("tenant_id","dataset","digest"),
	CONSTRAINT "dataset_versions_digest_check" CHECK ("dataset_versions"."digest" ~ '^sha256:[0-9a-f]{64}$'),
	CONSTRAINT "dataset_versions_rows_check" CHECK ("dataset_versions"."rows" >= 0)
);
--> statement-breakpoint
CREATE TABLE "datasets" (
	"tenant_id" text NOT NULL,
	"name" text NOT NULL,
	"versions" integer DEFAULT 0 NOT NULL,
	"fencing" bigint DEFAULT 0 NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "datasets_pk" PRIMARY KEY("tenant_id","name")
);
--> statement-breakpoint
CREATE TABLE "quarantines" (
	"tenant_id" text NOT NULL,
	"id" text collate "C" NOT NULL,
	"dataset" text NOT NULL,
	"version" integer NOT NULL,
	"run_id" text collate "C" NOT NULL,
	"rows" bigint NOT NULL,
	"artifact" json NOT NULL,
	"reasons" json NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "quarantines_pk" PRIMARY KEY("tenant_id","id"),
	CONSTRAINT "quarantines_run_unique" UNIQUE("tenant_id","dataset","version","run_id"),
	CONSTRAINT "quarantines_rows_check" CHECK ("quarantines"."rows" > 0)
);
--> statement-breakpoint
CREATE TABLE "decisions" (
	"tenant_id" text NOT NULL,
	"id" text collate "C" NOT NULL,
	"run_id" text collate "C" NOT NULL,
	"stage" text NOT NULL,
	"policy" text NOT NULL,
	"evidence" text NOT NULL,
	"verdict" json NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "decisions_pk" PRIMARY KEY("tenant_id","id"),
	CONSTRAINT "decisions_verdict_check" CHECK ("decisions"."verdict" ->> 'kind' in ('passed', 'failed', 'inconclusive'))
);
--> statement-breakpoint
CREATE TABLE "effects" (
	"tenant_id" text NOT NULL,
	"key" text NOT NULL,
	"token" bigint NOT NULL,
	"attempt" integer NOT NULL,
	"execution" text,
	"claimed_at" timestamp with time zone DEFAULT now() NOT NULL,
	"result" json,
	"done_at" timestamp with time zone,
	CONSTRAINT "effects_pk" PRIMARY KEY("tenant_id","key"),
	CONSTRAINT "effects_token_check" CHECK ("effects"."token" > 0),
	CONSTRAINT "effects_done_check" CHECK ("effects"."done_at" is not null or "effects"."result" is null)
);
--> statement-breakpoint
CREATE TABLE "evidence" (
	"tenant_id" text NOT NULL,
	"digest" text NOT NULL,
	"body" json NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "evidence_pk" PRIMARY KEY("tenant_id","digest"),
	CONSTRAINT "evidence_digest_check" CHECK ("evidence"."digest" ~ '^sha256:[0-9a-f]{64}$')
);
--> statement-breakpoint
CREATE TABLE "policies" (
	"tenant_id" text NOT NULL,
	"digest" text NOT NULL,
	"body" json NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "policies_pk" PRIMARY KEY("tenant_id","digest"),
	CONSTRAINT "policies_digest_check" CHECK ("policies"."digest" ~ '^sha256:[0-9a-f]{64}$')
);
--> statement-breakpoint
CREATE TABLE "feedback" (
	"tenant_id" text NOT NULL,
	"prediction_id" text collate "C" NOT NULL,
	"label" json NOT NULL,
	"labelled_at" timestamp with time zone NOT NULL,
	"received_at" timestamp with time zone DEFAULT now() NOT NULL,
	"day" date,
	"model" text,
	"version" integer,
	CONSTRAINT "feedback_pk" PRIMARY KEY("tenant_id","prediction_id"),
	CONSTRAINT "feedback_joined_check" CHECK (("feedback"."day" is null) = ("feedback"."model" is null) and ("feedback"."day" is null) = ("feedback"."version" is null))
);
--> statement-breakpoint
CREATE TABLE "gateways" (
	"id" text NOT NULL,
	"url" text NOT NULL,
	"epoch" bigint NOT NULL,
	"started_at" timestamp with time zone DEFAULT now() NOT NULL,
	"beat_at" timestamp with time zone DEFAULT now() NOT NULL,
	"lease_until" timestamp with time zone NOT NULL,
	CONSTRAINT "gateways_pk" PRIMARY KEY("id")
);
--> statement-breakpoint
CREATE TABLE "routing_epoch" (
	"only" boolean DEFAULT true NOT NULL,
	"epoch" bigint NOT NULL,
	CONSTRAINT "routing_epoch_pk" PRIMARY KEY("only"),
	CONSTRAINT "routing_epoch_only_check" CHECK ("routing_epoch"."only")
);
--> statement-breakpoint
CREATE TABLE "idempotency" (
	"tenant_id" text NOT NULL,
	"operation" text NOT NULL,
	"key" text NOT NULL,
	"request_digest" text NOT NULL,
	"answer" json,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "idempotency_pk" PRIMARY KEY("tenant_id","operation","key")
);
--> statement-breakpoint
CREATE TABLE "lifecycle_revisions" (
	"tenant_id" text NOT NULL,
	"lifecycle" text NOT NULL,
	"revision" integer NOT NULL,
	"digest" text NOT NULL,
	"spec" json NOT NULL,
	"files" json NOT NULL,
	"contract" json,
	"applied_by" text NOT NULL,
	"applied_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "lifecycle_revisions_pk" PRIMARY KEY("tenant_id","lifecycle","revision"),
	CONSTRAINT "lifecycle_revisions_digest_unique" UNIQUE("tenant_id","lifecycle","digest"),
	CONSTRAINT "lifecycle_revisions_digest_check" CHECK ("lifecycle_revisions"."digest" ~ '^sha256:[0-9a-f]{64}$')
);
--> statement-breakpoint
CREATE TABLE "lifecycles" (
	"tenant_id" text NOT NULL,
	"name" text NOT NULL,
	"kind" text NOT NULL,
	"owner" text NOT NULL,
	"current_revision" integer NOT NULL,
	"revisions" integer NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "lifecycles_pk" PRIMARY KEY("tenant_id","name")
);
--> statement-breakpoint
CREATE TABLE "lineage_edges" (
	"tenant_id" text NOT NULL,
	"from_kind" text NOT NULL,
	"from_name" text NOT NULL,
	"from_version" integer NOT NULL,
	"from_digest" text,
	"to_kind" text NOT NULL,
	"to_name" text NOT NULL,
	"to_version" integer NOT NULL,
	"to_digest" text,
	"run_id" text collate "C",
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "lineage_edges_pk" PRIMARY KEY("tenant_id","from_kind","from_name","from_version","to_kind","to_name","to_version"),
	CONSTRAINT "lineage_edges_from_kind_check" CHECK ("lineage_edges"."from_kind" in ('source', 'dataset', 'run', 'model', 'deployment')),
	CONSTRAINT "lineage_edges_to_kind_check" CHECK ("lineage_edges"."to_kind" in ('source', 'dataset', 'run', 'model', 'deployment')),
	CONSTRAINT "lineage_edges_version_check" CHECK ("lineage_edges"."from_version" >= 0 and "lineage_edges"."to_version" >= 0)
);
--> statement-breakpoint
CREATE TABLE "model_versions" (
	"tenant_id" text NOT NULL,
	"model" text NOT NULL,
	"version" integer NOT NULL,
	"digest" text NOT NULL,
	"manifest" json NOT NULL,
	"signature" json NOT NULL,
	"metrics" json NOT NULL,
	"status" text NOT NULL,
	"run_id" text collate "C" NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "model_versions_pk" PRIMARY KEY("tenant_id","model","version"),
	CONSTRAINT "model_versions_digest_check" CHECK ("model_versions"."digest" ~ '^sha256:[0-9a-f]{64}$'),
	CONSTRAINT "model_versions_version_check" CHECK ("model_versions"."version" > 0),
	CONSTRAINT "model_versions_status_check" CHECK ("model_versions"."status" in ('candidate', 'promoted', 'rejected', 'withdrawn'))
);
--> statement-breakpoint
CREATE TABLE "models" (
	"tenant_id" text NOT NULL,
	"name" text NOT NULL,
	"versions" integer DEFAULT 0 NOT NULL,
	"fencing" bigint DEFAULT 0 NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "models_pk" PRIMARY KEY("tenant_id","name")
);
--> statement-breakpoint
CREATE TABLE "outbox" (
	"tenant_id" text NOT NULL,
	"id" text collate "C" NOT NULL,
	"topic" text NOT NULL,
	"payload" json NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"due_at" timestamp with time zone DEFAULT now() NOT NULL,
	"attempts" integer DEFAULT 0 NOT NULL,
	"last_error" text,
	CONSTRAINT "outbox_pk" PRIMARY KEY("tenant_id","id"),
	CONSTRAINT "outbox_id_unique" UNIQUE("id")
);
--> statement-breakpoint
CREATE TABLE "predictions" (
	"tenant_id" text NOT NULL,
	"day" date NOT NULL,
	"id" text collate "C" NOT NULL,
	"received_at" timestamp with time zone NOT NULL,
	"model" text NOT NULL,
	"version" integer NOT NULL,
	"arm" text NOT NULL,
	"entity" text,
	"event_time" timestamp with time zone,
	"input" json NOT NULL,
	"output" json NOT NULL,
	"latency_ms" real NOT NULL,
	"shadow" boolean NOT NULL,
	CONSTRAINT "predictions_pk" PRIMARY KEY("day","id")
) PARTITION BY RANGE ("day");
--> statement-breakpoint
CREATE TABLE "retention_settings" (
	"tenant_id" text NOT NULL,
	"prediction_days" integer DEFAULT 90 NOT NULL,
	"feedback_days" integer DEFAULT 365 NOT NULL,
	"run_detail_days" integer DEFAULT 180 NOT NULL,
	"idempotency_days" integer DEFAULT 30 NOT NULL,
	"artifact_idle_days" integer DEFAULT 7 NOT NULL,
	CONSTRAINT "retention_settings_pk" PRIMARY KEY("tenant_id"),
	CONSTRAINT "retention_settings_days_check" CHECK (least("retention_settings"."prediction_days", "retention_settings"."feedback_days", "retention_settings"."run_detail_days", "retention_settings"."idempotency_days", "retention_settings"."artifact_idle_days") >= 1)
);
--> statement-breakpoint
CREATE TABLE "rollouts" (
	"tenant_id" text NOT NULL,
	"id" text collate "C" NOT NULL,
	"model" text NOT NULL,
	"run_id" text collate "C" NOT NULL,
	"champion" integer NOT NULL,
	"challenger" integer NOT NULL,
	"status" text NOT NULL,
	"arms" json NOT NULL,
	"state" json NOT NULL,
	"verdict" json,
	"started_at" timestamp with time zone DEFAULT now() NOT NULL,
	"ended_at" timestamp with time zone,
	CONSTRAINT "rollouts_pk" PRIMARY KEY("tenant_id","id"),
	CONSTRAINT "rollouts_status_check" CHECK ("rollouts"."status" in ('running', 'held', 'promoted', 'rolledBack', 'aborted')),
	CONSTRAINT "rollouts_ended_check" CHECK (("rollouts"."ended_at" is null) = ("rollouts"."status" in ('running', 'held'))),
	CONSTRAINT "rollouts_arms_check" CHECK ("rollouts"."champion" <> "rollouts"."challenger")
);
--> statement-breakpoint
CREATE TABLE "run_events" (
	"tenant_id" text NOT NULL,
	"run_id" text collate "C" NOT NULL,
	"seq" bigint NOT NULL,
	"kind" text NOT NULL,
	"stage" text,
	"data" json NOT NULL,
	"at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "run_events_pk" PRIMARY KEY("tenant_id","run_id","seq")
);
--> statement-breakpoint
CREATE TABLE "runs" (
	"tenant_id" text NOT NULL,
	"id" text collate "C" NOT NULL,
	"lifecycle" text NOT NULL,
	"revision_digest" text NOT NULL,
	"workflow_id" text NOT NULL,
	"status" text NOT NULL,
	"verdict" json,
	"version" integer,
	"waiting_for" text,
	"failure" json,
	"request" json NOT NULL,
	"actor" text NOT NULL,
	"trace_id" text NOT NULL,
	"event_seq" bigint DEFAULT 0 NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"started_at" timestamp with time zone,
	"ended_at" timestamp with time zone,
	"touched_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "runs_pk" PRIMARY KEY("tenant_id","id"),
	CONSTRAINT "runs_workflow_unique" UNIQUE("tenant_id","workflow_id"),
	CONSTRAINT "runs_status_check" CHECK ("runs"."status" in ('pending', 'running', 'waiting', 'paused', 'succeeded', 'stopped', 'failed', 'cancelled', 'lost')),
	CONSTRAINT "runs_revision_digest_check" CHECK ("runs"."revision_digest" ~ '^sha256:[0-9a-f]{64}$'),
	CONSTRAINT "runs_ended_check" CHECK (("runs"."ended_at" is not null) = ("runs"."status" in ('succeeded', 'stopped', 'failed', 'cancelled', 'lost'))),
	CONSTRAINT "runs_waiting_check" CHECK ("runs"."status" <> 'waiting' or "runs"."waiting_for" is not null)
);
--> statement-breakpoint
CREATE TABLE "stage_records" (
	"tenant_id" text NOT NULL,
	"run_id" text collate "C" NOT NULL,
	"stage" text NOT NULL,
	"generation" integer NOT NULL,
	"lifecycle" text NOT NULL,
	"status" text NOT NULL,
	"cache_key" text NOT NULL,
	"output" json,
	"decision_id" text collate "C",
	"failure" json,
	"reused_from" text collate "C",
	"started_at" timestamp with time zone DEFAULT now() NOT NULL,
	"ended_at" timestamp with time zone,
	CONSTRAINT "stage_records_pk" PRIMARY KEY("tenant_id","run_id","stage","generation"),
	CONSTRAINT "stage_records_status_check" CHECK ("stage_records"."status" in ('running', 'succeeded', 'stopped', 'failed', 'cancelled')),
	CONSTRAINT "stage_records_cache_key_check" CHECK ("stage_records"."cache_key" ~ '^sha256:[0-9a-f]{64}$'),
	CONSTRAINT "stage_records_ended_check" CHECK (("stage_records"."ended_at" is null) = ("stage_records"."status" = 'running')),
	CONSTRAINT "stage_records_reused_check" CHECK ("stage_records"."reused_from" is null or "stage_records"."status" = 'succeeded'),
	CONSTRAINT "stage_records_generation_check" CHECK ("stage_records"."generation" >= 0)
);
--> statement-breakpoint
CREATE TABLE "tenants" (
	"id" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "tenants_pk" PRIMARY KEY("id"),
	CONSTRAINT "tenants_id_check" CHECK ("tenants"."id" ~ '^[a-z0-9][a-z0-9-]{0,62}$')
);
--> statement-breakpoint
CREATE TABLE "trials" (
	"tenant_id" text NOT NULL,
	"run_id" text collate "C" NOT NULL,
	"study" text NOT NULL,
	"number" integer NOT NULL,
	"params" json NOT NULL,
	"status" text NOT NULL,
	"value" double precision,
	"started_at" timestamp with time zone DEFAULT now() NOT NULL,
	"ended_at" timestamp with time zone,
	CONSTRAINT "trials_pk" PRIMARY KEY("tenant_id","run_id","study","number"),
	CONSTRAINT "trials_status_check" CHECK ("trials"."status" in ('running', 'complete', 'pruned', 'failed')),
	CONSTRAINT "trials_ended_check" CHECK (("trials"."ended_at" is null) = ("trials"."status" = 'running')),
	CONSTRAINT "trials_value_check" CHECK ("trials"."status" <> 'complete' or "trials"."value" is not null)
);
--> statement-breakpoint
ALTER TABLE "alias_history" ADD CONSTRAINT "alias_history_model_fk" FOREIGN KEY ("tenant_id","model") REFERENCES "public"."models"("tenant_id","name") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "alias_history" ADD CONSTRAINT "alias_history_to_fk" FOREIGN KEY ("tenant_id","model","to_version") REFERENCES "public"."model_versions"("tenant_id","model","version") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "alias_history" ADD CONSTRAINT "alias_history_run_fk" FOREIGN KEY ("tenant_id","run_id") REFERENCES "public"."runs"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "alias_history" ADD CONSTRAINT "alias_history_decision_fk" FOREIGN KEY ("tenant_id","decision_id") REFERENCES "public"."decisions"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "model_aliases" ADD CONSTRAINT "model_aliases_version_fk" FOREIGN KEY ("tenant_id","model","version") REFERENCES "public"."model_versions"("tenant_id","model","version") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "api_keys" ADD CONSTRAINT "api_keys_tenant_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "artifact_leases" ADD CONSTRAINT "artifact_leases_artifact_fk" FOREIGN KEY ("tenant_id","digest") REFERENCES "public"."artifacts"("tenant_id","digest") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "artifact_references" ADD CONSTRAINT "artifact_references_artifact_fk" FOREIGN KEY ("tenant_id","digest") REFERENCES "public"."artifacts"("tenant_id","digest") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "audit_log" ADD CONSTRAINT "audit_log_tenant_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "audit_seals" ADD CONSTRAINT "audit_seals_row_fk" FOREIGN KEY ("tenant_id","audit_id") REFERENCES "public"."audit_log"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "audit_seals" ADD CONSTRAINT "audit_seals_head_fk" FOREIGN KEY ("tenant_id","batch") REFERENCES "public"."audit_heads"("tenant_id","batch") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "dataset_alias_history" ADD CONSTRAINT "dataset_alias_history_version_fk" FOREIGN KEY ("tenant_id","dataset","to_version") REFERENCES "public"."dataset_versions"("tenant_id","dataset","version") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "dataset_aliases" ADD CONSTRAINT "dataset_aliases_version_fk" FOREIGN KEY ("tenant_id","dataset","version") REFERENCES "public"."dataset_versions"("tenant_id","dataset","version") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "dataset_versions" ADD CONSTRAINT "dataset_versions_dataset_fk" FOREIGN KEY ("tenant_id","dataset") REFERENCES "public"."datasets"("tenant_id","name") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "dataset_versions" ADD CONSTRAINT "dataset_versions_run_fk" FOREIGN KEY ("tenant_id","run_id") REFERENCES "public"."runs"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "datasets" ADD CONSTRAINT "datasets_tenant_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "quarantines" ADD CONSTRAINT "quarantines_version_fk" FOREIGN KEY ("tenant_id","dataset","version") REFERENCES "public"."dataset_versions"("tenant_id","dataset","version") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "quarantines" ADD CONSTRAINT "quarantines_run_fk" FOREIGN KEY ("tenant_id","run_id") REFERENCES "public"."runs"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "decisions" ADD CONSTRAINT "decisions_run_fk" FOREIGN KEY ("tenant_id","run_id") REFERENCES "public"."runs"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "decisions" ADD CONSTRAINT "decisions_policy_fk" FOREIGN KEY ("tenant_id","policy") REFERENCES "public"."policies"("tenant_id","digest") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "decisions" ADD CONSTRAINT "decisions_evidence_fk" FOREIGN KEY ("tenant_id","evidence") REFERENCES "public"."evidence"("tenant_id","digest") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "lifecycle_revisions" ADD CONSTRAINT "lifecycle_revisions_lifecycle_fk" FOREIGN KEY ("tenant_id","lifecycle") REFERENCES "public"."lifecycles"("tenant_id","name") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "lifecycles" ADD CONSTRAINT "lifecycles_tenant_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "lineage_edges" ADD CONSTRAINT "lineage_edges_run_fk" FOREIGN KEY ("tenant_id","run_id") REFERENCES "public"."runs"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "model_versions" ADD CONSTRAINT "model_versions_model_fk" FOREIGN KEY ("tenant_id","model") REFERENCES "public"."models"("tenant_id","name") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "model_versions" ADD CONSTRAINT "model_versions_run_fk" FOREIGN KEY ("tenant_id","run_id") REFERENCES "public"."runs"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "models" ADD CONSTRAINT "models_tenant_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "retention_settings" ADD CONSTRAINT "retention_settings_tenant_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "rollouts" ADD CONSTRAINT "rollouts_run_fk" FOREIGN KEY ("tenant_id","run_id") REFERENCES "public"."runs"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "rollouts" ADD CONSTRAINT "rollouts_champion_fk" FOREIGN KEY ("tenant_id","model","champion") REFERENCES "public"."model_versions"("tenant_id","model","version") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "rollouts" ADD CONSTRAINT "rollouts_challenger_fk" FOREIGN KEY ("tenant_id","model","challenger") REFERENCES "public"."model_versions"("tenant_id","model","version") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "run_events" ADD CONSTRAINT "run_events_run_fk" FOREIGN KEY ("tenant_id","run_id") REFERENCES "public"."runs"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "runs" ADD CONSTRAINT "runs_revision_fk" FOREIGN KEY ("tenant_id","lifecycle","revision_digest") REFERENCES "public"."lifecycle_revisions"("tenant_id","lifecycle","digest") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "stage_records" ADD CONSTRAINT "stage_records_run_fk" FOREIGN KEY ("tenant_id","run_id") REFERENCES "public"."runs"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "stage_records" ADD CONSTRAINT "stage_records_reused_fk" FOREIGN KEY ("tenant_id","reused_from") REFERENCES "public"."runs"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "stage_records" ADD CONSTRAINT "stage_records_decision_fk" FOREIGN KEY ("tenant_id","decision_id") REFERENCES "public"."decisions"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "trials" ADD CONSTRAINT "trials_run_fk" FOREIGN KEY ("tenant_id","run_id") REFERENCES "public"."runs"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "artifact_leases_by_end" ON "artifact_leases" USING btree ("until");--> statement-breakpoint
CREATE INDEX "artifact_references_by_holder" ON "artifact_references" USING btree ("tenant_id","held_by");--> statement-breakpoint
CREATE INDEX "artifacts_unmarked" ON "artifacts" USING btree ("tenant_id","touched_at") WHERE "artifacts"."marked_at" is null;--> statement-breakpoint
CREATE INDEX "artifacts_marked" ON "artifacts" USING btree ("tenant_id","marked_at") WHERE "artifacts"."marked_at" is not null;--> statement-breakpoint
CREATE INDEX "audit_log_by_subject" ON "audit_log" USING btree ("tenant_id","subject","id");--> statement-breakpoint
CREATE INDEX "audit_log_by_action" ON "audit_log" USING btree ("tenant_id","action","id");--> statement-breakpoint
CREATE INDEX "dataset_alias_history_by_actor" ON "dataset_alias_history" USING btree ("tenant_id","actor");--> statement-breakpoint
CREATE INDEX "decisions_by_run" ON "decisions" USING btree ("tenant_id","run_id","id");--> statement-breakpoint
CREATE INDEX "effects_by_age" ON "effects" USING btree ("tenant_id","claimed_at");--> statement-breakpoint
CREATE INDEX "feedback_waiting" ON "feedback" USING btree ("received_at") WHERE "feedback"."day" is null;--> statement-breakpoint
CREATE INDEX "feedback_by_age" ON "feedback" USING btree ("tenant_id","received_at");--> statement-breakpoint
CREATE INDEX "idempotency_by_age" ON "idempotency" USING btree ("tenant_id","created_at");--> statement-breakpoint
CREATE INDEX "lineage_edges_upstream" ON "lineage_edges" USING btree ("tenant_id","to_kind","to_name","to_version");--> statement-breakpoint
CREATE INDEX "model_versions_by_digest" ON "model_versions" USING btree ("tenant_id","digest");--> statement-breakpoint
CREATE INDEX "model_versions_by_run" ON "model_versions" USING btree ("tenant_id","run_id");--> statement-breakpoint
CREATE INDEX "outbox_by_due" ON "outbox" USING btree ("due_at");--> statement-breakpoint
CREATE INDEX "predictions_by_model" ON "predictions" USING btree ("tenant_id","model","version","received_at");--> statement-breakpoint
CREATE UNIQUE INDEX "rollouts_one_open" ON "rollouts" USING btree ("tenant_id","model") WHERE "rollouts"."ended_at" is null;--> statement-breakpoint
CREATE INDEX "runs_by_lifecycle" ON "runs" USING btree ("tenant_id","lifecycle","id");--> statement-breakpoint
CREATE INDEX "runs_by_status" ON "runs" USING btree ("tenant_id","status","id");--> statement-breakpoint
CREATE INDEX "runs_unfinished" ON "runs" USING btree ("tenant_id","id") WHERE "runs"."status" not in ('succeeded', 'stopped', 'failed', 'cancelled', 'lost');--> statement-breakpoint
CREATE INDEX "stage_records_reusable" ON "stage_records" USING btree ("tenant_id","lifecycle","stage","cache_key","ended_at") WHERE "stage_records"."status" = 'succeeded' and "stage_records"."reused_from" is null;