ALTER TABLE "budget_reservations" ADD COLUMN "in_use" bigint;--> statement-breakpoint
ALTER TABLE "budget_reservations" ADD COLUMN "accounted" bigint DEFAULT 0 NOT NULL;