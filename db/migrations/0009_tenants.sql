ALTER TABLE "api_keys" ADD COLUMN "is_service" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "tenants" ADD COLUMN "created_by" text;--> statement-breakpoint
ALTER TABLE "tenants" ADD COLUMN "suspended_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "tenants" ADD COLUMN "max_open_runs" integer;--> statement-breakpoint
ALTER TABLE "tenants" ADD COLUMN "max_lifecycles" integer;--> statement-breakpoint
ALTER TABLE "tenants" ADD CONSTRAINT "tenants_limits_check" CHECK ("tenants"."max_open_runs" >= 0 and "tenants"."max_lifecycles" >= 0);--> statement-breakpoint
UPDATE "api_keys" SET "is_service" = true WHERE "tenant_id" = 'default' AND "created_by" = 'setup' AND "scope" = 'operator' AND "name" ~ '^service(-[0-9a-f]{8})?$';
