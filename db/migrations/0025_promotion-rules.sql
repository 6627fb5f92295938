CREATE TABLE "lifecycle_proposals" (
	"tenant_id" text NOT NULL,
	"id" text collate "C" NOT NULL,
	"lifecycle" text NOT NULL,
	"revision" integer NOT NULL,
	"digest" text NOT NULL,
	"spec" json NOT NULL,
	"files" json NOT NULL,
	"contract" json,
	"base_revision" integer NOT NULL,
	"loosenings" json NOT NULL,
	"proposed_by" text NOT NULL,
	"proposed_by_key" text NOT NULL,
	"proposed_at" timestamp with time zone DEFAULT now() NOT NULL,
	"status" text DEFAULT 'pending' NOT NULL,
	"decided_by" text,
	"decided_by_key" text,
	"decided_at" timestamp with time zone,
	"reason" text,
	"self_approved" boolean DEFAULT false NOT NULL,
	CONSTRAINT "lifecycle_proposals_pk" PRIMARY KEY("tenant_id","id"),
	CONSTRAINT "lifecycle_proposals_status_check" CHECK ("lifecycle_proposals"."status" in ('pending', 'accepted', 'rejected', 'superseded')),
	CONSTRAINT "lifecycle_proposals_decided_check" CHECK (("lifecycle_proposals"."decided_at" is null) = ("lifecycle_proposals"."status" = 'pending')),
	CONSTRAINT "lifecycle_proposals_digest_check" CHECK ("lifecycle_proposals"."digest" ~ '^sha256:[0-9a-f]{64}$')
);
--> statement-breakpoint
ALTER TABLE "alias_history" ADD COLUMN "override" json;--> statement-breakpoint
ALTER TABLE "lifecycle_proposals" ADD CONSTRAINT "lifecycle_proposals_lifecycle_fk" FOREIGN KEY ("tenant_id","lifecycle") REFERENCES "public"."lifecycles"("tenant_id","name") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "lifecycle_proposals_one_pending" ON "lifecycle_proposals" USING btree ("tenant_id","lifecycle") WHERE "lifecycle_proposals"."status" = 'pending';