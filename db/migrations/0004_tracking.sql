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
ALTER TABLE "logged_models" ADD CONSTRAINT "logged_models_experiment_fk" FOREIGN KEY ("tenant_id","experiment_id") REFERENCES "public"."tracking_experiments"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "tracked_artifacts" ADD CONSTRAINT "tracked_artifacts_artifact_fk" FOREIGN KEY ("tenant_id","digest") REFERENCES "public"."artifacts"("tenant_id","digest") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "tracked_metrics" ADD CONSTRAINT "tracked_metrics_run_fk" FOREIGN KEY ("tenant_id","run_id") REFERENCES "public"."tracked_runs"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "tracked_runs" ADD CONSTRAINT "tracked_runs_experiment_fk" FOREIGN KEY ("tenant_id","experiment_id") REFERENCES "public"."tracking_experiments"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "tracking_experiments" ADD CONSTRAINT "tracking_experiments_tenant_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "logged_models_by_experiment" ON "logged_models" USING btree ("tenant_id","experiment_id","created_at_ms","id");--> statement-breakpoint
CREATE INDEX "tracked_runs_by_experiment" ON "tracked_runs" USING btree ("tenant_id","experiment_id","start_time_ms","id");--> statement-breakpoint
CREATE UNIQUE INDEX "tracking_experiments_name" ON "tracking_experiments" USING btree ("tenant_id","name");