CREATE TABLE "monitor_windows" (
	"tenant_id" text NOT NULL,
	"model" text NOT NULL,
	"version" integer NOT NULL,
	"hour" timestamp with time zone NOT NULL,
	"counts" json NOT NULL,
	"stored_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "monitor_windows_pk" PRIMARY KEY("tenant_id","model","version","hour")
);
--> statement-breakpoint
CREATE TABLE "monitors" (
	"tenant_id" text NOT NULL,
	"model" text NOT NULL,
	"version" integer NOT NULL,
	"fencing" bigint NOT NULL,
	"revision" integer NOT NULL,
	"status" text NOT NULL,
	"waiting_for" text,
	"settings" json,
	"every_seconds" integer NOT NULL,
	"reference" json,
	"state" json NOT NULL,
	"results" json,
	"raised" json DEFAULT '{}'::json NOT NULL,
	"cursor_xid" xid8 DEFAULT '0' NOT NULL,
	"cursor_id" text collate "C" DEFAULT '' NOT NULL,
	"is_busy" boolean DEFAULT true NOT NULL,
	"looked_at" timestamp with time zone,
	"woken_at" timestamp with time zone DEFAULT '-infinity' NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"started_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "monitors_pk" PRIMARY KEY("tenant_id","model"),
	CONSTRAINT "monitors_status_check" CHECK ("monitors"."status" in ('watching', 'off')),
	CONSTRAINT "monitors_off_check" CHECK ("monitors"."status" <> 'off' or "monitors"."waiting_for" is not null)
);
--> statement-breakpoint
ALTER TABLE "feedback" ADD COLUMN "monitored_at" timestamp with time zone;--> statement-breakpoint
-- In two steps: older rows stay without a number, so the table is not rewritten.
ALTER TABLE "predictions" ADD COLUMN "stored_xid" xid8;--> statement-breakpoint
ALTER TABLE "predictions" ALTER COLUMN "stored_xid" SET DEFAULT pg_current_xact_id();--> statement-breakpoint
ALTER TABLE "monitor_windows" ADD CONSTRAINT "monitor_windows_monitor_fk" FOREIGN KEY ("tenant_id","model") REFERENCES "public"."monitors"("tenant_id","model") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "monitors" ADD CONSTRAINT "monitors_model_fk" FOREIGN KEY ("tenant_id","model") REFERENCES "public"."models"("tenant_id","name") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "feedback_unmonitored" ON "feedback" USING btree ("tenant_id","model","version","event_time","prediction_id") WHERE "feedback"."model" is not null and "feedback"."monitored_at" is null;--> statement-breakpoint
CREATE INDEX "predictions_by_stored" ON "predictions" USING btree ("tenant_id","model","stored_xid","id");