ALTER TABLE "runs" ADD COLUMN "awaits_approval" boolean DEFAULT false NOT NULL;
--> statement-breakpoint
UPDATE "runs" SET "awaits_approval" = true WHERE "status" = 'waiting' AND "waiting_for" LIKE '%; perennial run approve %';
