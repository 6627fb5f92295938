CREATE TABLE "request_hours" (
	"tenant_id" text NOT NULL,
	"model" text NOT NULL,
	"hour" timestamp with time zone NOT NULL,
	"logged" bigint DEFAULT 0 NOT NULL,
	"unanswered" bigint DEFAULT 0 NOT NULL,
	CONSTRAINT "request_hours_pk" PRIMARY KEY("tenant_id","model","hour")
);
--> statement-breakpoint
ALTER TABLE "incidents" DROP CONSTRAINT "incidents_kind_check";--> statement-breakpoint
ALTER TABLE "runs" ADD COLUMN "awaits_approval" boolean DEFAULT false NOT NULL;--> statement-breakpoint
UPDATE "runs" SET "awaits_approval" = true WHERE "status" = 'waiting' AND "waiting_for" LIKE '%; perennial run approve %';
--> statement-breakpoint
ALTER TABLE "gateways" ADD COLUMN "disk_failure" json;--> statement-breakpoint
ALTER TABLE "gateways" ADD COLUMN "holds_predictions" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "request_hours" ADD CONSTRAINT "request_hours_monitor_fk" FOREIGN KEY ("tenant_id","model") REFERENCES "public"."monitors"("tenant_id","model") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "incidents" ADD CONSTRAINT "incidents_kind_check" CHECK ("incidents"."kind" in ('drift', 'quality', 'data', 'service', 'skew', 'volume', 'artifact', 'retraining', 'approval', 'gateway'));--> statement-breakpoint
ALTER TABLE "feedback" ADD COLUMN "contradicted_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "feedback" ADD COLUMN "received_values" json;--> statement-breakpoint
CREATE INDEX "feedback_contradicted" ON "feedback" USING btree ("tenant_id","model","version","event_time") WHERE "feedback"."contradicted_at" is not null;--> statement-breakpoint
ALTER TABLE "gateways" ADD COLUMN "clock_offset_seconds" double precision DEFAULT 0 NOT NULL;