CREATE TABLE "api_keys" (
	"tenant_id" text NOT NULL,
	"id" text collate "C" NOT NULL,
	"name" text NOT NULL,
	"holder_id" text collate "C" NOT NULL,
	"replaced_by" text collate "C",
	"is_service" boolean DEFAULT false NOT NULL,
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
CREATE TABLE "ended_sessions" (
	"tenant_id" text NOT NULL,
	"id" text NOT NULL,
	"key_id" text collate "C" NOT NULL,
	"ended_at" timestamp with time zone DEFAULT now() NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	CONSTRAINT "ended_sessions_pk" PRIMARY KEY("tenant_id","id")
);
--> statement-breakpoint
CREATE TABLE "tenants" (
	"id" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"created_by" text,
	"suspended_at" timestamp with time zone,
	"max_open_runs" integer,
	"max_lifecycles" integer,
	"max_cpu_hours" double precision,
	"max_usd" double precision,
	"cost_period" text DEFAULT 'month' NOT NULL,
	CONSTRAINT "tenants_pk" PRIMARY KEY("id"),
	CONSTRAINT "tenants_id_check" CHECK ("tenants"."id" ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
	CONSTRAINT "tenants_limits_check" CHECK ("tenants"."max_open_runs" >= 0 and "tenants"."max_lifecycles" >= 0),
	CONSTRAINT "tenants_cost_check" CHECK ("tenants"."max_cpu_hours" > 0 and "tenants"."max_usd" > 0),
	CONSTRAINT "tenants_period_check" CHECK ("tenants"."cost_period" in ('day', 'month'))
);
--> statement-breakpoint
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
	"override" json,
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
CREATE TABLE "retention_settings" (
	"tenant_id" text NOT NULL,
	"prediction_days" integer DEFAULT 90 NOT NULL,
	"feedback_days" integer DEFAULT 365 NOT NULL,
	"run_detail_days" integer DEFAULT 180 NOT NULL,
	"idempotency_days" integer DEFAULT 30 NOT NULL,
	"artifact_idle_days" integer DEFAULT 7 NOT NULL,
	"call_answer_days" integer DEFAULT 90 NOT NULL,
	CONSTRAINT "retention_settings_pk" PRIMARY KEY("tenant_id"),
	CONSTRAINT "retention_settings_days_check" CHECK (least("retention_settings"."prediction_days", "retention_settings"."feedback_days", "retention_settings"."run_detail_days", "retention_settings"."idempotency_days", "retention_settings"."artifact_idle_days", "retention_settings"."call_answer_days") >= 1)
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
	"referenced_at" timestamp with time zone,
	"sweeping_at" timestamp with time zone,
	CONSTRAINT "artifacts_pk" PRIMARY KEY("tenant_id","digest"),
	CONSTRAINT "artifacts_digest_check" CHECK ("artifacts"."digest" ~ '^sha256:[0-9a-f]{64}$'),
	CONSTRAINT "artifacts_recorded_check" CHECK (("artifacts"."uri" is null) = ("artifacts"."bytes" is null) and ("artifacts"."uri" is null) = ("artifacts"."media_type" is null)),
	CONSTRAINT "artifacts_sweeping_check" CHECK ("artifacts"."sweeping_at" is null or "artifacts"."marked_at" is not null)
);
--> statement-breakpoint
CREATE TABLE "audit_copies" (
	"tenant_id" text NOT NULL,
	"place" text NOT NULL,
	"heads_through" integer DEFAULT 0 NOT NULL,
	"keys_through" integer DEFAULT 0 NOT NULL,
	CONSTRAINT "audit_copies_pk" PRIMARY KEY("tenant_id","place")
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
	CONSTRAINT "audit_heads_pk" PRIMARY KEY("tenant_id","batch"),
	CONSTRAINT "audit_heads_first_unique" UNIQUE("tenant_id","first"),
	CONSTRAINT "audit_heads_chain_check" CHECK ("audit_heads"."batch" > 0 and "audit_heads"."count" > 0 and ("audit_heads"."batch" = 1) = ("audit_heads"."previous" is null)),
	CONSTRAINT "audit_heads_root_check" CHECK ("audit_heads"."root" ~ '^sha256:[0-9a-f]{64}$'),
	CONSTRAINT "audit_heads_digest_check" CHECK ("audit_heads"."digest" ~ '^sha256:[0-9a-f]{64}$')
);
--> statement-breakpoint
CREATE TABLE "audit_keys" (
	"tenant_id" text NOT NULL,
	"sequence" integer NOT NULL,
	"kind" text NOT NULL,
	"key_id" text NOT NULL,
	"public_key" text NOT NULL,
	"previous" text,
	"from_batch" integer NOT NULL,
	"added_at" timestamp with time zone NOT NULL,
	"added_by" text NOT NULL,
	"consent" text NOT NULL,
	"endorsement" text,
	CONSTRAINT "audit_keys_pk" PRIMARY KEY("tenant_id","sequence"),
	CONSTRAINT "audit_keys_key_unique" UNIQUE("tenant_id","key_id"),
	CONSTRAINT "audit_keys_kind_check" CHECK ("audit_keys"."kind" in ('first', 'added', 'rotated', 'lost')),
	CONSTRAINT "audit_keys_chain_check" CHECK ("audit_keys"."sequence" > 0 and ("audit_keys"."kind" = 'first') = ("audit_keys"."sequence" = 1) and ("audit_keys"."kind" = 'first') = ("audit_keys"."previous" is null)
        and ("audit_keys"."kind" in ('added', 'rotated')) = ("audit_keys"."endorsement" is not null))
);
--> statement-breakpoint
CREATE TABLE "audit_log" (
	"tenant_id" text NOT NULL,
	"id" text collate "C" NOT NULL,
	"at" timestamp with time zone DEFAULT now() NOT NULL,
	"actor" text NOT NULL,
	"key_id" text,
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
CREATE TABLE "budget_reservations" (
	"tenant_id" text NOT NULL,
	"holder" text collate "C" NOT NULL,
	"scope" text collate "C" NOT NULL,
	"unit" text NOT NULL,
	"amount" bigint NOT NULL,
	"state" text NOT NULL,
	"spent" bigint DEFAULT 0 NOT NULL,
	"in_use" bigint,
	"accounted" bigint DEFAULT 0 NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "budget_reservations_pk" PRIMARY KEY("tenant_id","holder","scope","unit"),
	CONSTRAINT "budget_reservations_state_check" CHECK ("budget_reservations"."state" in ('open', 'assumed', 'settled')),
	CONSTRAINT "budget_reservations_amounts_check" CHECK ("budget_reservations"."amount" >= 0 and "budget_reservations"."spent" >= 0 and ("budget_reservations"."state" <> 'open' or "budget_reservations"."spent" = 0))
);
--> statement-breakpoint
CREATE TABLE "budgets" (
	"tenant_id" text NOT NULL,
	"scope" text collate "C" NOT NULL,
	"unit" text NOT NULL,
	"limit" bigint NOT NULL,
	"reserved" bigint DEFAULT 0 NOT NULL,
	"spent" bigint DEFAULT 0 NOT NULL,
	"assumed" bigint DEFAULT 0 NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "budgets_pk" PRIMARY KEY("tenant_id","scope","unit"),
	CONSTRAINT "budgets_unit_check" CHECK ("budgets"."unit" in ('usd', 'tokens', 'seconds', 'cpuHours')),
	CONSTRAINT "budgets_amounts_check" CHECK ("budgets"."limit" >= 0 and "budgets"."reserved" >= 0 and "budgets"."spent" >= "budgets"."assumed" and "budgets"."assumed" >= 0)
);
--> statement-breakpoint
CREATE TABLE "job_costs" (
	"tenant_id" text NOT NULL,
	"job_id" text collate "C" NOT NULL,
	"run_id" text collate "C" NOT NULL,
	"lifecycle" text NOT NULL,
	"backend" text NOT NULL,
	"queue" text,
	"cpus" integer NOT NULL,
	"memory_bytes" bigint NOT NULL,
	"gpus" integer NOT NULL,
	"timeout_seconds" integer NOT NULL,
	"hour_price" bigint,
	"state" text NOT NULL,
	"reserved_cpu" bigint DEFAULT 0 NOT NULL,
	"reserved_usd" bigint DEFAULT 0 NOT NULL,
	"used_cpu" bigint DEFAULT 0 NOT NULL,
	"used_usd" bigint DEFAULT 0 NOT NULL,
	"attempts" json NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"touched_at" timestamp with time zone DEFAULT now() NOT NULL,
	"ended_at" timestamp with time zone,
	CONSTRAINT "job_costs_pk" PRIMARY KEY("tenant_id","job_id"),
	CONSTRAINT "job_costs_state_check" CHECK ("job_costs"."state" in ('open', 'ended')),
	CONSTRAINT "job_costs_amounts_check" CHECK ("job_costs"."reserved_cpu" >= 0 and "job_costs"."reserved_usd" >= 0 and "job_costs"."used_cpu" >= 0 and "job_costs"."used_usd" >= 0)
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
CREATE TABLE "approvals" (
	"tenant_id" text NOT NULL,
	"id" text collate "C" NOT NULL,
	"run_id" text collate "C" NOT NULL,
	"model" text NOT NULL,
	"version" integer,
	"stage" text DEFAULT 'promote' NOT NULL,
	"vote" text NOT NULL,
	"key_id" text collate "C" NOT NULL,
	"holder_id" text collate "C" NOT NULL,
	"key_name" text NOT NULL,
	"scope" text NOT NULL,
	"comment" text,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "approvals_pk" PRIMARY KEY("tenant_id","id"),
	CONSTRAINT "approvals_one_vote_unique" UNIQUE("tenant_id","run_id","stage","holder_id","vote"),
	CONSTRAINT "approvals_vote_check" CHECK ("approvals"."vote" in ('approve', 'reject'))
);
--> statement-breakpoint
CREATE TABLE "holdout_attempts" (
	"tenant_id" text NOT NULL,
	"model" text NOT NULL,
	"holdout" text NOT NULL,
	"number" integer NOT NULL,
	"candidate" text NOT NULL,
	"run_id" text collate "C" NOT NULL,
	"decision" text collate "C",
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "holdout_attempts_pk" PRIMARY KEY("tenant_id","model","holdout","number"),
	CONSTRAINT "holdout_attempts_candidate" UNIQUE("tenant_id","model","holdout","candidate"),
	CONSTRAINT "holdout_attempts_holdout_check" CHECK ("holdout_attempts"."holdout" ~ '^sha256:[0-9a-f]{64}$'),
	CONSTRAINT "holdout_attempts_candidate_check" CHECK ("holdout_attempts"."candidate" ~ '^sha256:[0-9a-f]{64}$'),
	CONSTRAINT "holdout_attempts_number_check" CHECK ("holdout_attempts"."number" >= 1)
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
CREATE TABLE "incidents" (
	"tenant_id" text NOT NULL,
	"id" text collate "C" NOT NULL,
	"model" text NOT NULL,
	"version" integer,
	"kind" text NOT NULL,
	"key" text NOT NULL,
	"severity" text NOT NULL,
	"status" text DEFAULT 'open' NOT NULL,
	"title" text NOT NULL,
	"story" json NOT NULL,
	"updates" integer DEFAULT 0 NOT NULL,
	"opened_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	"acknowledged_by" text,
	"acknowledged_at" timestamp with time zone,
	"resolved_by" text,
	"resolved_at" timestamp with time zone,
	"because" text,
	"escalated_seconds" integer DEFAULT 0 NOT NULL,
	CONSTRAINT "incidents_pk" PRIMARY KEY("tenant_id","id"),
	CONSTRAINT "incidents_kind_check" CHECK ("incidents"."kind" in ('drift', 'quality', 'data', 'service', 'skew', 'volume', 'labels', 'artifact', 'retraining', 'approval', 'gateway')),
	CONSTRAINT "incidents_severity_check" CHECK ("incidents"."severity" in ('warning', 'critical')),
	CONSTRAINT "incidents_status_check" CHECK ("incidents"."status" in ('open', 'acknowledged', 'resolved')),
	CONSTRAINT "incidents_resolved_check" CHECK (("incidents"."resolved_at" is null) = ("incidents"."status" <> 'resolved'))
);
--> statement-breakpoint
CREATE TABLE "index_alias_history" (
	"tenant_id" text NOT NULL,
	"id" text collate "C" NOT NULL,
	"index" text NOT NULL,
	"kind" text NOT NULL,
	"from_version" integer,
	"to_version" integer NOT NULL,
	"fencing" bigint NOT NULL,
	"actor" text NOT NULL,
	"cause" text NOT NULL,
	"model" text,
	"model_version" integer,
	"moved_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "index_alias_history_pk" PRIMARY KEY("tenant_id","id"),
	CONSTRAINT "index_alias_history_fencing_unique" UNIQUE("tenant_id","index","fencing"),
	CONSTRAINT "index_alias_history_kind_check" CHECK ("index_alias_history"."kind" in ('promote', 'rollback')),
	CONSTRAINT "index_alias_history_moved_check" CHECK ("index_alias_history"."from_version" is distinct from "index_alias_history"."to_version"),
	CONSTRAINT "index_alias_history_bundle_check" CHECK (("index_alias_history"."model" is null) = ("index_alias_history"."model_version" is null))
);
--> statement-breakpoint
CREATE TABLE "index_aliases" (
	"tenant_id" text NOT NULL,
	"index" text NOT NULL,
	"alias" text NOT NULL,
	"version" integer NOT NULL,
	"fencing" bigint NOT NULL,
	"moved_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "index_aliases_pk" PRIMARY KEY("tenant_id","index","alias"),
	CONSTRAINT "index_aliases_alias_check" CHECK ("index_aliases"."alias" in ('champion', 'previous')),
	CONSTRAINT "index_aliases_fencing_check" CHECK ("index_aliases"."fencing" > 0)
);
--> statement-breakpoint
CREATE TABLE "index_changes" (
	"tenant_id" text NOT NULL,
	"index" text NOT NULL,
	"seq" bigint NOT NULL,
	"documents" json,
	"deleted" json NOT NULL,
	"actor" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "index_changes_pk" PRIMARY KEY("tenant_id","index","seq"),
	CONSTRAINT "index_changes_seq_check" CHECK ("index_changes"."seq" > 0)
);
--> statement-breakpoint
CREATE TABLE "index_versions" (
	"tenant_id" text NOT NULL,
	"index" text NOT NULL,
	"version" integer NOT NULL,
	"digest" text NOT NULL,
	"recipe" json NOT NULL,
	"dataset" text NOT NULL,
	"dataset_version" integer NOT NULL,
	"state" text NOT NULL,
	"applied" bigint NOT NULL,
	"table_version" bigint,
	"chunks" bigint,
	"documents" bigint,
	"report" json,
	"run_id" text collate "C",
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "index_versions_pk" PRIMARY KEY("tenant_id","index","version"),
	CONSTRAINT "index_versions_digest_check" CHECK ("index_versions"."digest" ~ '^sha256:[0-9a-f]{64}$'),
	CONSTRAINT "index_versions_state_check" CHECK ("index_versions"."state" in ('building', 'ready', 'failed', 'retired')),
	CONSTRAINT "index_versions_ready_check" CHECK ("index_versions"."state" <> 'ready' or "index_versions"."table_version" is not null)
);
--> statement-breakpoint
CREATE TABLE "indexes" (
	"tenant_id" text NOT NULL,
	"name" text NOT NULL,
	"versions" integer DEFAULT 0 NOT NULL,
	"changes" bigint DEFAULT 0 NOT NULL,
	"fencing" bigint DEFAULT 0 NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "indexes_pk" PRIMARY KEY("tenant_id","name")
);
--> statement-breakpoint
CREATE TABLE "answer_labels" (
	"tenant_id" text NOT NULL,
	"rollout_id" text collate "C" NOT NULL,
	"prediction_id" text collate "C" NOT NULL,
	"checked" json NOT NULL,
	"actor" text NOT NULL,
	"labelled_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "answer_labels_pk" PRIMARY KEY("tenant_id","rollout_id","prediction_id")
);
--> statement-breakpoint
CREATE TABLE "llm_attempts" (
	"tenant_id" text NOT NULL,
	"key" text collate "C" NOT NULL,
	"number" integer NOT NULL,
	"scope" text collate "C" NOT NULL,
	"provider" text NOT NULL,
	"model" text NOT NULL,
	"request_id" text collate "C" NOT NULL,
	"outcome" text NOT NULL,
	"failure" text,
	"most_prompt_tokens" bigint NOT NULL,
	"most_completion_tokens" bigint NOT NULL,
	"most_cost" bigint NOT NULL,
	"prompt_tokens" bigint,
	"completion_tokens" bigint,
	"cost" bigint,
	"first_token_ms" integer,
	"total_ms" integer,
	"started_at" timestamp with time zone DEFAULT now() NOT NULL,
	"ended_at" timestamp with time zone,
	CONSTRAINT "llm_attempts_pk" PRIMARY KEY("tenant_id","key","number"),
	CONSTRAINT "llm_attempts_outcome_check" CHECK ("llm_attempts"."outcome" in ('sent', 'answered', 'refused', 'broken', 'lost')),
	CONSTRAINT "llm_attempts_ended_check" CHECK (("llm_attempts"."outcome" = 'sent') = ("llm_attempts"."ended_at" is null)),
	CONSTRAINT "llm_attempts_usage_check" CHECK ("llm_attempts"."outcome" <> 'answered' or ("llm_attempts"."prompt_tokens" is not null and "llm_attempts"."completion_tokens" is not null and "llm_attempts"."cost" is not null))
);
--> statement-breakpoint
CREATE TABLE "llm_call_readers" (
	"tenant_id" text NOT NULL,
	"key" text collate "C" NOT NULL,
	"scope" text collate "C" NOT NULL,
	"read_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "llm_call_readers_pk" PRIMARY KEY("tenant_id","key","scope")
);
--> statement-breakpoint
CREATE TABLE "llm_calls" (
	"tenant_id" text NOT NULL,
	"key" text collate "C" NOT NULL,
	"scope" text collate "C" NOT NULL,
	"provider" text NOT NULL,
	"model" text NOT NULL,
	"prompt_digest" text,
	"input_digest" text NOT NULL,
	"repeat" integer NOT NULL,
	"state" text NOT NULL,
	"execution" text NOT NULL,
	"execution_attempt" integer NOT NULL,
	"lease_until" timestamp with time zone NOT NULL,
	"attempts" integer DEFAULT 0 NOT NULL,
	"answer" json,
	"forgotten_at" timestamp with time zone,
	"answered_by" text,
	"cost" bigint,
	"failure" text,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"ended_at" timestamp with time zone,
	CONSTRAINT "llm_calls_pk" PRIMARY KEY("tenant_id","key"),
	CONSTRAINT "llm_calls_key_check" CHECK ("llm_calls"."key" ~ '^sha256:[0-9a-f]{64}$'),
	CONSTRAINT "llm_calls_state_check" CHECK ("llm_calls"."state" in ('asking', 'answered', 'failed')),
	CONSTRAINT "llm_calls_answer_check" CHECK (("llm_calls"."state" = 'answered') = (("llm_calls"."answer" is not null or "llm_calls"."forgotten_at" is not null) and "llm_calls"."answered_by" is not null and "llm_calls"."cost" is not null)),
	CONSTRAINT "llm_calls_forgotten_check" CHECK ("llm_calls"."forgotten_at" is null or ("llm_calls"."state" = 'answered' and "llm_calls"."answer" is null)),
	CONSTRAINT "llm_calls_failure_check" CHECK (("llm_calls"."state" = 'failed') = ("llm_calls"."failure" is not null))
);
--> statement-breakpoint
CREATE TABLE "lifecycle_proposals" (
	"tenant_id" text NOT NULL,
	"id" text collate "C" NOT NULL,
	"lifecycle" text NOT NULL,
	"revision" integer NOT NULL,
	"digest" text NOT NULL,
	"spec" json NOT NULL,
	"files" json NOT NULL,
	"contracts" json NOT NULL,
	"base_revision" integer NOT NULL,
	"loosenings" json NOT NULL,
	"proposed_by" text NOT NULL,
	"proposed_by_key" text NOT NULL,
	"proposed_at" timestamp with time zone DEFAULT now() NOT NULL,
	"status" text DEFAULT 'pending' NOT NULL,
	"decided_by" text,
	"decided_by_key" text,
	"decided_at" timestamp with time zone,
	"reason" text,
	"self_approved" boolean DEFAULT false NOT NULL,
	"expires_at" timestamp with time zone,
	CONSTRAINT "lifecycle_proposals_pk" PRIMARY KEY("tenant_id","id"),
	CONSTRAINT "lifecycle_proposals_status_check" CHECK ("lifecycle_proposals"."status" in ('pending', 'accepted', 'rejected', 'superseded', 'expired')),
	CONSTRAINT "lifecycle_proposals_decided_check" CHECK (("lifecycle_proposals"."decided_at" is null) = ("lifecycle_proposals"."status" = 'pending')),
	CONSTRAINT "lifecycle_proposals_digest_check" CHECK ("lifecycle_proposals"."digest" ~ '^sha256:[0-9a-f]{64}$')
);
--> statement-breakpoint
CREATE TABLE "lifecycle_proposal_approvals" (
	"tenant_id" text NOT NULL,
	"proposal_id" text collate "C" NOT NULL,
	"holder_id" text NOT NULL,
	"key_name" text NOT NULL,
	"reason" text NOT NULL,
	"is_author" boolean NOT NULL,
	"approved_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "lifecycle_proposal_approvals_pk" PRIMARY KEY("tenant_id","proposal_id","holder_id")
);
--> statement-breakpoint
CREATE TABLE "lifecycle_revisions" (
	"tenant_id" text NOT NULL,
	"lifecycle" text NOT NULL,
	"revision" integer NOT NULL,
	"digest" text NOT NULL,
	"spec" json NOT NULL,
	"files" json NOT NULL,
	"contracts" json NOT NULL,
	"applied_by" text NOT NULL,
	"applied_by_key" text,
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
	"schedule_checked_until" timestamp with time zone,
	"archived_at" timestamp with time zone,
	"archived_by" text,
	"archive_reason" text,
	"deleted_at" timestamp with time zone,
	CONSTRAINT "lifecycles_pk" PRIMARY KEY("tenant_id","name"),
	CONSTRAINT "lifecycles_archived_check" CHECK (("lifecycles"."archived_at" is null) = ("lifecycles"."archived_by" is null)),
	CONSTRAINT "lifecycles_deleted_check" CHECK ("lifecycles"."deleted_at" is null or "lifecycles"."archived_at" is not null)
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
	CONSTRAINT "lineage_edges_from_kind_check" CHECK ("lineage_edges"."from_kind" in ('source', 'dataset', 'run', 'index', 'model', 'deployment')),
	CONSTRAINT "lineage_edges_to_kind_check" CHECK ("lineage_edges"."to_kind" in ('source', 'dataset', 'run', 'index', 'model', 'deployment')),
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
CREATE TABLE "monitor_windows" (
	"tenant_id" text NOT NULL,
	"model" text NOT NULL,
	"version" integer NOT NULL,
	"hour" timestamp with time zone NOT NULL,
	"counts" json NOT NULL,
	"stored_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "monitor_windows_pk" PRIMARY KEY("tenant_id","model","version","hour")
);
--> statement-breakpoint
CREATE TABLE "monitors" (
	"tenant_id" text NOT NULL,
	"model" text NOT NULL,
	"version" integer NOT NULL,
	"fencing" bigint NOT NULL,
	"revision" integer NOT NULL,
	"status" text NOT NULL,
	"waiting_for" text,
	"settings" json,
	"every_seconds" integer NOT NULL,
	"reference" json,
	"state" json NOT NULL,
	"results" json,
	"raised" json DEFAULT '{}'::json NOT NULL,
	"cursor_xid" "xid8" DEFAULT '0' NOT NULL,
	"cursor_id" text collate "C" DEFAULT '' NOT NULL,
	"is_busy" boolean DEFAULT true NOT NULL,
	"looked_at" timestamp with time zone,
	"woken_at" timestamp with time zone DEFAULT '-infinity' NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"started_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "monitors_pk" PRIMARY KEY("tenant_id","model"),
	CONSTRAINT "monitors_status_check" CHECK ("monitors"."status" in ('watching', 'off')),
	CONSTRAINT "monitors_off_check" CHECK ("monitors"."status" <> 'off' or "monitors"."waiting_for" is not null)
);
--> statement-breakpoint
CREATE TABLE "request_hours" (
	"tenant_id" text NOT NULL,
	"model" text NOT NULL,
	"hour" timestamp with time zone NOT NULL,
	"logged" bigint DEFAULT 0 NOT NULL,
	"unanswered" bigint DEFAULT 0 NOT NULL,
	CONSTRAINT "request_hours_pk" PRIMARY KEY("tenant_id","model","hour")
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
CREATE TABLE "webhook_deliveries" (
	"tenant_id" text NOT NULL,
	"id" text collate "C" NOT NULL,
	"target" integer NOT NULL,
	"lifecycle" text NOT NULL,
	"event" text NOT NULL,
	"subject" text NOT NULL,
	"channel" text DEFAULT 'webhook' NOT NULL,
	"url" text NOT NULL,
	"secret" json,
	"data" json NOT NULL,
	"status" text DEFAULT 'pending' NOT NULL,
	"tries" integer DEFAULT 0 NOT NULL,
	"attempts" json DEFAULT '[]'::json NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"due_at" timestamp with time zone DEFAULT now() NOT NULL,
	"ended_at" timestamp with time zone,
	CONSTRAINT "webhook_deliveries_pk" PRIMARY KEY("tenant_id","id","target"),
	CONSTRAINT "webhook_deliveries_channel_check" CHECK ("webhook_deliveries"."channel" in ('webhook', 'slack', 'email')),
	CONSTRAINT "webhook_deliveries_secret_check" CHECK (("webhook_deliveries"."secret" is null) = ("webhook_deliveries"."channel" = 'email')),
	CONSTRAINT "webhook_deliveries_status_check" CHECK ("webhook_deliveries"."status" in ('pending', 'delivered', 'failed', 'gone')),
	CONSTRAINT "webhook_deliveries_ended_check" CHECK (("webhook_deliveries"."ended_at" is null) = ("webhook_deliveries"."status" = 'pending'))
);
--> statement-breakpoint
CREATE TABLE "project_builds" (
	"tenant_id" text NOT NULL,
	"project" text NOT NULL,
	"digest" text NOT NULL,
	"lifecycles" json NOT NULL,
	"workflows" json NOT NULL,
	"stages" json NOT NULL,
	"created_by" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "project_builds_pk" PRIMARY KEY("tenant_id","project","digest"),
	CONSTRAINT "project_builds_digest_check" CHECK ("project_builds"."digest" ~ '^sha256:[0-9a-f]{64}$')
);
--> statement-breakpoint
CREATE TABLE "prompt_approvals" (
	"tenant_id" text NOT NULL,
	"prompt" text NOT NULL,
	"version" integer NOT NULL,
	"holder_id" text NOT NULL,
	"actor" text NOT NULL,
	"self_approved" boolean DEFAULT false NOT NULL,
	"cause" text NOT NULL,
	"approved_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "prompt_approvals_pk" PRIMARY KEY("tenant_id","prompt","version","holder_id")
);
--> statement-breakpoint
CREATE TABLE "prompt_ref_history" (
	"tenant_id" text NOT NULL,
	"id" text collate "C" NOT NULL,
	"prompt" text NOT NULL,
	"ref" text NOT NULL,
	"kind" text NOT NULL,
	"from_version" integer,
	"to_version" integer NOT NULL,
	"fencing" bigint NOT NULL,
	"actor" text NOT NULL,
	"cause" text NOT NULL,
	"moved_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "prompt_ref_history_pk" PRIMARY KEY("tenant_id","id"),
	CONSTRAINT "prompt_ref_history_fencing_unique" UNIQUE("tenant_id","prompt","fencing"),
	CONSTRAINT "prompt_ref_history_kind_check" CHECK ("prompt_ref_history"."kind" in ('set', 'rollback')),
	CONSTRAINT "prompt_ref_history_moved_check" CHECK ("prompt_ref_history"."from_version" is distinct from "prompt_ref_history"."to_version")
);
--> statement-breakpoint
CREATE TABLE "prompt_refs" (
	"tenant_id" text NOT NULL,
	"prompt" text NOT NULL,
	"ref" text NOT NULL,
	"kind" text NOT NULL,
	"version" integer NOT NULL,
	"fencing" bigint NOT NULL,
	"moved_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "prompt_refs_pk" PRIMARY KEY("tenant_id","prompt","ref"),
	CONSTRAINT "prompt_refs_kind_check" CHECK ("prompt_refs"."kind" in ('branch', 'label')),
	CONSTRAINT "prompt_refs_fencing_check" CHECK ("prompt_refs"."fencing" > 0)
);
--> statement-breakpoint
CREATE TABLE "prompt_versions" (
	"tenant_id" text NOT NULL,
	"prompt" text NOT NULL,
	"version" integer NOT NULL,
	"digest" text NOT NULL,
	"template" json NOT NULL,
	"parent" integer,
	"author" text NOT NULL,
	"author_key_id" text,
	"cause" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "prompt_versions_pk" PRIMARY KEY("tenant_id","prompt","version"),
	CONSTRAINT "prompt_versions_digest_unique" UNIQUE("tenant_id","prompt","digest"),
	CONSTRAINT "prompt_versions_digest_check" CHECK ("prompt_versions"."digest" ~ '^sha256:[0-9a-f]{64}$'),
	CONSTRAINT "prompt_versions_version_check" CHECK ("prompt_versions"."version" > 0),
	CONSTRAINT "prompt_versions_parent_check" CHECK ("prompt_versions"."parent" < "prompt_versions"."version")
);
--> statement-breakpoint
CREATE TABLE "prompts" (
	"tenant_id" text NOT NULL,
	"name" text NOT NULL,
	"versions" integer DEFAULT 0 NOT NULL,
	"fencing" bigint DEFAULT 0 NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "prompts_pk" PRIMARY KEY("tenant_id","name")
);
--> statement-breakpoint
CREATE TABLE "prompt_searches" (
	"tenant_id" text NOT NULL,
	"id" text NOT NULL,
	"prompt" text NOT NULL,
	"first_version" integer NOT NULL,
	"request" json NOT NULL,
	"actor" text NOT NULL,
	"status" text NOT NULL,
	"cause" text,
	"outcome" json,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"ended_at" timestamp with time zone,
	CONSTRAINT "prompt_searches_pk" PRIMARY KEY("tenant_id","id"),
	CONSTRAINT "prompt_searches_status_check" CHECK ("prompt_searches"."status" in ('running', 'done', 'failed', 'cancelled'))
);
--> statement-breakpoint
CREATE TABLE "received_events" (
	"tenant_id" text NOT NULL,
	"source" text collate "C" NOT NULL,
	"id" text collate "C" NOT NULL,
	"type" text NOT NULL,
	"subject" text,
	"received_at" timestamp with time zone DEFAULT now() NOT NULL,
	"receipts" json NOT NULL,
	CONSTRAINT "received_events_pk" PRIMARY KEY("tenant_id","source","id")
);
--> statement-breakpoint
CREATE TABLE "retrainings" (
	"tenant_id" text NOT NULL,
	"lifecycle" text NOT NULL,
	"state" json NOT NULL,
	"run_id" text collate "C",
	"due_at" timestamp with time zone,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "retrainings_pk" PRIMARY KEY("tenant_id","lifecycle")
);
--> statement-breakpoint
CREATE TABLE "rollout_arm_traffic" (
	"tenant_id" text NOT NULL,
	"rollout_id" text collate "C" NOT NULL,
	"version" integer NOT NULL,
	"span_start" timestamp with time zone NOT NULL,
	"assigned" bigint NOT NULL,
	"failed" bigint NOT NULL,
	"slow" bigint NOT NULL,
	"labelled" bigint DEFAULT 0 NOT NULL,
	CONSTRAINT "rollout_arm_traffic_pk" PRIMARY KEY("tenant_id","rollout_id","version","span_start")
);
--> statement-breakpoint
CREATE TABLE "rollout_arms" (
	"tenant_id" text NOT NULL,
	"rollout_id" text collate "C" NOT NULL,
	"version" integer NOT NULL,
	"model" text NOT NULL,
	"position" integer NOT NULL,
	"share" double precision NOT NULL,
	"entities" bigint DEFAULT 0 NOT NULL,
	"stopped_at" timestamp with time zone,
	CONSTRAINT "rollout_arms_pk" PRIMARY KEY("tenant_id","rollout_id","version"),
	CONSTRAINT "rollout_arms_share_check" CHECK ("rollout_arms"."share" > 0 and "rollout_arms"."share" < 1)
);
--> statement-breakpoint
CREATE TABLE "rollout_entities" (
	"tenant_id" text NOT NULL,
	"rollout_id" text collate "C" NOT NULL,
	"entity" bigint NOT NULL,
	"step" integer DEFAULT 0 NOT NULL,
	CONSTRAINT "rollout_entities_pk" PRIMARY KEY("tenant_id","rollout_id","entity","step")
);
--> statement-breakpoint
CREATE TABLE "rollout_entity_losses" (
	"tenant_id" text NOT NULL,
	"rollout_id" text collate "C" NOT NULL,
	"version" integer NOT NULL,
	"bucket" integer NOT NULL,
	"step" integer NOT NULL,
	"days" integer NOT NULL,
	"loss" double precision NOT NULL,
	"day" integer NOT NULL,
	"labels" integer NOT NULL,
	"sum" double precision NOT NULL,
	CONSTRAINT "rollout_entity_losses_pk" PRIMARY KEY("tenant_id","rollout_id","version","bucket","step")
);
--> statement-breakpoint
CREATE TABLE "rollout_failures" (
	"tenant_id" text NOT NULL,
	"rollout_id" text collate "C" NOT NULL,
	"step" integer NOT NULL,
	"version" integer NOT NULL,
	"minute" timestamp with time zone NOT NULL,
	"hour" timestamp with time zone NOT NULL,
	"gateway_id" text NOT NULL,
	"failed" bigint NOT NULL,
	CONSTRAINT "rollout_failures_pk" PRIMARY KEY("tenant_id","rollout_id","step","version","minute","hour","gateway_id")
);
--> statement-breakpoint
CREATE TABLE "rollout_traffic" (
	"tenant_id" text NOT NULL,
	"rollout_id" text collate "C" NOT NULL,
	"step" integer NOT NULL,
	"span_start" timestamp with time zone NOT NULL,
	"newest" timestamp with time zone NOT NULL,
	"stored_at" timestamp with time zone DEFAULT now() NOT NULL,
	"champion_assigned" bigint NOT NULL,
	"challenger_assigned" bigint NOT NULL,
	"champion_slow" bigint NOT NULL,
	"challenger_slow" bigint NOT NULL,
	"champion_asked" bigint NOT NULL,
	"challenger_asked" bigint NOT NULL,
	"champion_errors" bigint NOT NULL,
	"challenger_errors" bigint NOT NULL,
	"challenger_fallbacks" bigint DEFAULT 0 NOT NULL,
	"champion_broken" bigint DEFAULT 0 NOT NULL,
	"champion_streamed" bigint DEFAULT 0 NOT NULL,
	"champion_late" bigint DEFAULT 0 NOT NULL,
	"challenger_streamed" bigint DEFAULT 0 NOT NULL,
	"challenger_late" bigint DEFAULT 0 NOT NULL,
	"challenger_costly" bigint DEFAULT 0 NOT NULL,
	"challenger_blocked" bigint DEFAULT 0 NOT NULL,
	"challenger_malformed" bigint DEFAULT 0 NOT NULL,
	"champion_labelled" bigint DEFAULT 0 NOT NULL,
	"challenger_labelled" bigint DEFAULT 0 NOT NULL,
	"champion_entities" bigint DEFAULT 0 NOT NULL,
	"challenger_entities" bigint DEFAULT 0 NOT NULL,
	CONSTRAINT "rollout_traffic_pk" PRIMARY KEY("tenant_id","rollout_id","step","span_start")
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
	"spec" json NOT NULL,
	"paired" boolean NOT NULL,
	"available_after_seconds" double precision NOT NULL,
	"slow_ms" double precision,
	"slow_first_token_ms" double precision,
	"most_tokens" double precision,
	"traffic_span_seconds" integer DEFAULT 3600 NOT NULL,
	"step" integer NOT NULL,
	"weight" double precision NOT NULL,
	"epoch" bigint NOT NULL,
	"state" json NOT NULL,
	"extended_seconds" double precision DEFAULT 0 NOT NULL,
	"event_started_at" timestamp with time zone,
	"event_now" timestamp with time zone,
	"winner" integer,
	"verdict" json,
	"decision_id" text collate "C",
	"waiting_for" text,
	"rollback" json,
	"started_at" timestamp with time zone DEFAULT now() NOT NULL,
	"step_started_at" timestamp with time zone DEFAULT now() NOT NULL,
	"ended_at" timestamp with time zone,
	CONSTRAINT "rollouts_pk" PRIMARY KEY("tenant_id","id"),
	CONSTRAINT "rollouts_run_unique" UNIQUE("tenant_id","run_id"),
	CONSTRAINT "rollouts_status_check" CHECK ("rollouts"."status" in ('running', 'held', 'passed', 'promoted', 'rolledBack', 'aborted', 'superseded')),
	CONSTRAINT "rollouts_ended_check" CHECK (("rollouts"."ended_at" is null) = ("rollouts"."status" in ('running', 'held', 'passed'))),
	CONSTRAINT "rollouts_arms_check" CHECK ("rollouts"."champion" <> "rollouts"."challenger"),
	CONSTRAINT "rollouts_weight_check" CHECK ("rollouts"."weight" between 0 and 1)
);
--> statement-breakpoint
CREATE TABLE "commands" (
	"tenant_id" text NOT NULL,
	"id" text NOT NULL,
	"workflow_id" text NOT NULL,
	"delivery" text NOT NULL,
	"verb" text NOT NULL,
	"key_id" text collate "C" NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "commands_pk" PRIMARY KEY("tenant_id","id")
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
	"kind" text DEFAULT 'ModelLifecycle' NOT NULL,
	"program" json,
	"revision_digest" text NOT NULL,
	"workflow_id" text NOT NULL,
	"status" text NOT NULL,
	"verdict" json,
	"version" integer,
	"waiting_for" text,
	"awaits_approval" boolean DEFAULT false NOT NULL,
	"failure" json,
	"request" json NOT NULL,
	"rerun_of" json,
	"parent_run_id" text collate "C",
	"parent_stage" text,
	"actor" text NOT NULL,
	"starter_key_id" text,
	"trace_id" text NOT NULL,
	"event_seq" bigint DEFAULT 0 NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"started_at" timestamp with time zone,
	"ended_at" timestamp with time zone,
	"undo_since" timestamp with time zone,
	"touched_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "runs_pk" PRIMARY KEY("tenant_id","id"),
	CONSTRAINT "runs_workflow_unique" UNIQUE("tenant_id","workflow_id"),
	CONSTRAINT "runs_child_unique" UNIQUE("tenant_id","parent_run_id","parent_stage"),
	CONSTRAINT "runs_status_check" CHECK ("runs"."status" in ('pending', 'running', 'waiting', 'paused', 'succeeded', 'stopped', 'failed', 'cancelled', 'lost')),
	CONSTRAINT "runs_kind_check" CHECK ("runs"."kind" in ('ModelLifecycle', 'LlmLifecycle', 'DataLifecycle')),
	CONSTRAINT "runs_revision_digest_check" CHECK ("runs"."revision_digest" ~ '^sha256:[0-9a-f]{64}$'),
	CONSTRAINT "runs_ended_check" CHECK (("runs"."ended_at" is not null) = ("runs"."status" in ('succeeded', 'stopped', 'failed', 'cancelled', 'lost'))),
	CONSTRAINT "runs_waiting_check" CHECK ("runs"."status" <> 'waiting' or "runs"."waiting_for" is not null)
);
--> statement-breakpoint
CREATE TABLE "sent_events" (
	"tenant_id" text NOT NULL,
	"id" text collate "C" NOT NULL,
	"run_id" text collate "C" NOT NULL,
	"event" text NOT NULL,
	"data" json NOT NULL,
	"actor" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"taken_by" text,
	"taken_at" timestamp with time zone,
	CONSTRAINT "sent_events_pk" PRIMARY KEY("tenant_id","id"),
	CONSTRAINT "sent_events_taken_unique" UNIQUE("tenant_id","run_id","taken_by")
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
CREATE TABLE "schedule_skips" (
	"tenant_id" text NOT NULL,
	"lifecycle" text NOT NULL,
	"scheduled_at" timestamp with time zone NOT NULL,
	"cause" text NOT NULL,
	"run_id" text collate "C",
	"noticed_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "schedule_skips_pk" PRIMARY KEY("tenant_id","lifecycle","scheduled_at")
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
	"rollout_id" text collate "C",
	"event_time" timestamp with time zone,
	"counted_at" timestamp with time zone,
	"monitored_at" timestamp with time zone,
	"contradicted_at" timestamp with time zone,
	"received_values" json,
	CONSTRAINT "feedback_pk" PRIMARY KEY("tenant_id","prediction_id"),
	CONSTRAINT "feedback_rollout_check" CHECK ("feedback"."rollout_id" is null or ("feedback"."day" is not null and "feedback"."event_time" is not null)),
	CONSTRAINT "feedback_joined_check" CHECK (("feedback"."day" is null) = ("feedback"."model" is null) and ("feedback"."day" is null) = ("feedback"."version" is null))
);
--> statement-breakpoint
CREATE TABLE "label_join_cursors" (
	"age_seconds" integer NOT NULL,
	"looked_until" timestamp with time zone DEFAULT '-infinity' NOT NULL,
	"given_up" bigint DEFAULT 0 NOT NULL,
	CONSTRAINT "label_join_cursors_pk" PRIMARY KEY("age_seconds")
);
--> statement-breakpoint
CREATE TABLE "gateways" (
	"id" text NOT NULL,
	"url" text NOT NULL,
	"epoch" bigint NOT NULL,
	"beat" bigint DEFAULT 0 NOT NULL,
	"started_at" timestamp with time zone DEFAULT now() NOT NULL,
	"beat_at" timestamp with time zone DEFAULT now() NOT NULL,
	"lease_until" timestamp with time zone NOT NULL,
	"blocked" json,
	"disk_failure" json,
	"holds_predictions" boolean DEFAULT false NOT NULL,
	"clock_offset_seconds" double precision DEFAULT 0 NOT NULL,
	CONSTRAINT "gateways_pk" PRIMARY KEY("id")
);
--> statement-breakpoint
CREATE TABLE "request_failures" (
	"tenant_id" text NOT NULL,
	"model" text NOT NULL,
	"version" integer NOT NULL,
	"hour" timestamp with time zone NOT NULL,
	"gateway_id" text NOT NULL,
	"reason" text DEFAULT 'failed' NOT NULL,
	"column_name" text DEFAULT '' NOT NULL,
	"failed" bigint NOT NULL,
	"counted_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "request_failures_pk" PRIMARY KEY("tenant_id","model","version","hour","gateway_id","reason","column_name")
);
--> statement-breakpoint
CREATE TABLE "routing_epoch" (
	"only" boolean DEFAULT true NOT NULL,
	"epoch" bigint NOT NULL,
	CONSTRAINT "routing_epoch_pk" PRIMARY KEY("only"),
	CONSTRAINT "routing_epoch_only_check" CHECK ("routing_epoch"."only")
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
	"rollout_id" text collate "C",
	"rollout_step" integer,
	"rollout_unit" bigint,
	"other" json,
	"verdict" text,
	"blocked" text,
	"stored_xid" "xid8" DEFAULT pg_current_xact_id(),
	CONSTRAINT "predictions_pk" PRIMARY KEY("day","id")
) PARTITION BY RANGE ("day");
--> statement-breakpoint
CREATE TABLE "logged_models" (
	"tenant_id" text NOT NULL,
	"id" text collate "C" NOT NULL,
	"experiment_id" text collate "C" NOT NULL,
	"source_run_id" text collate "C",
	"name" text NOT NULL,
	"type" text,
	"status" text NOT NULL,
	"stage" text NOT NULL,
	"params" json NOT NULL,
	"tags" json NOT NULL,
	"created_at_ms" bigint NOT NULL,
	"updated_at_ms" bigint NOT NULL,
	CONSTRAINT "logged_models_pk" PRIMARY KEY("tenant_id","id"),
	CONSTRAINT "logged_models_stage_check" CHECK ("logged_models"."stage" in ('active', 'deleted')),
	CONSTRAINT "logged_models_status_check" CHECK ("logged_models"."status" in ('LOGGED_MODEL_PENDING', 'LOGGED_MODEL_READY', 'LOGGED_MODEL_UPLOAD_FAILED'))
);
--> statement-breakpoint
CREATE TABLE "tracked_artifacts" (
	"tenant_id" text NOT NULL,
	"path" text collate "C" NOT NULL,
	"digest" text NOT NULL,
	"bytes" bigint NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "tracked_artifacts_pk" PRIMARY KEY("tenant_id","path"),
	CONSTRAINT "tracked_artifacts_digest_check" CHECK ("tracked_artifacts"."digest" ~ '^sha256:[0-9a-f]{64}$'),
	CONSTRAINT "tracked_artifacts_bytes_check" CHECK ("tracked_artifacts"."bytes" >= 0)
);
--> statement-breakpoint
CREATE TABLE "tracked_metrics" (
	"tenant_id" text NOT NULL,
	"run_id" text collate "C" NOT NULL,
	"key" text collate "C" NOT NULL,
	"step" bigint NOT NULL,
	"timestamp_ms" bigint NOT NULL,
	"value" double precision NOT NULL,
	CONSTRAINT "tracked_metrics_pk" PRIMARY KEY("tenant_id","run_id","key","step","timestamp_ms","value")
);
--> statement-breakpoint
CREATE TABLE "tracked_runs" (
	"tenant_id" text NOT NULL,
	"id" text collate "C" NOT NULL,
	"experiment_id" text collate "C" NOT NULL,
	"name" text NOT NULL,
	"user_id" text NOT NULL,
	"status" text NOT NULL,
	"start_time_ms" bigint NOT NULL,
	"end_time_ms" bigint,
	"stage" text NOT NULL,
	"params" json NOT NULL,
	"tags" json NOT NULL,
	"metrics" json NOT NULL,
	"dataset_inputs" json NOT NULL,
	"model_inputs" json NOT NULL,
	"model_outputs" json NOT NULL,
	"points" bigint DEFAULT 0 NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "tracked_runs_pk" PRIMARY KEY("tenant_id","id"),
	CONSTRAINT "tracked_runs_stage_check" CHECK ("tracked_runs"."stage" in ('active', 'deleted')),
	CONSTRAINT "tracked_runs_status_check" CHECK ("tracked_runs"."status" in ('RUNNING', 'SCHEDULED', 'FINISHED', 'FAILED', 'KILLED'))
);
--> statement-breakpoint
CREATE TABLE "tracking_experiments" (
	"tenant_id" text NOT NULL,
	"id" text collate "C" NOT NULL,
	"name" text NOT NULL,
	"stage" text NOT NULL,
	"tags" json NOT NULL,
	"created_at_ms" bigint NOT NULL,
	"updated_at_ms" bigint NOT NULL,
	CONSTRAINT "tracking_experiments_pk" PRIMARY KEY("tenant_id","id"),
	CONSTRAINT "tracking_experiments_stage_check" CHECK ("tracking_experiments"."stage" in ('active', 'deleted'))
);
--> statement-breakpoint
CREATE TABLE "compute_offers" (
	"worker" text NOT NULL,
	"offers" json NOT NULL,
	"lease_until" timestamp with time zone NOT NULL,
	CONSTRAINT "compute_offers_pk" PRIMARY KEY("worker")
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
	"values" json,
	"lane" integer,
	"sampler_state" json DEFAULT '{}' NOT NULL,
	"intermediate" json DEFAULT '[]' NOT NULL,
	"reason" text,
	"started_at" timestamp with time zone DEFAULT now() NOT NULL,
	"ended_at" timestamp with time zone,
	CONSTRAINT "trials_pk" PRIMARY KEY("tenant_id","run_id","study","number"),
	CONSTRAINT "trials_status_check" CHECK ("trials"."status" in ('running', 'complete', 'pruned', 'failed')),
	CONSTRAINT "trials_ended_check" CHECK (("trials"."ended_at" is null) = ("trials"."status" = 'running')),
	CONSTRAINT "trials_value_check" CHECK ("trials"."status" <> 'complete' or "trials"."value" is not null)
);
--> statement-breakpoint
ALTER TABLE "api_keys" ADD CONSTRAINT "api_keys_tenant_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "ended_sessions" ADD CONSTRAINT "ended_sessions_key_fk" FOREIGN KEY ("tenant_id","key_id") REFERENCES "public"."api_keys"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "alias_history" ADD CONSTRAINT "alias_history_model_fk" FOREIGN KEY ("tenant_id","model") REFERENCES "public"."models"("tenant_id","name") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "alias_history" ADD CONSTRAINT "alias_history_to_fk" FOREIGN KEY ("tenant_id","model","to_version") REFERENCES "public"."model_versions"("tenant_id","model","version") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "alias_history" ADD CONSTRAINT "alias_history_run_fk" FOREIGN KEY ("tenant_id","run_id") REFERENCES "public"."runs"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "alias_history" ADD CONSTRAINT "alias_history_decision_fk" FOREIGN KEY ("tenant_id","decision_id") REFERENCES "public"."decisions"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "model_aliases" ADD CONSTRAINT "model_aliases_version_fk" FOREIGN KEY ("tenant_id","model","version") REFERENCES "public"."model_versions"("tenant_id","model","version") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "retention_settings" ADD CONSTRAINT "retention_settings_tenant_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "artifact_leases" ADD CONSTRAINT "artifact_leases_artifact_fk" FOREIGN KEY ("tenant_id","digest") REFERENCES "public"."artifacts"("tenant_id","digest") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "artifact_references" ADD CONSTRAINT "artifact_references_artifact_fk" FOREIGN KEY ("tenant_id","digest") REFERENCES "public"."artifacts"("tenant_id","digest") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "audit_copies" ADD CONSTRAINT "audit_copies_tenant_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "audit_keys" ADD CONSTRAINT "audit_keys_tenant_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "audit_log" ADD CONSTRAINT "audit_log_tenant_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "audit_seals" ADD CONSTRAINT "audit_seals_row_fk" FOREIGN KEY ("tenant_id","audit_id") REFERENCES "public"."audit_log"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "audit_seals" ADD CONSTRAINT "audit_seals_head_fk" FOREIGN KEY ("tenant_id","batch") REFERENCES "public"."audit_heads"("tenant_id","batch") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "budget_reservations" ADD CONSTRAINT "budget_reservations_budget_fk" FOREIGN KEY ("tenant_id","scope","unit") REFERENCES "public"."budgets"("tenant_id","scope","unit") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "budgets" ADD CONSTRAINT "budgets_tenant_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "job_costs" ADD CONSTRAINT "job_costs_run_fk" FOREIGN KEY ("tenant_id","run_id") REFERENCES "public"."runs"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "dataset_alias_history" ADD CONSTRAINT "dataset_alias_history_version_fk" FOREIGN KEY ("tenant_id","dataset","to_version") REFERENCES "public"."dataset_versions"("tenant_id","dataset","version") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "dataset_aliases" ADD CONSTRAINT "dataset_aliases_version_fk" FOREIGN KEY ("tenant_id","dataset","version") REFERENCES "public"."dataset_versions"("tenant_id","dataset","version") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "dataset_versions" ADD CONSTRAINT "dataset_versions_dataset_fk" FOREIGN KEY ("tenant_id","dataset") REFERENCES "public"."datasets"("tenant_id","name") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "dataset_versions" ADD CONSTRAINT "dataset_versions_run_fk" FOREIGN KEY ("tenant_id","run_id") REFERENCES "public"."runs"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "datasets" ADD CONSTRAINT "datasets_tenant_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "quarantines" ADD CONSTRAINT "quarantines_version_fk" FOREIGN KEY ("tenant_id","dataset","version") REFERENCES "public"."dataset_versions"("tenant_id","dataset","version") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "quarantines" ADD CONSTRAINT "quarantines_run_fk" FOREIGN KEY ("tenant_id","run_id") REFERENCES "public"."runs"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "approvals" ADD CONSTRAINT "approvals_run_fk" FOREIGN KEY ("tenant_id","run_id") REFERENCES "public"."runs"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "approvals" ADD CONSTRAINT "approvals_key_fk" FOREIGN KEY ("tenant_id","key_id") REFERENCES "public"."api_keys"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "approvals" ADD CONSTRAINT "approvals_version_fk" FOREIGN KEY ("tenant_id","model","version") REFERENCES "public"."model_versions"("tenant_id","model","version") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "holdout_attempts" ADD CONSTRAINT "holdout_attempts_run_fk" FOREIGN KEY ("tenant_id","run_id") REFERENCES "public"."runs"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "holdout_attempts" ADD CONSTRAINT "holdout_attempts_decision_fk" FOREIGN KEY ("tenant_id","decision") REFERENCES "public"."decisions"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "decisions" ADD CONSTRAINT "decisions_run_fk" FOREIGN KEY ("tenant_id","run_id") REFERENCES "public"."runs"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "decisions" ADD CONSTRAINT "decisions_policy_fk" FOREIGN KEY ("tenant_id","policy") REFERENCES "public"."policies"("tenant_id","digest") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "decisions" ADD CONSTRAINT "decisions_evidence_fk" FOREIGN KEY ("tenant_id","evidence") REFERENCES "public"."evidence"("tenant_id","digest") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "incidents" ADD CONSTRAINT "incidents_tenant_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "index_alias_history" ADD CONSTRAINT "index_alias_history_version_fk" FOREIGN KEY ("tenant_id","index","to_version") REFERENCES "public"."index_versions"("tenant_id","index","version") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "index_aliases" ADD CONSTRAINT "index_aliases_version_fk" FOREIGN KEY ("tenant_id","index","version") REFERENCES "public"."index_versions"("tenant_id","index","version") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "index_changes" ADD CONSTRAINT "index_changes_index_fk" FOREIGN KEY ("tenant_id","index") REFERENCES "public"."indexes"("tenant_id","name") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "index_versions" ADD CONSTRAINT "index_versions_index_fk" FOREIGN KEY ("tenant_id","index") REFERENCES "public"."indexes"("tenant_id","name") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "index_versions" ADD CONSTRAINT "index_versions_dataset_fk" FOREIGN KEY ("tenant_id","dataset","dataset_version") REFERENCES "public"."dataset_versions"("tenant_id","dataset","version") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "index_versions" ADD CONSTRAINT "index_versions_run_fk" FOREIGN KEY ("tenant_id","run_id") REFERENCES "public"."runs"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "indexes" ADD CONSTRAINT "indexes_tenant_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "answer_labels" ADD CONSTRAINT "answer_labels_rollout_fk" FOREIGN KEY ("tenant_id","rollout_id") REFERENCES "public"."rollouts"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "llm_attempts" ADD CONSTRAINT "llm_attempts_call_fk" FOREIGN KEY ("tenant_id","key") REFERENCES "public"."llm_calls"("tenant_id","key") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "llm_call_readers" ADD CONSTRAINT "llm_call_readers_call_fk" FOREIGN KEY ("tenant_id","key") REFERENCES "public"."llm_calls"("tenant_id","key") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "llm_calls" ADD CONSTRAINT "llm_calls_tenant_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "lifecycle_proposals" ADD CONSTRAINT "lifecycle_proposals_lifecycle_fk" FOREIGN KEY ("tenant_id","lifecycle") REFERENCES "public"."lifecycles"("tenant_id","name") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "lifecycle_proposal_approvals" ADD CONSTRAINT "lifecycle_proposal_approvals_proposal_fk" FOREIGN KEY ("tenant_id","proposal_id") REFERENCES "public"."lifecycle_proposals"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "lifecycle_revisions" ADD CONSTRAINT "lifecycle_revisions_lifecycle_fk" FOREIGN KEY ("tenant_id","lifecycle") REFERENCES "public"."lifecycles"("tenant_id","name") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "lifecycles" ADD CONSTRAINT "lifecycles_tenant_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "lineage_edges" ADD CONSTRAINT "lineage_edges_run_fk" FOREIGN KEY ("tenant_id","run_id") REFERENCES "public"."runs"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "model_versions" ADD CONSTRAINT "model_versions_model_fk" FOREIGN KEY ("tenant_id","model") REFERENCES "public"."models"("tenant_id","name") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "model_versions" ADD CONSTRAINT "model_versions_run_fk" FOREIGN KEY ("tenant_id","run_id") REFERENCES "public"."runs"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "models" ADD CONSTRAINT "models_tenant_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "monitor_windows" ADD CONSTRAINT "monitor_windows_monitor_fk" FOREIGN KEY ("tenant_id","model") REFERENCES "public"."monitors"("tenant_id","model") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "monitors" ADD CONSTRAINT "monitors_model_fk" FOREIGN KEY ("tenant_id","model") REFERENCES "public"."models"("tenant_id","name") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "request_hours" ADD CONSTRAINT "request_hours_monitor_fk" FOREIGN KEY ("tenant_id","model") REFERENCES "public"."monitors"("tenant_id","model") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "webhook_deliveries" ADD CONSTRAINT "webhook_deliveries_lifecycle_fk" FOREIGN KEY ("tenant_id","lifecycle") REFERENCES "public"."lifecycles"("tenant_id","name") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "project_builds" ADD CONSTRAINT "project_builds_tenant_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "prompt_approvals" ADD CONSTRAINT "prompt_approvals_version_fk" FOREIGN KEY ("tenant_id","prompt","version") REFERENCES "public"."prompt_versions"("tenant_id","prompt","version") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "prompt_ref_history" ADD CONSTRAINT "prompt_ref_history_version_fk" FOREIGN KEY ("tenant_id","prompt","to_version") REFERENCES "public"."prompt_versions"("tenant_id","prompt","version") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "prompt_refs" ADD CONSTRAINT "prompt_refs_version_fk" FOREIGN KEY ("tenant_id","prompt","version") REFERENCES "public"."prompt_versions"("tenant_id","prompt","version") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "prompt_versions" ADD CONSTRAINT "prompt_versions_prompt_fk" FOREIGN KEY ("tenant_id","prompt") REFERENCES "public"."prompts"("tenant_id","name") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "prompts" ADD CONSTRAINT "prompts_tenant_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "prompt_searches" ADD CONSTRAINT "prompt_searches_prompt_fk" FOREIGN KEY ("tenant_id","prompt") REFERENCES "public"."prompts"("tenant_id","name") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "received_events" ADD CONSTRAINT "received_events_tenant_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "retrainings" ADD CONSTRAINT "retrainings_lifecycle_fk" FOREIGN KEY ("tenant_id","lifecycle") REFERENCES "public"."lifecycles"("tenant_id","name") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "rollout_arm_traffic" ADD CONSTRAINT "rollout_arm_traffic_arm_fk" FOREIGN KEY ("tenant_id","rollout_id","version") REFERENCES "public"."rollout_arms"("tenant_id","rollout_id","version") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "rollout_arms" ADD CONSTRAINT "rollout_arms_rollout_fk" FOREIGN KEY ("tenant_id","rollout_id") REFERENCES "public"."rollouts"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "rollout_arms" ADD CONSTRAINT "rollout_arms_version_fk" FOREIGN KEY ("tenant_id","model","version") REFERENCES "public"."model_versions"("tenant_id","model","version") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "rollout_entities" ADD CONSTRAINT "rollout_entities_rollout_fk" FOREIGN KEY ("tenant_id","rollout_id") REFERENCES "public"."rollouts"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "rollout_entity_losses" ADD CONSTRAINT "rollout_entity_losses_rollout_fk" FOREIGN KEY ("tenant_id","rollout_id") REFERENCES "public"."rollouts"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "rollout_failures" ADD CONSTRAINT "rollout_failures_rollout_fk" FOREIGN KEY ("tenant_id","rollout_id") REFERENCES "public"."rollouts"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "rollout_traffic" ADD CONSTRAINT "rollout_traffic_rollout_fk" FOREIGN KEY ("tenant_id","rollout_id") REFERENCES "public"."rollouts"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "rollouts" ADD CONSTRAINT "rollouts_run_fk" FOREIGN KEY ("tenant_id","run_id") REFERENCES "public"."runs"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "rollouts" ADD CONSTRAINT "rollouts_decision_fk" FOREIGN KEY ("tenant_id","decision_id") REFERENCES "public"."decisions"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "rollouts" ADD CONSTRAINT "rollouts_champion_fk" FOREIGN KEY ("tenant_id","model","champion") REFERENCES "public"."model_versions"("tenant_id","model","version") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "rollouts" ADD CONSTRAINT "rollouts_challenger_fk" FOREIGN KEY ("tenant_id","model","challenger") REFERENCES "public"."model_versions"("tenant_id","model","version") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "run_events" ADD CONSTRAINT "run_events_run_fk" FOREIGN KEY ("tenant_id","run_id") REFERENCES "public"."runs"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "runs" ADD CONSTRAINT "runs_revision_fk" FOREIGN KEY ("tenant_id","lifecycle","revision_digest") REFERENCES "public"."lifecycle_revisions"("tenant_id","lifecycle","digest") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "runs" ADD CONSTRAINT "runs_parent_fk" FOREIGN KEY ("tenant_id","parent_run_id") REFERENCES "public"."runs"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "sent_events" ADD CONSTRAINT "sent_events_run_fk" FOREIGN KEY ("tenant_id","run_id") REFERENCES "public"."runs"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "stage_records" ADD CONSTRAINT "stage_records_run_fk" FOREIGN KEY ("tenant_id","run_id") REFERENCES "public"."runs"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "stage_records" ADD CONSTRAINT "stage_records_reused_fk" FOREIGN KEY ("tenant_id","reused_from") REFERENCES "public"."runs"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "stage_records" ADD CONSTRAINT "stage_records_decision_fk" FOREIGN KEY ("tenant_id","decision_id") REFERENCES "public"."decisions"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "schedule_skips" ADD CONSTRAINT "schedule_skips_lifecycle_fk" FOREIGN KEY ("tenant_id","lifecycle") REFERENCES "public"."lifecycles"("tenant_id","name") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "logged_models" ADD CONSTRAINT "logged_models_experiment_fk" FOREIGN KEY ("tenant_id","experiment_id") REFERENCES "public"."tracking_experiments"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "tracked_artifacts" ADD CONSTRAINT "tracked_artifacts_artifact_fk" FOREIGN KEY ("tenant_id","digest") REFERENCES "public"."artifacts"("tenant_id","digest") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "tracked_metrics" ADD CONSTRAINT "tracked_metrics_run_fk" FOREIGN KEY ("tenant_id","run_id") REFERENCES "public"."tracked_runs"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "tracked_runs" ADD CONSTRAINT "tracked_runs_experiment_fk" FOREIGN KEY ("tenant_id","experiment_id") REFERENCES "public"."tracking_experiments"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "tracking_experiments" ADD CONSTRAINT "tracking_experiments_tenant_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "trials" ADD CONSTRAINT "trials_run_fk" FOREIGN KEY ("tenant_id","run_id") REFERENCES "public"."runs"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "api_keys_name_in_use" ON "api_keys" USING btree ("tenant_id","name") WHERE "api_keys"."revoked_at" is null and "api_keys"."replaced_by" is null;--> statement-breakpoint
CREATE INDEX "artifact_leases_by_end" ON "artifact_leases" USING btree ("until");--> statement-breakpoint
CREATE INDEX "artifact_references_by_holder" ON "artifact_references" USING btree ("tenant_id","held_by");--> statement-breakpoint
CREATE INDEX "artifacts_to_check" ON "artifacts" USING btree ("tenant_id","touched_at") WHERE "artifacts"."marked_at" is null and "artifacts"."referenced_at" is null;--> statement-breakpoint
CREATE INDEX "artifacts_marked" ON "artifacts" USING btree ("tenant_id","marked_at") WHERE "artifacts"."marked_at" is not null;--> statement-breakpoint
CREATE INDEX "audit_log_by_subject" ON "audit_log" USING btree ("tenant_id","subject","id");--> statement-breakpoint
CREATE INDEX "audit_log_by_action" ON "audit_log" USING btree ("tenant_id","action","id");--> statement-breakpoint
CREATE INDEX "budget_reservations_open" ON "budget_reservations" USING btree ("tenant_id","scope","unit","expires_at") WHERE "budget_reservations"."state" = 'open';--> statement-breakpoint
CREATE INDEX "job_costs_by_run" ON "job_costs" USING btree ("tenant_id","run_id");--> statement-breakpoint
CREATE INDEX "job_costs_by_time" ON "job_costs" USING btree ("tenant_id","created_at");--> statement-breakpoint
CREATE INDEX "job_costs_open" ON "job_costs" USING btree ("touched_at") WHERE "job_costs"."state" = 'open';--> statement-breakpoint
CREATE INDEX "dataset_alias_history_by_actor" ON "dataset_alias_history" USING btree ("tenant_id","actor");--> statement-breakpoint
CREATE INDEX "approvals_by_version" ON "approvals" USING btree ("tenant_id","model","version");--> statement-breakpoint
CREATE INDEX "decisions_by_run" ON "decisions" USING btree ("tenant_id","run_id","id");--> statement-breakpoint
CREATE INDEX "idempotency_by_age" ON "idempotency" USING btree ("tenant_id","created_at");--> statement-breakpoint
CREATE UNIQUE INDEX "incidents_one_open" ON "incidents" USING btree ("tenant_id","model","key") WHERE "incidents"."status" <> 'resolved';--> statement-breakpoint
CREATE INDEX "incidents_by_model" ON "incidents" USING btree ("tenant_id","model","id");--> statement-breakpoint
CREATE INDEX "incidents_to_escalate" ON "incidents" USING btree ("opened_at") WHERE "incidents"."status" = 'open';--> statement-breakpoint
CREATE INDEX "index_versions_by_run" ON "index_versions" USING btree ("tenant_id","run_id");--> statement-breakpoint
CREATE INDEX "llm_attempts_by_scope" ON "llm_attempts" USING btree ("tenant_id","scope","outcome");--> statement-breakpoint
CREATE INDEX "llm_calls_by_scope" ON "llm_calls" USING btree ("tenant_id","scope","state");--> statement-breakpoint
CREATE INDEX "llm_calls_kept_since" ON "llm_calls" USING btree ("tenant_id","ended_at") WHERE "llm_calls"."answer" is not null;--> statement-breakpoint
CREATE UNIQUE INDEX "lifecycle_proposals_one_pending" ON "lifecycle_proposals" USING btree ("tenant_id","lifecycle") WHERE "lifecycle_proposals"."status" = 'pending';--> statement-breakpoint
CREATE INDEX "lineage_edges_upstream" ON "lineage_edges" USING btree ("tenant_id","to_kind","to_name","to_version");--> statement-breakpoint
CREATE INDEX "model_versions_by_digest" ON "model_versions" USING btree ("tenant_id","digest");--> statement-breakpoint
CREATE INDEX "model_versions_by_run" ON "model_versions" USING btree ("tenant_id","run_id");--> statement-breakpoint
CREATE INDEX "outbox_by_due" ON "outbox" USING btree ("due_at");--> statement-breakpoint
CREATE INDEX "webhook_deliveries_due" ON "webhook_deliveries" USING btree ("due_at") WHERE "webhook_deliveries"."status" = 'pending';--> statement-breakpoint
CREATE INDEX "webhook_deliveries_gone" ON "webhook_deliveries" USING btree ("tenant_id","lifecycle") WHERE "webhook_deliveries"."status" = 'gone';--> statement-breakpoint
CREATE INDEX "webhook_deliveries_by_lifecycle" ON "webhook_deliveries" USING btree ("tenant_id","lifecycle","id","target");--> statement-breakpoint
CREATE INDEX "project_builds_by_time" ON "project_builds" USING btree ("tenant_id","project","created_at");--> statement-breakpoint
CREATE INDEX "prompt_ref_history_by_ref" ON "prompt_ref_history" USING btree ("tenant_id","prompt","ref","fencing");--> statement-breakpoint
CREATE INDEX "prompt_searches_prompt_index" ON "prompt_searches" USING btree ("tenant_id","prompt","created_at");--> statement-breakpoint
CREATE INDEX "received_events_by_time" ON "received_events" USING btree ("received_at");--> statement-breakpoint
CREATE INDEX "retrainings_in_progress" ON "retrainings" USING btree ("tenant_id","run_id") WHERE "retrainings"."run_id" is not null;--> statement-breakpoint
CREATE INDEX "retrainings_due" ON "retrainings" USING btree ("due_at") WHERE "retrainings"."due_at" is not null;--> statement-breakpoint
CREATE INDEX "rollouts_by_model" ON "rollouts" USING btree ("tenant_id","model","id");--> statement-breakpoint
CREATE UNIQUE INDEX "rollouts_one_open" ON "rollouts" USING btree ("tenant_id","model") WHERE "rollouts"."ended_at" is null;--> statement-breakpoint
CREATE INDEX "effects_by_age" ON "effects" USING btree ("tenant_id","claimed_at");--> statement-breakpoint
CREATE INDEX "runs_by_lifecycle" ON "runs" USING btree ("tenant_id","lifecycle","id");--> statement-breakpoint
CREATE INDEX "runs_by_status" ON "runs" USING btree ("tenant_id","status","id");--> statement-breakpoint
CREATE INDEX "runs_unfinished_programs" ON "runs" USING btree ("tenant_id") WHERE "runs"."program" is not null and "runs"."status" not in ('succeeded', 'stopped', 'failed', 'cancelled', 'lost');--> statement-breakpoint
CREATE INDEX "runs_unfinished" ON "runs" USING btree ("tenant_id","id") WHERE "runs"."status" not in ('succeeded', 'stopped', 'failed', 'cancelled', 'lost');--> statement-breakpoint
CREATE INDEX "sent_events_by_run" ON "sent_events" USING btree ("tenant_id","run_id","event","id");--> statement-breakpoint
CREATE INDEX "stage_records_reusable" ON "stage_records" USING btree ("tenant_id","lifecycle","stage","cache_key","ended_at") WHERE "stage_records"."status" = 'succeeded' and "stage_records"."reused_from" is null;--> statement-breakpoint
CREATE INDEX "feedback_waiting" ON "feedback" USING btree ("received_at") WHERE "feedback"."day" is null;--> statement-breakpoint
CREATE INDEX "feedback_uncounted" ON "feedback" USING btree ("tenant_id","rollout_id","event_time","prediction_id") WHERE "feedback"."rollout_id" is not null and "feedback"."counted_at" is null;--> statement-breakpoint
CREATE INDEX "feedback_unmonitored" ON "feedback" USING btree ("tenant_id","model","version","event_time","prediction_id") WHERE "feedback"."model" is not null and "feedback"."monitored_at" is null;--> statement-breakpoint
CREATE INDEX "feedback_monitored" ON "feedback" USING btree ("tenant_id","model","version","monitored_at","prediction_id") WHERE "feedback"."monitored_at" is not null;--> statement-breakpoint
CREATE INDEX "feedback_contradicted" ON "feedback" USING btree ("tenant_id","model","version","event_time") WHERE "feedback"."contradicted_at" is not null;--> statement-breakpoint
CREATE INDEX "feedback_by_age" ON "feedback" USING btree ("tenant_id","received_at");--> statement-breakpoint
CREATE INDEX "predictions_by_model" ON "predictions" USING btree ("tenant_id","model","version","received_at");--> statement-breakpoint
CREATE INDEX "predictions_by_model_received" ON "predictions" USING btree ("tenant_id","model","received_at","id");--> statement-breakpoint
CREATE INDEX "predictions_received" ON "predictions" USING btree ("tenant_id","received_at","id");--> statement-breakpoint
CREATE INDEX "predictions_by_stored" ON "predictions" USING btree ("tenant_id","model","stored_xid","id");--> statement-breakpoint
CREATE INDEX "predictions_not_passed" ON "predictions" USING btree ("tenant_id","received_at","id") WHERE "predictions"."verdict" in ('blocked', 'redacted', 'flagged');--> statement-breakpoint
CREATE INDEX "predictions_passed" ON "predictions" USING btree ("tenant_id","received_at","id") WHERE "predictions"."verdict" = 'passed';--> statement-breakpoint
CREATE INDEX "predictions_other_arms" ON "predictions" USING btree ("tenant_id","arm","received_at","id") WHERE "predictions"."arm" <> 'champion';--> statement-breakpoint
CREATE INDEX "logged_models_by_experiment" ON "logged_models" USING btree ("tenant_id","experiment_id","created_at_ms","id");--> statement-breakpoint
CREATE INDEX "tracked_runs_by_experiment" ON "tracked_runs" USING btree ("tenant_id","experiment_id","start_time_ms","id");--> statement-breakpoint
CREATE UNIQUE INDEX "tracking_experiments_name" ON "tracking_experiments" USING btree ("tenant_id","name");
--> statement-breakpoint
-- By hand from here on, which the schema language cannot say: partitions, rules over time, the first rows.

-- Catches predictions of days without a partition, so that none is ever refused; db/serving/prediction-repository.ts moves them to their day's.
CREATE TABLE predictions_default PARTITION OF predictions DEFAULT;

-- The current revision is written after the lifecycle's row, in the same transaction.
ALTER TABLE lifecycles ADD CONSTRAINT lifecycles_current_fk
  FOREIGN KEY (tenant_id, name, current_revision) REFERENCES lifecycle_revisions (tenant_id, lifecycle, revision)
  DEFERRABLE INITIALLY DEFERRED;

-- Runs are counted on and touched often, rarely in an indexed column: room in the page keeps those updates cheap.
ALTER TABLE runs SET (fillfactor = 70);
ALTER TABLE stage_records SET (fillfactor = 80);
ALTER TABLE effects SET (fillfactor = 80);

CREATE FUNCTION perennial_keep_final_run() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'run % ended as % and stays so', OLD.id, OLD.status USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER runs_keep_final BEFORE UPDATE ON runs FOR EACH ROW
  WHEN (OLD.ended_at IS NOT NULL AND (OLD.status, OLD.ended_at, OLD.version, OLD.verdict::text, OLD.failure::text)
    IS DISTINCT FROM (NEW.status, NEW.ended_at, NEW.version, NEW.verdict::text, NEW.failure::text))
  EXECUTE FUNCTION perennial_keep_final_run();

CREATE FUNCTION perennial_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER audit_log_append_only BEFORE UPDATE OR DELETE ON audit_log FOR EACH ROW EXECUTE FUNCTION perennial_refuse_change();
CREATE TRIGGER audit_log_no_truncate BEFORE TRUNCATE ON audit_log EXECUTE FUNCTION perennial_refuse_change();
CREATE TRIGGER audit_seals_append_only BEFORE UPDATE OR DELETE ON audit_seals FOR EACH ROW EXECUTE FUNCTION perennial_refuse_change();
CREATE TRIGGER audit_seals_no_truncate BEFORE TRUNCATE ON audit_seals EXECUTE FUNCTION perennial_refuse_change();
CREATE TRIGGER audit_heads_append_only BEFORE UPDATE OR DELETE ON audit_heads FOR EACH ROW EXECUTE FUNCTION perennial_refuse_change();
CREATE TRIGGER audit_heads_no_truncate BEFORE TRUNCATE ON audit_heads EXECUTE FUNCTION perennial_refuse_change();
CREATE TRIGGER audit_keys_append_only BEFORE UPDATE OR DELETE ON audit_keys FOR EACH ROW EXECUTE FUNCTION perennial_refuse_change();
CREATE TRIGGER audit_keys_no_truncate BEFORE TRUNCATE ON audit_keys EXECUTE FUNCTION perennial_refuse_change();

CREATE TRIGGER alias_history_append_only BEFORE UPDATE OR DELETE ON alias_history FOR EACH ROW EXECUTE FUNCTION perennial_refuse_change();
CREATE TRIGGER dataset_alias_history_append_only BEFORE UPDATE OR DELETE ON dataset_alias_history FOR EACH ROW EXECUTE FUNCTION perennial_refuse_change();
CREATE TRIGGER lifecycle_revisions_append_only BEFORE UPDATE OR DELETE ON lifecycle_revisions FOR EACH ROW EXECUTE FUNCTION perennial_refuse_change();
CREATE TRIGGER evidence_append_only BEFORE UPDATE OR DELETE ON evidence FOR EACH ROW EXECUTE FUNCTION perennial_refuse_change();
CREATE TRIGGER policies_append_only BEFORE UPDATE OR DELETE ON policies FOR EACH ROW EXECUTE FUNCTION perennial_refuse_change();
CREATE TRIGGER decisions_append_only BEFORE UPDATE OR DELETE ON decisions FOR EACH ROW EXECUTE FUNCTION perennial_refuse_change();
CREATE TRIGGER approvals_append_only BEFORE UPDATE OR DELETE ON approvals FOR EACH ROW EXECUTE FUNCTION perennial_refuse_change();
CREATE TRIGGER prompt_versions_append_only BEFORE UPDATE OR DELETE ON prompt_versions FOR EACH ROW EXECUTE FUNCTION perennial_refuse_change();
CREATE TRIGGER prompt_approvals_append_only BEFORE UPDATE OR DELETE ON prompt_approvals FOR EACH ROW EXECUTE FUNCTION perennial_refuse_change();
CREATE TRIGGER prompt_ref_history_append_only BEFORE UPDATE OR DELETE ON prompt_ref_history FOR EACH ROW EXECUTE FUNCTION perennial_refuse_change();
CREATE TRIGGER index_alias_history_append_only BEFORE UPDATE OR DELETE ON index_alias_history FOR EACH ROW EXECUTE FUNCTION perennial_refuse_change();
CREATE TRIGGER index_changes_append_only BEFORE UPDATE OR DELETE ON index_changes FOR EACH ROW EXECUTE FUNCTION perennial_refuse_change();

CREATE FUNCTION perennial_queue_for_sealing() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO audit_pending (tenant_id, audit_id) SELECT tenant_id, id FROM added;
  RETURN NULL;
END $$;
CREATE TRIGGER audit_log_queue AFTER INSERT ON audit_log REFERENCING NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION perennial_queue_for_sealing();

INSERT INTO tenants (id) VALUES ('default');
INSERT INTO routing_epoch (epoch) VALUES (0);

-- The platform's processes connect with a role that owns nothing (db/application-role.ts), so these
-- two functions change the partitions of predictions with the rights of their owner.

-- Makes the partition of a day and moves the day's rows into it. CREATE TABLE ... PARTITION OF would
-- block every insert, and fails while the default partition holds rows of the day.
CREATE FUNCTION perennial_make_prediction_day(wanted date) RETURNS boolean
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  partition text := 'predictions_' || to_char(wanted, 'YYYYMMDD');
BEGIN
  IF wanted NOT BETWEEN date '2000-01-01' AND date '2999-12-31' THEN
    RAISE EXCEPTION 'no partition can be made for the day %', wanted USING ERRCODE = 'invalid_parameter_value';
  END IF;
  PERFORM FROM pg_class WHERE relname = partition AND relnamespace = 'public'::regnamespace;
  IF FOUND THEN RETURN false; END IF;
  EXECUTE format('CREATE TABLE public.%I (LIKE public.predictions INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING INDEXES)', partition);
  LOCK TABLE public.predictions_default IN ACCESS EXCLUSIVE MODE;
  EXECUTE format('WITH moved AS (DELETE FROM public.predictions_default WHERE day = $1 RETURNING *) INSERT INTO public.%I SELECT * FROM moved', partition)
    USING wanted;
  EXECUTE format('ALTER TABLE public.predictions ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)', partition, wanted, wanted + 1);
  RETURN true;
END $$;

CREATE FUNCTION perennial_drop_prediction_day(unwanted date) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  EXECUTE format('DROP TABLE IF EXISTS public.%I', 'predictions_' || to_char(unwanted, 'YYYYMMDD'));
END $$;

REVOKE ALL ON FUNCTION perennial_make_prediction_day(date), perennial_drop_prediction_day(date) FROM PUBLIC;
