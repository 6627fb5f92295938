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
	CONSTRAINT "rollout_entities_pk" PRIMARY KEY("tenant_id","rollout_id","entity")
);
--> statement-breakpoint
ALTER TABLE "rollouts" ADD COLUMN "winner" integer;--> statement-breakpoint
ALTER TABLE "rollout_arm_traffic" ADD CONSTRAINT "rollout_arm_traffic_arm_fk" FOREIGN KEY ("tenant_id","rollout_id","version") REFERENCES "public"."rollout_arms"("tenant_id","rollout_id","version") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "rollout_arms" ADD CONSTRAINT "rollout_arms_rollout_fk" FOREIGN KEY ("tenant_id","rollout_id") REFERENCES "public"."rollouts"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "rollout_arms" ADD CONSTRAINT "rollout_arms_version_fk" FOREIGN KEY ("tenant_id","model","version") REFERENCES "public"."model_versions"("tenant_id","model","version") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "rollout_entities" ADD CONSTRAINT "rollout_entities_rollout_fk" FOREIGN KEY ("tenant_id","rollout_id") REFERENCES "public"."rollouts"("tenant_id","id") ON DELETE no action ON UPDATE no action;