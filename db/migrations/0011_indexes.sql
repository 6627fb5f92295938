CREATE TABLE "index_alias_history" (
	"tenant_id" text NOT NULL,
	"id" text collate "C" NOT NULL,
	"index" text NOT NULL,
	"kind" text NOT NULL,
	"from_version" integer,
	"to_version" integer NOT NULL,
	"fencing" bigint NOT NULL,
	"actor" text NOT NULL,
	"cause" text NOT NULL,
	"moved_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "index_alias_history_pk" PRIMARY KEY("tenant_id","id"),
	CONSTRAINT "index_alias_history_fencing_unique" UNIQUE("tenant_id","index","fencing"),
	CONSTRAINT "index_alias_history_kind_check" CHECK ("index_alias_history"."kind" in ('promote', 'rollback')),
	CONSTRAINT "index_alias_history_moved_check" CHECK ("index_alias_history"."from_version" is distinct from "index_alias_history"."to_version")
);
--> statement-breakpoint
CREATE TABLE "index_aliases" (
	"tenant_id" text NOT NULL,
	"index" text NOT NULL,
	"alias" text NOT NULL,
	"version" integer NOT NULL,
	"fencing" bigint NOT NULL,
	"moved_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "index_aliases_pk" PRIMARY KEY("tenant_id","index","alias"),
	CONSTRAINT "index_aliases_alias_check" CHECK ("index_aliases"."alias" in ('champion', 'previous')),
	CONSTRAINT "index_aliases_fencing_check" CHECK ("index_aliases"."fencing" > 0)
);
--> statement-breakpoint
CREATE TABLE "index_changes" (
	"tenant_id" text NOT NULL,
	"index" text NOT NULL,
	"seq" bigint NOT NULL,
	"documents" json,
	"deleted" json NOT NULL,
	"actor" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "index_changes_pk" PRIMARY KEY("tenant_id","index","seq"),
	CONSTRAINT "index_changes_seq_check" CHECK ("index_changes"."seq" > 0)
);
--> statement-breakpoint
CREATE TABLE "index_versions" (
	"tenant_id" text NOT NULL,
	"index" text NOT NULL,
	"version" integer NOT NULL,
	"digest" text NOT NULL,
	"recipe" json NOT NULL,
	"dataset" text NOT NULL,
	"dataset_version" integer NOT NULL,
	"state" text NOT NULL,
	"applied" bigint NOT NULL,
	"table_version" bigint,
	"chunks" bigint,
	"report" json,
	"run_id" text collate "C",
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "index_versions_pk" PRIMARY KEY("tenant_id","index","version"),
	CONSTRAINT "index_versions_digest_check" CHECK ("index_versions"."digest" ~ '^sha256:[0-9a-f]{64}$'),
	CONSTRAINT "index_versions_state_check" CHECK ("index_versions"."state" in ('building', 'ready', 'failed', 'retired')),
	CONSTRAINT "index_versions_ready_check" CHECK ("index_versions"."state" <> 'ready' or "index_versions"."table_version" is not null)
);
--> statement-breakpoint
CREATE TABLE "indexes" (
	"tenant_id" text NOT NULL,
	"name" text NOT NULL,
	"versions" integer DEFAULT 0 NOT NULL,
	"changes" bigint DEFAULT 0 NOT NULL,
	"fencing" bigint DEFAULT 0 NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "indexes_pk" PRIMARY KEY("tenant_id","name")
);
--> statement-breakpoint
ALTER TABLE "index_alias_history" ADD CONSTRAINT "index_alias_history_version_fk" FOREIGN KEY ("tenant_id","index","to_version") REFERENCES "public"."index_versions"("tenant_id","index","version") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "index_aliases" ADD CONSTRAINT "index_aliases_version_fk" FOREIGN KEY ("tenant_id","index","version") REFERENCES "public"."index_versions"("tenant_id","index","version") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "index_changes" ADD CONSTRAINT "index_changes_index_fk" FOREIGN KEY ("tenant_id","index") REFERENCES "public"."indexes"("tenant_id","name") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "index_versions" ADD CONSTRAINT "index_versions_index_fk" FOREIGN KEY ("tenant_id","index") REFERENCES "public"."indexes"("tenant_id","name") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "index_versions" ADD CONSTRAINT "index_versions_dataset_fk" FOREIGN KEY ("tenant_id","dataset","dataset_version") REFERENCES "public"."dataset_versions"("tenant_id","dataset","version") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "index_versions" ADD CONSTRAINT "index_versions_run_fk" FOREIGN KEY ("tenant_id","run_id") REFERENCES "public"."runs"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "indexes" ADD CONSTRAINT "indexes_tenant_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "index_versions_by_run" ON "index_versions" USING btree ("tenant_id","run_id");