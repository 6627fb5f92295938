CREATE TABLE "sent_events" (
	"tenant_id" text NOT NULL,
	"id" text collate "C" NOT NULL,
	"run_id" text collate "C" NOT NULL,
	"event" text NOT NULL,
	"data" json NOT NULL,
	"actor" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"taken_by" text,
	"taken_at" timestamp with time zone,
	CONSTRAINT "sent_events_pk" PRIMARY KEY("tenant_id","id"),
	CONSTRAINT "sent_events_taken_unique" UNIQUE("tenant_id","run_id","taken_by")
);
--> statement-breakpoint
ALTER TABLE "approvals" DROP CONSTRAINT "approvals_one_vote_unique";--> statement-breakpoint
ALTER TABLE "approvals" ALTER COLUMN "version" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "approvals" ADD COLUMN "stage" text DEFAULT 'promote' NOT NULL;--> statement-breakpoint
ALTER TABLE "runs" ADD COLUMN "parent_run_id" text collate "C";--> statement-breakpoint
ALTER TABLE "runs" ADD COLUMN "parent_stage" text;--> statement-breakpoint
ALTER TABLE "sent_events" ADD CONSTRAINT "sent_events_run_fk" FOREIGN KEY ("tenant_id","run_id") REFERENCES "public"."runs"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "sent_events_by_run" ON "sent_events" USING btree ("tenant_id","run_id","event","id");--> statement-breakpoint
ALTER TABLE "approvals" ADD CONSTRAINT "approvals_one_vote_unique" UNIQUE("tenant_id","run_id","stage","holder_id","vote");--> statement-breakpoint
ALTER TABLE "runs" ADD CONSTRAINT "runs_child_unique" UNIQUE("tenant_id","parent_run_id","parent_stage");