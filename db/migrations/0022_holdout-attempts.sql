CREATE TABLE "holdout_attempts" (
	"tenant_id" text NOT NULL,
	"model" text NOT NULL,
	"holdout" text NOT NULL,
	"number" integer NOT NULL,
	"candidate" text NOT NULL,
	"run_id" text collate "C" NOT NULL,
	"decision" text collate "C",
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "holdout_attempts_pk" PRIMARY KEY("tenant_id","model","holdout","number"),
	CONSTRAINT "holdout_attempts_candidate" UNIQUE("tenant_id","model","holdout","candidate"),
	CONSTRAINT "holdout_attempts_holdout_check" CHECK ("holdout_attempts"."holdout" ~ '^sha256:[0-9a-f]{64}$'),
	CONSTRAINT "holdout_attempts_candidate_check" CHECK ("holdout_attempts"."candidate" ~ '^sha256:[0-9a-f]{64}$'),
	CONSTRAINT "holdout_attempts_number_check" CHECK ("holdout_attempts"."number" >= 1)
);
--> statement-breakpoint
ALTER TABLE "holdout_attempts" ADD CONSTRAINT "holdout_attempts_run_fk" FOREIGN KEY ("tenant_id","run_id") REFERENCES "public"."runs"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "holdout_attempts" ADD CONSTRAINT "holdout_attempts_decision_fk" FOREIGN KEY ("tenant_id","decision") REFERENCES "public"."decisions"("tenant_id","id") ON DELETE no action ON UPDATE no action;