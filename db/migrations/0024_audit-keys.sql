CREATE TABLE "audit_copies" (
	"tenant_id" text NOT NULL,
	"place" text NOT NULL,
	"heads_through" integer DEFAULT 0 NOT NULL,
	"keys_through" integer DEFAULT 0 NOT NULL,
	CONSTRAINT "audit_copies_pk" PRIMARY KEY("tenant_id","place")
);
--> statement-breakpoint
CREATE TABLE "audit_keys" (
	"tenant_id" text NOT NULL,
	"sequence" integer NOT NULL,
	"kind" text NOT NULL,
	"key_id" text NOT NULL,
	"public_key" text NOT NULL,
	"previous" text,
	"from_batch" integer NOT NULL,
	"added_at" timestamp with time zone NOT NULL,
	"added_by" text NOT NULL,
	"consent" text NOT NULL,
	"endorsement" text,
	CONSTRAINT "audit_keys_pk" PRIMARY KEY("tenant_id","sequence"),
	CONSTRAINT "audit_keys_key_unique" UNIQUE("tenant_id","key_id"),
	CONSTRAINT "audit_keys_kind_check" CHECK ("audit_keys"."kind" in ('first', 'added', 'rotated', 'lost')),
	CONSTRAINT "audit_keys_chain_check" CHECK ("audit_keys"."sequence" > 0 and ("audit_keys"."kind" = 'first') = ("audit_keys"."sequence" = 1) and ("audit_keys"."kind" = 'first') = ("audit_keys"."previous" is null)
        and ("audit_keys"."kind" in ('added', 'rotated')) = ("audit_keys"."endorsement" is not null))
);
--> statement-breakpoint
ALTER TABLE "audit_copies" ADD CONSTRAINT "audit_copies_tenant_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "audit_keys" ADD CONSTRAINT "audit_keys_tenant_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
-- Its condition named the column that goes; heads never change any more.
DROP TRIGGER audit_heads_append_only ON audit_heads;--> statement-breakpoint
ALTER TABLE "audit_heads" DROP COLUMN "stored_at";--> statement-breakpoint
CREATE TRIGGER audit_heads_append_only BEFORE UPDATE ON audit_heads FOR EACH ROW EXECUTE FUNCTION perennial_refuse_change();--> statement-breakpoint
CREATE TRIGGER audit_keys_append_only BEFORE UPDATE OR DELETE ON audit_keys FOR EACH ROW EXECUTE FUNCTION perennial_refuse_change();--> statement-breakpoint
CREATE TRIGGER audit_keys_no_truncate BEFORE TRUNCATE ON audit_keys EXECUTE FUNCTION perennial_refuse_change();
