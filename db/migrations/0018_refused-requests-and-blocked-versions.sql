ALTER TABLE "gateways" ADD COLUMN "blocked" json;--> statement-breakpoint
ALTER TABLE "request_failures" ADD COLUMN "reason" text DEFAULT 'failed' NOT NULL;--> statement-breakpoint
ALTER TABLE "request_failures" ADD COLUMN "column_name" text DEFAULT '' NOT NULL;--> statement-breakpoint
ALTER TABLE "request_failures" DROP CONSTRAINT "request_failures_pk";
--> statement-breakpoint
ALTER TABLE "request_failures" ADD CONSTRAINT "request_failures_pk" PRIMARY KEY("tenant_id","model","version","hour","gateway_id","reason","column_name");