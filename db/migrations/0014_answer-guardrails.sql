ALTER TABLE "rollout_traffic" ADD COLUMN "challenger_streamed" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "rollout_traffic" ADD COLUMN "challenger_late" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "rollout_traffic" ADD COLUMN "challenger_costly" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "rollout_traffic" ADD COLUMN "challenger_blocked" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "rollout_traffic" ADD COLUMN "challenger_malformed" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "rollouts" ADD COLUMN "slow_first_token_ms" double precision;--> statement-breakpoint
ALTER TABLE "rollouts" ADD COLUMN "most_tokens" double precision;