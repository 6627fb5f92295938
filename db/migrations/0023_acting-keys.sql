CREATE TABLE "approvals" (
	"tenant_id" text NOT NULL,
	"id" text collate "C" NOT NULL,
	"run_id" text collate "C" NOT NULL,
	"model" text NOT NULL,
	"version" integer NOT NULL,
	"vote" text NOT NULL,
	"key_id" text collate "C" NOT NULL,
	"holder_id" text collate "C" NOT NULL,
	"key_name" text NOT NULL,
	"scope" text NOT NULL,
	"comment" text,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "approvals_pk" PRIMARY KEY("tenant_id","id"),
	CONSTRAINT "approvals_one_vote_unique" UNIQUE("tenant_id","run_id","holder_id","vote"),
	CONSTRAINT "approvals_vote_check" CHECK ("approvals"."vote" in ('approve', 'reject'))
);
--> statement-breakpoint
CREATE TABLE "commands" (
	"tenant_id" text NOT NULL,
	"id" text NOT NULL,
	"workflow_id" text NOT NULL,
	"delivery" text NOT NULL,
	"verb" text NOT NULL,
	"key_id" text collate "C" NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "commands_pk" PRIMARY KEY("tenant_id","id")
);
--> statement-breakpoint
ALTER TABLE "api_keys" ADD COLUMN "holder_id" text collate "C";--> statement-breakpoint
ALTER TABLE "api_keys" ADD COLUMN "replaced_by" text collate "C";--> statement-breakpoint
-- Which key a rotation made is known from the audit alone.
UPDATE api_keys k SET replaced_by = a.after ->> 'newKey' FROM audit_log a
  WHERE a.tenant_id = k.tenant_id AND a.action = 'key.rotate' AND a.subject = 'key:' || k.id;--> statement-breakpoint
WITH RECURSIVE held AS (
  SELECT tenant_id, id, replaced_by, id AS holder_id FROM api_keys k
    WHERE NOT EXISTS (SELECT FROM api_keys before WHERE before.tenant_id = k.tenant_id AND before.replaced_by = k.id)
  UNION ALL
  SELECT next.tenant_id, next.id, next.replaced_by, held.holder_id FROM held
    JOIN api_keys next ON next.tenant_id = held.tenant_id AND next.id = held.replaced_by
)
UPDATE api_keys k SET holder_id = held.holder_id FROM held WHERE held.tenant_id = k.tenant_id AND held.id = k.id;--> statement-breakpoint
ALTER TABLE "api_keys" ALTER COLUMN "holder_id" SET NOT NULL;--> statement-breakpoint
-- Of living keys that share a name, the one that was used last keeps it; each other one gets the end of its id.
WITH sharing AS (
  SELECT tenant_id, id, row_number() OVER (
    PARTITION BY tenant_id, name
    ORDER BY (expires_at IS NULL OR expires_at > now()) DESC, last_used_at DESC NULLS LAST, created_at, id
  ) AS place
  FROM api_keys WHERE revoked_at IS NULL AND replaced_by IS NULL
)
UPDATE api_keys k SET name = left(k.name, 190) || '-' || right(k.id, 8) FROM sharing s
  WHERE s.tenant_id = k.tenant_id AND s.id = k.id AND s.place > 1;--> statement-breakpoint
ALTER TABLE "audit_log" ADD COLUMN "key_id" text;--> statement-breakpoint
ALTER TABLE "lifecycle_revisions" ADD COLUMN "applied_by_key" text;--> statement-breakpoint
ALTER TABLE "runs" ADD COLUMN "starter_key_id" text;--> statement-breakpoint
ALTER TABLE "approvals" ADD CONSTRAINT "approvals_run_fk" FOREIGN KEY ("tenant_id","run_id") REFERENCES "public"."runs"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "approvals" ADD CONSTRAINT "approvals_key_fk" FOREIGN KEY ("tenant_id","key_id") REFERENCES "public"."api_keys"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "approvals" ADD CONSTRAINT "approvals_version_fk" FOREIGN KEY ("tenant_id","model","version") REFERENCES "public"."model_versions"("tenant_id","model","version") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "approvals_by_version" ON "approvals" USING btree ("tenant_id","model","version");--> statement-breakpoint
CREATE UNIQUE INDEX "api_keys_name_in_use" ON "api_keys" USING btree ("tenant_id","name") WHERE "api_keys"."revoked_at" is null and "api_keys"."replaced_by" is null;--> statement-breakpoint
CREATE TRIGGER approvals_append_only BEFORE UPDATE OR DELETE ON approvals FOR EACH ROW EXECUTE FUNCTION perennial_refuse_change();
