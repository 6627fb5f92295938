CREATE TABLE "prompt_approvals" (
	"tenant_id" text NOT NULL,
	"prompt" text NOT NULL,
	"version" integer NOT NULL,
	"actor" text NOT NULL,
	"cause" text NOT NULL,
	"approved_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "prompt_approvals_pk" PRIMARY KEY("tenant_id","prompt","version","actor")
);
--> statement-breakpoint
CREATE TABLE "prompt_ref_history" (
	"tenant_id" text NOT NULL,
	"id" text collate "C" NOT NULL,
	"prompt" text NOT NULL,
	"ref" text NOT NULL,
	"kind" text NOT NULL,
	"from_version" integer,
	"to_version" integer NOT NULL,
	"fencing" bigint NOT NULL,
	"origin" bigint NOT NULL,
	"actor" text NOT NULL,
	"cause" text NOT NULL,
	"moved_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "prompt_ref_history_pk" PRIMARY KEY("tenant_id","id"),
	CONSTRAINT "prompt_ref_history_fencing_unique" UNIQUE("tenant_id","prompt","fencing"),
	CONSTRAINT "prompt_ref_history_kind_check" CHECK ("prompt_ref_history"."kind" in ('set', 'rollback')),
	CONSTRAINT "prompt_ref_history_moved_check" CHECK ("prompt_ref_history"."from_version" is distinct from "prompt_ref_history"."to_version"),
	CONSTRAINT "prompt_ref_history_origin_check" CHECK ("prompt_ref_history"."origin" <= "prompt_ref_history"."fencing")
);
--> statement-breakpoint
CREATE TABLE "prompt_refs" (
	"tenant_id" text NOT NULL,
	"prompt" text NOT NULL,
	"ref" text NOT NULL,
	"kind" text NOT NULL,
	"version" integer NOT NULL,
	"fencing" bigint NOT NULL,
	"moved_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "prompt_refs_pk" PRIMARY KEY("tenant_id","prompt","ref"),
	CONSTRAINT "prompt_refs_kind_check" CHECK ("prompt_refs"."kind" in ('branch', 'label')),
	CONSTRAINT "prompt_refs_fencing_check" CHECK ("prompt_refs"."fencing" > 0)
);
--> statement-breakpoint
CREATE TABLE "prompt_versions" (
	"tenant_id" text NOT NULL,
	"prompt" text NOT NULL,
	"version" integer NOT NULL,
	"digest" text NOT NULL,
	"template" json NOT NULL,
	"parent" integer,
	"author" text NOT NULL,
	"cause" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "prompt_versions_pk" PRIMARY KEY("tenant_id","prompt","version"),
	CONSTRAINT "prompt_versions_digest_unique" UNIQUE("tenant_id","prompt","digest"),
	CONSTRAINT "prompt_versions_digest_check" CHECK ("prompt_versions"."digest" ~ '^sha256:[0-9a-f]{64}$'),
	CONSTRAINT "prompt_versions_version_check" CHECK ("prompt_versions"."version" > 0),
	CONSTRAINT "prompt_versions_parent_check" CHECK ("prompt_versions"."parent" < "prompt_versions"."version")
);
--> statement-breakpoint
CREATE TABLE "prompts" (
	"tenant_id" text NOT NULL,
	"name" text NOT NULL,
	"versions" integer DEFAULT 0 NOT NULL,
	"fencing" bigint DEFAULT 0 NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "prompts_pk" PRIMARY KEY("tenant_id","name")
);
--> statement-breakpoint
ALTER TABLE "prompt_approvals" ADD CONSTRAINT "prompt_approvals_version_fk" FOREIGN KEY ("tenant_id","prompt","version") REFERENCES "public"."prompt_versions"("tenant_id","prompt","version") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "prompt_ref_history" ADD CONSTRAINT "prompt_ref_history_version_fk" FOREIGN KEY ("tenant_id","prompt","to_version") REFERENCES "public"."prompt_versions"("tenant_id","prompt","version") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "prompt_refs" ADD CONSTRAINT "prompt_refs_version_fk" FOREIGN KEY ("tenant_id","prompt","version") REFERENCES "public"."prompt_versions"("tenant_id","prompt","version") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "prompt_versions" ADD CONSTRAINT "prompt_versions_prompt_fk" FOREIGN KEY ("tenant_id","prompt") REFERENCES "public"."prompts"("tenant_id","name") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "prompts" ADD CONSTRAINT "prompts_tenant_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "prompt_ref_history_by_ref" ON "prompt_ref_history" USING btree ("tenant_id","prompt","ref","fencing");