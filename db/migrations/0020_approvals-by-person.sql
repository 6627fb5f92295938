CREATE TABLE "lifecycle_proposal_approvals" (
	"tenant_id" text NOT NULL,
	"proposal_id" text collate "C" NOT NULL,
	"holder_id" text NOT NULL,
	"key_name" text NOT NULL,
	"reason" text NOT NULL,
	"is_author" boolean NOT NULL,
	"approved_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "lifecycle_proposal_approvals_pk" PRIMARY KEY("tenant_id","proposal_id","holder_id")
);
--> statement-breakpoint
ALTER TABLE "lifecycle_proposals" DROP CONSTRAINT "lifecycle_proposals_status_check";--> statement-breakpoint
ALTER TABLE "lifecycle_proposals" ADD COLUMN "expires_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "prompt_approvals" ADD COLUMN "holder_id" text;--> statement-breakpoint
ALTER TABLE "prompt_approvals" DISABLE TRIGGER "prompt_approvals_append_only";--> statement-breakpoint
UPDATE "prompt_approvals" SET "holder_id" = "actor";--> statement-breakpoint
ALTER TABLE "prompt_approvals" ENABLE TRIGGER "prompt_approvals_append_only";--> statement-breakpoint
ALTER TABLE "prompt_approvals" ALTER COLUMN "holder_id" SET NOT NULL;--> statement-breakpoint
ALTER TABLE "prompt_approvals" ADD COLUMN "self_approved" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "prompt_versions" ADD COLUMN "author_key_id" text;--> statement-breakpoint
ALTER TABLE "lifecycle_proposal_approvals" ADD CONSTRAINT "lifecycle_proposal_approvals_proposal_fk" FOREIGN KEY ("tenant_id","proposal_id") REFERENCES "public"."lifecycle_proposals"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "prompt_approvals" DROP CONSTRAINT "prompt_approvals_pk";
--> statement-breakpoint
ALTER TABLE "prompt_approvals" ADD CONSTRAINT "prompt_approvals_pk" PRIMARY KEY("tenant_id","prompt","version","holder_id");--> statement-breakpoint
ALTER TABLE "lifecycle_proposals" ADD CONSTRAINT "lifecycle_proposals_status_check" CHECK ("lifecycle_proposals"."status" in ('pending', 'accepted', 'rejected', 'superseded', 'expired'));