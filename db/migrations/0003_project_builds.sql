CREATE TABLE "project_builds" (
	"tenant_id" text NOT NULL,
	"project" text NOT NULL,
	"digest" text NOT NULL,
	"lifecycles" json NOT NULL,
	"workflows" json NOT NULL,
	"stages" json NOT NULL,
	"created_by" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "project_builds_pk" PRIMARY KEY("tenant_id","project","digest"),
	CONSTRAINT "project_builds_digest_check" CHECK ("project_builds"."digest" ~ '^sha256:[0-9a-f]{64}$')
);
--> statement-breakpoint
ALTER TABLE "runs" ADD COLUMN "program" json;--> statement-breakpoint
ALTER TABLE "project_builds" ADD CONSTRAINT "project_builds_tenant_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "project_builds_by_time" ON "project_builds" USING btree ("tenant_id","project","created_at");--> statement-breakpoint
CREATE INDEX "runs_unfinished_programs" ON "runs" USING btree ("tenant_id") WHERE "runs"."program" is not null and "runs"."status" not in ('succeeded', 'stopped', 'failed', 'cancelled', 'lost');