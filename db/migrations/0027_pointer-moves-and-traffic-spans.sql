ALTER TABLE "rollout_traffic" RENAME COLUMN "hour" TO "span_start";--> statement-breakpoint
ALTER TABLE "prompt_ref_history" DROP CONSTRAINT "prompt_ref_history_origin_check";--> statement-breakpoint
ALTER TABLE "index_versions" ADD COLUMN "documents" bigint;--> statement-breakpoint
ALTER TABLE "rollouts" ADD COLUMN "traffic_span_seconds" integer DEFAULT 3600 NOT NULL;--> statement-breakpoint
ALTER TABLE "prompt_ref_history" DROP COLUMN "origin";
