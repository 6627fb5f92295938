CREATE TABLE "received_events" (
	"tenant_id" text NOT NULL,
	"source" text collate "C" NOT NULL,
	"id" text collate "C" NOT NULL,
	"type" text NOT NULL,
	"subject" text,
	"received_at" timestamp with time zone DEFAULT now() NOT NULL,
	"receipts" json NOT NULL,
	CONSTRAINT "received_events_pk" PRIMARY KEY("tenant_id","source","id")
);
--> statement-breakpoint
CREATE TABLE "retrainings" (
	"tenant_id" text NOT NULL,
	"lifecycle" text NOT NULL,
	"state" json NOT NULL,
	"run_id" text collate "C",
	"due_at" timestamp with time zone,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "retrainings_pk" PRIMARY KEY("tenant_id","lifecycle")
);
--> statement-breakpoint
ALTER TABLE "webhook_deliveries" ALTER COLUMN "secret" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "webhook_deliveries" ADD COLUMN "channel" text DEFAULT 'webhook' NOT NULL;--> statement-breakpoint
ALTER TABLE "received_events" ADD CONSTRAINT "received_events_tenant_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "retrainings" ADD CONSTRAINT "retrainings_lifecycle_fk" FOREIGN KEY ("tenant_id","lifecycle") REFERENCES "public"."lifecycles"("tenant_id","name") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "received_events_by_time" ON "received_events" USING btree ("received_at");--> statement-breakpoint
CREATE INDEX "retrainings_in_progress" ON "retrainings" USING btree ("tenant_id","run_id") WHERE "retrainings"."run_id" is not null;--> statement-breakpoint
CREATE INDEX "retrainings_due" ON "retrainings" USING btree ("due_at") WHERE "retrainings"."due_at" is not null;--> statement-breakpoint
ALTER TABLE "webhook_deliveries" ADD CONSTRAINT "webhook_deliveries_channel_check" CHECK ("webhook_deliveries"."channel" in ('webhook', 'slack', 'email'));--> statement-breakpoint
ALTER TABLE "webhook_deliveries" ADD CONSTRAINT "webhook_deliveries_secret_check" CHECK (("webhook_deliveries"."secret" is null) = ("webhook_deliveries"."channel" = 'email'));