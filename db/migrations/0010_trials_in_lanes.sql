ALTER TABLE "trials" ADD COLUMN "values" json;--> statement-breakpoint
ALTER TABLE "trials" ADD COLUMN "lane" integer;--> statement-breakpoint
ALTER TABLE "trials" ADD COLUMN "sampler_state" json DEFAULT '{}' NOT NULL;