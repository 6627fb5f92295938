-- One contract, which named its source, becomes a map of contracts by source. A change of type fires no
-- trigger, so it can convert the rows of a table that is append-only.
ALTER TABLE "lifecycle_proposals" RENAME COLUMN "contract" TO "contracts";--> statement-breakpoint
ALTER TABLE "lifecycle_proposals" ALTER COLUMN "contracts" SET DATA TYPE json USING CASE
	WHEN "contracts" IS NULL OR "contracts"::text = 'null' THEN '{}'::json
	ELSE json_build_object("contracts" ->> 'dataset', ("contracts"::jsonb - 'dataset')::json)
END;--> statement-breakpoint
ALTER TABLE "lifecycle_proposals" ALTER COLUMN "contracts" SET NOT NULL;--> statement-breakpoint
ALTER TABLE "lifecycle_revisions" RENAME COLUMN "contract" TO "contracts";--> statement-breakpoint
ALTER TABLE "lifecycle_revisions" ALTER COLUMN "contracts" SET DATA TYPE json USING CASE
	WHEN "contracts" IS NULL OR "contracts"::text = 'null' THEN '{}'::json
	ELSE json_build_object("contracts" ->> 'dataset', ("contracts"::jsonb - 'dataset')::json)
END;--> statement-breakpoint
ALTER TABLE "lifecycle_revisions" ALTER COLUMN "contracts" SET NOT NULL;
