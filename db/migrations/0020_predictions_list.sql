ALTER TABLE "predictions" ADD COLUMN "verdict" text;--> statement-breakpoint
ALTER TABLE "predictions" ADD COLUMN "blocked" text;--> statement-breakpoint
CREATE INDEX "predictions_not_passed" ON "predictions" USING btree ("tenant_id","model","version","received_at") WHERE "predictions"."verdict" in ('blocked', 'redacted', 'flagged');