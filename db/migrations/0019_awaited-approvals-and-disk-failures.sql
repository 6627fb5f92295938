ALTER TABLE "runs" ADD COLUMN "awaits_approval" boolean DEFAULT false NOT NULL;
--> statement-breakpoint
UPDATE "runs" SET "awaits_approval" = true WHERE "status" = 'waiting' AND "waiting_for" LIKE '%; perennial run approve %';
--> statement-breakpoint
ALTER TABLE "incidents" DROP CONSTRAINT "incidents_kind_check";--> statement-breakpoint
ALTER TABLE "gateways" ADD COLUMN "disk_failure" json;--> statement-breakpoint
ALTER TABLE "incidents" ADD CONSTRAINT "incidents_kind_check" CHECK ("incidents"."kind" in ('drift', 'quality', 'data', 'service', 'skew', 'artifact', 'retraining', 'approval', 'gateway'));
