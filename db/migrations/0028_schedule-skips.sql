CREATE TABLE "schedule_skips" (
	"tenant_id" text NOT NULL,
	"lifecycle" text NOT NULL,
	"scheduled_at" timestamp with time zone NOT NULL,
	"cause" text NOT NULL,
	"run_id" text collate "C",
	"noticed_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "schedule_skips_pk" PRIMARY KEY("tenant_id","lifecycle","scheduled_at")
);
--> statement-breakpoint
ALTER TABLE "lifecycles" ADD COLUMN "schedule_checked_until" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "rollout_traffic" ADD COLUMN "stored_at" timestamp with time zone DEFAULT now() NOT NULL;--> statement-breakpoint
ALTER TABLE "schedule_skips" ADD CONSTRAINT "schedule_skips_lifecycle_fk" FOREIGN KEY ("tenant_id","lifecycle") REFERENCES "public"."lifecycles"("tenant_id","name") ON DELETE no action ON UPDATE no action;