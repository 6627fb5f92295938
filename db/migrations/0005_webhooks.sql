CREATE TABLE "webhook_deliveries" (
	"tenant_id" text NOT NULL,
	"id" text collate "C" NOT NULL,
	"target" integer NOT NULL,
	"lifecycle" text NOT NULL,
	"event" text NOT NULL,
	"subject" text NOT NULL,
	"url" text NOT NULL,
	"secret" json NOT NULL,
	"data" json NOT NULL,
	"status" text DEFAULT 'pending' NOT NULL,
	"tries" integer DEFAULT 0 NOT NULL,
	"attempts" json DEFAULT '[]'::json NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"due_at" timestamp with time zone DEFAULT now() NOT NULL,
	"ended_at" timestamp with time zone,
	CONSTRAINT "webhook_deliveries_pk" PRIMARY KEY("tenant_id","id","target"),
	CONSTRAINT "webhook_deliveries_status_check" CHECK ("webhook_deliveries"."status" in ('pending', 'delivered', 'failed', 'gone')),
	CONSTRAINT "webhook_deliveries_ended_check" CHECK (("webhook_deliveries"."ended_at" is null) = ("webhook_deliveries"."status" = 'pending'))
);
--> statement-breakpoint
ALTER TABLE "webhook_deliveries" ADD CONSTRAINT "webhook_deliveries_lifecycle_fk" FOREIGN KEY ("tenant_id","lifecycle") REFERENCES "public"."lifecycles"("tenant_id","name") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "webhook_deliveries_due" ON "webhook_deliveries" USING btree ("due_at") WHERE "webhook_deliveries"."status" = 'pending';--> statement-breakpoint
CREATE INDEX "webhook_deliveries_gone" ON "webhook_deliveries" USING btree ("tenant_id","lifecycle") WHERE "webhook_deliveries"."status" = 'gone';--> statement-breakpoint
CREATE INDEX "webhook_deliveries_by_lifecycle" ON "webhook_deliveries" USING btree ("tenant_id","lifecycle","id","target");