CREATE TABLE "incidents" (
	"tenant_id" text NOT NULL,
	"id" text collate "C" NOT NULL,
	"model" text NOT NULL,
	"version" integer,
	"kind" text NOT NULL,
	"key" text NOT NULL,
	"severity" text NOT NULL,
	"status" text DEFAULT 'open' NOT NULL,
	"title" text NOT NULL,
	"story" json NOT NULL,
	"updates" integer DEFAULT 0 NOT NULL,
	"opened_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	"acknowledged_by" text,
	"acknowledged_at" timestamp with time zone,
	"resolved_by" text,
	"resolved_at" timestamp with time zone,
	"because" text,
	"escalated_seconds" integer DEFAULT 0 NOT NULL,
	CONSTRAINT "incidents_pk" PRIMARY KEY("tenant_id","id"),
	CONSTRAINT "incidents_kind_check" CHECK ("incidents"."kind" in ('drift', 'quality', 'data', 'service', 'skew', 'artifact', 'retraining', 'approval')),
	CONSTRAINT "incidents_severity_check" CHECK ("incidents"."severity" in ('warning', 'critical')),
	CONSTRAINT "incidents_status_check" CHECK ("incidents"."status" in ('open', 'acknowledged', 'resolved')),
	CONSTRAINT "incidents_resolved_check" CHECK (("incidents"."resolved_at" is null) = ("incidents"."status" <> 'resolved'))
);
--> statement-breakpoint
ALTER TABLE "incidents" ADD CONSTRAINT "incidents_tenant_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "incidents_one_open" ON "incidents" USING btree ("tenant_id","model","key") WHERE "incidents"."status" <> 'resolved';--> statement-breakpoint
CREATE INDEX "incidents_by_model" ON "incidents" USING btree ("tenant_id","model","id");--> statement-breakpoint
CREATE INDEX "incidents_to_escalate" ON "incidents" USING btree ("opened_at") WHERE "incidents"."status" = 'open';