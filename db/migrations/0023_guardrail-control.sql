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
ALTER TABLE "rollout_traffic" ADD COLUMN "champion_broken" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "rollout_traffic" ADD COLUMN "champion_streamed" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "rollout_traffic" ADD COLUMN "champion_late" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "rollout_failures" ADD CONSTRAINT "rollout_failures_rollout_fk" FOREIGN KEY ("tenant_id","rollout_id") REFERENCES "public"."rollouts"("tenant_id","id") ON DELETE no action ON UPDATE no action;