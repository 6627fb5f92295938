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
ALTER TABLE "rollout_entities" ADD COLUMN "step" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "rollout_traffic" ADD COLUMN "champion_entities" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "rollout_traffic" ADD COLUMN "challenger_entities" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "predictions" ADD COLUMN "rollout_unit" bigint;--> statement-breakpoint
ALTER TABLE "rollout_entity_losses" ADD CONSTRAINT "rollout_entity_losses_rollout_fk" FOREIGN KEY ("tenant_id","rollout_id") REFERENCES "public"."rollouts"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "rollout_entities" DROP CONSTRAINT "rollout_entities_pk";
--> statement-breakpoint
ALTER TABLE "rollout_entities" ADD CONSTRAINT "rollout_entities_pk" PRIMARY KEY("tenant_id","rollout_id","entity","step");