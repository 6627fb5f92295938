CREATE TABLE "rollout_traffic" (
	"tenant_id" text NOT NULL,
	"rollout_id" text collate "C" NOT NULL,
	"step" integer NOT NULL,
	"hour" timestamp with time zone NOT NULL,
	"newest" timestamp with time zone NOT NULL,
	"champion_assigned" bigint NOT NULL,
	"challenger_assigned" bigint NOT NULL,
	"champion_slow" bigint NOT NULL,
	"challenger_slow" bigint NOT NULL,
	"champion_asked" bigint NOT NULL,
	"challenger_asked" bigint NOT NULL,
	"champion_errors" bigint NOT NULL,
	"challenger_errors" bigint NOT NULL,
	"champion_labelled" bigint DEFAULT 0 NOT NULL,
	"challenger_labelled" bigint DEFAULT 0 NOT NULL,
	CONSTRAINT "rollout_traffic_pk" PRIMARY KEY("tenant_id","rollout_id","step","hour")
);
--> statement-breakpoint
ALTER TABLE "rollouts" DROP CONSTRAINT "rollouts_status_check";--> statement-breakpoint
ALTER TABLE "rollouts" DROP CONSTRAINT "rollouts_ended_check";--> statement-breakpoint
ALTER TABLE "feedback" ADD COLUMN "rollout_id" text collate "C";--> statement-breakpoint
ALTER TABLE "feedback" ADD COLUMN "event_time" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "feedback" ADD COLUMN "counted_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "predictions" ADD COLUMN "rollout_id" text collate "C";--> statement-breakpoint
ALTER TABLE "predictions" ADD COLUMN "rollout_step" integer;--> statement-breakpoint
ALTER TABLE "predictions" ADD COLUMN "other" json;--> statement-breakpoint
ALTER TABLE "rollouts" ADD COLUMN "spec" json NOT NULL;--> statement-breakpoint
ALTER TABLE "rollouts" ADD COLUMN "paired" boolean NOT NULL;--> statement-breakpoint
ALTER TABLE "rollouts" ADD COLUMN "available_after_seconds" double precision NOT NULL;--> statement-breakpoint
ALTER TABLE "rollouts" ADD COLUMN "slow_ms" double precision;--> statement-breakpoint
ALTER TABLE "rollouts" ADD COLUMN "step" integer NOT NULL;--> statement-breakpoint
ALTER TABLE "rollouts" ADD COLUMN "weight" double precision NOT NULL;--> statement-breakpoint
ALTER TABLE "rollouts" ADD COLUMN "epoch" bigint NOT NULL;--> statement-breakpoint
ALTER TABLE "rollouts" ADD COLUMN "extended_seconds" double precision DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "rollouts" ADD COLUMN "event_started_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "rollouts" ADD COLUMN "event_now" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "rollouts" ADD COLUMN "decision_id" text collate "C";--> statement-breakpoint
ALTER TABLE "rollouts" ADD COLUMN "waiting_for" text;--> statement-breakpoint
ALTER TABLE "rollouts" ADD COLUMN "rollback" json;--> statement-breakpoint
ALTER TABLE "rollouts" ADD COLUMN "step_started_at" timestamp with time zone DEFAULT now() NOT NULL;--> statement-breakpoint
ALTER TABLE "rollout_traffic" ADD CONSTRAINT "rollout_traffic_rollout_fk" FOREIGN KEY ("tenant_id","rollout_id") REFERENCES "public"."rollouts"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "rollouts" ADD CONSTRAINT "rollouts_decision_fk" FOREIGN KEY ("tenant_id","decision_id") REFERENCES "public"."decisions"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "feedback_uncounted" ON "feedback" USING btree ("tenant_id","rollout_id","event_time","prediction_id") WHERE "feedback"."rollout_id" is not null and "feedback"."counted_at" is null;--> statement-breakpoint
CREATE INDEX "rollouts_by_model" ON "rollouts" USING btree ("tenant_id","model","id");--> statement-breakpoint
ALTER TABLE "predictions" DROP COLUMN "shadow";--> statement-breakpoint
ALTER TABLE "rollouts" DROP COLUMN "arms";--> statement-breakpoint
ALTER TABLE "rollouts" ADD CONSTRAINT "rollouts_run_unique" UNIQUE("tenant_id","run_id");--> statement-breakpoint
ALTER TABLE "feedback" ADD CONSTRAINT "feedback_rollout_check" CHECK ("feedback"."rollout_id" is null or ("feedback"."day" is not null and "feedback"."event_time" is not null));--> statement-breakpoint
ALTER TABLE "rollouts" ADD CONSTRAINT "rollouts_weight_check" CHECK ("rollouts"."weight" between 0 and 1);--> statement-breakpoint
ALTER TABLE "rollouts" ADD CONSTRAINT "rollouts_status_check" CHECK ("rollouts"."status" in ('running', 'held', 'passed', 'promoted', 'rolledBack', 'aborted', 'superseded'));--> statement-breakpoint
ALTER TABLE "rollouts" ADD CONSTRAINT "rollouts_ended_check" CHECK (("rollouts"."ended_at" is null) = ("rollouts"."status" in ('running', 'held', 'passed')));