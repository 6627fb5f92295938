ALTER TABLE "lifecycles" ADD COLUMN "archived_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "lifecycles" ADD COLUMN "archived_by" text;--> statement-breakpoint
ALTER TABLE "lifecycles" ADD COLUMN "archive_reason" text;--> statement-breakpoint
ALTER TABLE "lifecycles" ADD COLUMN "deleted_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "lifecycles" ADD CONSTRAINT "lifecycles_archived_check" CHECK (("lifecycles"."archived_at" is null) = ("lifecycles"."archived_by" is null));--> statement-breakpoint
ALTER TABLE "lifecycles" ADD CONSTRAINT "lifecycles_deleted_check" CHECK ("lifecycles"."deleted_at" is null or "lifecycles"."archived_at" is not null);