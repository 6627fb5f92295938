DROP INDEX "predictions_not_passed";--> statement-breakpoint
CREATE INDEX "predictions_by_model_received" ON "predictions" USING btree ("tenant_id","model","received_at","id");--> statement-breakpoint
CREATE INDEX "predictions_received" ON "predictions" USING btree ("tenant_id","received_at","id");--> statement-breakpoint
CREATE INDEX "predictions_passed" ON "predictions" USING btree ("tenant_id","received_at","id") WHERE "predictions"."verdict" = 'passed';--> statement-breakpoint
CREATE INDEX "predictions_other_arms" ON "predictions" USING btree ("tenant_id","arm","received_at","id") WHERE "predictions"."arm" <> 'champion';--> statement-breakpoint
CREATE INDEX "predictions_not_passed" ON "predictions" USING btree ("tenant_id","received_at","id") WHERE "predictions"."verdict" in ('blocked', 'redacted', 'flagged');