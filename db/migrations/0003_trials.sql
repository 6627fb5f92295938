ALTER TABLE "trials" ADD COLUMN "intermediate" json DEFAULT '[]' NOT NULL;--> statement-breakpoint
ALTER TABLE "trials" ADD COLUMN "reason" text;