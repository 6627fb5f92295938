CREATE TABLE "label_join_cursors" (
	"age_seconds" integer PRIMARY KEY NOT NULL,
	"looked_until" timestamp with time zone DEFAULT '-infinity' NOT NULL,
	"given_up" bigint DEFAULT 0 NOT NULL
);
--> statement-breakpoint
DROP INDEX "artifacts_unmarked";--> statement-breakpoint
ALTER TABLE "artifacts" ADD COLUMN "referenced_at" timestamp with time zone;--> statement-breakpoint
CREATE INDEX "artifacts_to_check" ON "artifacts" USING btree ("tenant_id","touched_at") WHERE "artifacts"."marked_at" is null and "artifacts"."referenced_at" is null;