CREATE TABLE "llm_call_readers" (
	"tenant_id" text NOT NULL,
	"key" text collate "C" NOT NULL,
	"scope" text collate "C" NOT NULL,
	"read_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "llm_call_readers_pk" PRIMARY KEY("tenant_id","key","scope")
);
--> statement-breakpoint
ALTER TABLE "llm_calls" DROP CONSTRAINT "llm_calls_answer_check";--> statement-breakpoint
ALTER TABLE "retention_settings" DROP CONSTRAINT "retention_settings_days_check";--> statement-breakpoint
ALTER TABLE "llm_calls" ADD COLUMN "forgotten_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "retention_settings" ADD COLUMN "call_answer_days" integer DEFAULT 90 NOT NULL;--> statement-breakpoint
ALTER TABLE "llm_call_readers" ADD CONSTRAINT "llm_call_readers_call_fk" FOREIGN KEY ("tenant_id","key") REFERENCES "public"."llm_calls"("tenant_id","key") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "llm_calls_kept_since" ON "llm_calls" USING btree ("tenant_id","ended_at") WHERE "llm_calls"."answer" is not null;--> statement-breakpoint
ALTER TABLE "llm_calls" ADD CONSTRAINT "llm_calls_forgotten_check" CHECK ("llm_calls"."forgotten_at" is null or ("llm_calls"."state" = 'answered' and "llm_calls"."answer" is null));--> statement-breakpoint
ALTER TABLE "llm_calls" ADD CONSTRAINT "llm_calls_answer_check" CHECK (("llm_calls"."state" = 'answered') = (("llm_calls"."answer" is not null or "llm_calls"."forgotten_at" is not null) and "llm_calls"."answered_by" is not null and "llm_calls"."cost" is not null));--> statement-breakpoint
ALTER TABLE "retention_settings" ADD CONSTRAINT "retention_settings_days_check" CHECK (least("retention_settings"."prediction_days", "retention_settings"."feedback_days", "retention_settings"."run_detail_days", "retention_settings"."idempotency_days", "retention_settings"."artifact_idle_days", "retention_settings"."call_answer_days") >= 1);