ALTER TABLE "index_alias_history" ADD COLUMN "model" text;--> statement-breakpoint
ALTER TABLE "index_alias_history" ADD COLUMN "model_version" integer;--> statement-breakpoint
ALTER TABLE "index_alias_history" ADD CONSTRAINT "index_alias_history_bundle_check" CHECK (("index_alias_history"."model" is null) = ("index_alias_history"."model_version" is null));