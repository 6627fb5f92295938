CREATE TABLE "budget_reservations" (
	"tenant_id" text NOT NULL,
	"holder" text collate "C" NOT NULL,
	"scope" text collate "C" NOT NULL,
	"unit" text NOT NULL,
	"amount" bigint NOT NULL,
	"state" text NOT NULL,
	"spent" bigint DEFAULT 0 NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "budget_reservations_pk" PRIMARY KEY("tenant_id","holder","scope","unit"),
	CONSTRAINT "budget_reservations_state_check" CHECK ("budget_reservations"."state" in ('open', 'assumed', 'settled')),
	CONSTRAINT "budget_reservations_amounts_check" CHECK ("budget_reservations"."amount" >= 0 and "budget_reservations"."spent" >= 0 and ("budget_reservations"."state" <> 'open' or "budget_reservations"."spent" = 0))
);
--> statement-breakpoint
CREATE TABLE "budgets" (
	"tenant_id" text NOT NULL,
	"scope" text collate "C" NOT NULL,
	"unit" text NOT NULL,
	"limit" bigint NOT NULL,
	"reserved" bigint DEFAULT 0 NOT NULL,
	"spent" bigint DEFAULT 0 NOT NULL,
	"assumed" bigint DEFAULT 0 NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "budgets_pk" PRIMARY KEY("tenant_id","scope","unit"),
	CONSTRAINT "budgets_unit_check" CHECK ("budgets"."unit" in ('usd', 'tokens', 'seconds')),
	CONSTRAINT "budgets_amounts_check" CHECK ("budgets"."limit" >= 0 and "budgets"."reserved" >= 0 and "budgets"."spent" >= "budgets"."assumed" and "budgets"."assumed" >= 0)
);
--> statement-breakpoint
CREATE TABLE "llm_attempts" (
	"tenant_id" text NOT NULL,
	"key" text collate "C" NOT NULL,
	"number" integer NOT NULL,
	"scope" text collate "C" NOT NULL,
	"provider" text NOT NULL,
	"model" text NOT NULL,
	"request_id" text collate "C" NOT NULL,
	"outcome" text NOT NULL,
	"failure" text,
	"most_prompt_tokens" bigint NOT NULL,
	"most_completion_tokens" bigint NOT NULL,
	"most_cost" bigint NOT NULL,
	"prompt_tokens" bigint,
	"completion_tokens" bigint,
	"cost" bigint,
	"first_token_ms" integer,
	"total_ms" integer,
	"started_at" timestamp with time zone DEFAULT now() NOT NULL,
	"ended_at" timestamp with time zone,
	CONSTRAINT "llm_attempts_pk" PRIMARY KEY("tenant_id","key","number"),
	CONSTRAINT "llm_attempts_outcome_check" CHECK ("llm_attempts"."outcome" in ('sent', 'answered', 'refused', 'broken', 'lost')),
	CONSTRAINT "llm_attempts_ended_check" CHECK (("llm_attempts"."outcome" = 'sent') = ("llm_attempts"."ended_at" is null)),
	CONSTRAINT "llm_attempts_usage_check" CHECK ("llm_attempts"."outcome" <> 'answered' or ("llm_attempts"."prompt_tokens" is not null and "llm_attempts"."completion_tokens" is not null and "llm_attempts"."cost" is not null))
);
--> statement-breakpoint
CREATE TABLE "llm_calls" (
	"tenant_id" text NOT NULL,
	"key" text collate "C" NOT NULL,
	"scope" text collate "C" NOT NULL,
	"provider" text NOT NULL,
	"model" text NOT NULL,
	"prompt_digest" text,
	"input_digest" text NOT NULL,
	"repeat" integer NOT NULL,
	"state" text NOT NULL,
	"execution" text NOT NULL,
	"execution_attempt" integer NOT NULL,
	"lease_until" timestamp with time zone NOT NULL,
	"attempts" integer DEFAULT 0 NOT NULL,
	"answer" json,
	"answered_by" text,
	"cost" bigint,
	"failure" text,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"ended_at" timestamp with time zone,
	CONSTRAINT "llm_calls_pk" PRIMARY KEY("tenant_id","key"),
	CONSTRAINT "llm_calls_key_check" CHECK ("llm_calls"."key" ~ '^sha256:[0-9a-f]{64}$'),
	CONSTRAINT "llm_calls_state_check" CHECK ("llm_calls"."state" in ('asking', 'answered', 'failed')),
	CONSTRAINT "llm_calls_answer_check" CHECK (("llm_calls"."state" = 'answered') = ("llm_calls"."answer" is not null and "llm_calls"."answered_by" is not null and "llm_calls"."cost" is not null)),
	CONSTRAINT "llm_calls_failure_check" CHECK (("llm_calls"."state" = 'failed') = ("llm_calls"."failure" is not null))
);
--> statement-breakpoint
ALTER TABLE "budget_reservations" ADD CONSTRAINT "budget_reservations_budget_fk" FOREIGN KEY ("tenant_id","scope","unit") REFERENCES "public"."budgets"("tenant_id","scope","unit") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "budgets" ADD CONSTRAINT "budgets_tenant_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "llm_attempts" ADD CONSTRAINT "llm_attempts_call_fk" FOREIGN KEY ("tenant_id","key") REFERENCES "public"."llm_calls"("tenant_id","key") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "llm_calls" ADD CONSTRAINT "llm_calls_tenant_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "budget_reservations_open" ON "budget_reservations" USING btree ("tenant_id","scope","unit","expires_at") WHERE "budget_reservations"."state" = 'open';--> statement-breakpoint
CREATE INDEX "llm_attempts_by_scope" ON "llm_attempts" USING btree ("tenant_id","scope","outcome");--> statement-breakpoint
CREATE INDEX "llm_calls_by_scope" ON "llm_calls" USING btree ("tenant_id","scope","state");