CREATE TABLE "job_costs" (
	"tenant_id" text NOT NULL,
	"job_id" text collate "C" NOT NULL,
	"run_id" text collate "C" NOT NULL,
	"lifecycle" text NOT NULL,
	"backend" text NOT NULL,
	"queue" text,
	"cpus" integer NOT NULL,
	"memory_bytes" bigint NOT NULL,
	"gpus" integer NOT NULL,
	"timeout_seconds" integer NOT NULL,
	"hour_price" bigint,
	"state" text NOT NULL,
	"reserved_cpu" bigint DEFAULT 0 NOT NULL,
	"reserved_usd" bigint DEFAULT 0 NOT NULL,
	"used_cpu" bigint DEFAULT 0 NOT NULL,
	"used_usd" bigint DEFAULT 0 NOT NULL,
	"attempts" json NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"touched_at" timestamp with time zone DEFAULT now() NOT NULL,
	"ended_at" timestamp with time zone,
	CONSTRAINT "job_costs_pk" PRIMARY KEY("tenant_id","job_id"),
	CONSTRAINT "job_costs_state_check" CHECK ("job_costs"."state" in ('open', 'ended')),
	CONSTRAINT "job_costs_amounts_check" CHECK ("job_costs"."reserved_cpu" >= 0 and "job_costs"."reserved_usd" >= 0 and "job_costs"."used_cpu" >= 0 and "job_costs"."used_usd" >= 0)
);
--> statement-breakpoint
ALTER TABLE "budgets" DROP CONSTRAINT "budgets_unit_check";--> statement-breakpoint
ALTER TABLE "tenants" ADD COLUMN "max_cpu_hours" double precision;--> statement-breakpoint
ALTER TABLE "tenants" ADD COLUMN "max_usd" double precision;--> statement-breakpoint
ALTER TABLE "tenants" ADD COLUMN "cost_period" text DEFAULT 'month' NOT NULL;--> statement-breakpoint
ALTER TABLE "job_costs" ADD CONSTRAINT "job_costs_run_fk" FOREIGN KEY ("tenant_id","run_id") REFERENCES "public"."runs"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "job_costs_by_run" ON "job_costs" USING btree ("tenant_id","run_id");--> statement-breakpoint
CREATE INDEX "job_costs_by_time" ON "job_costs" USING btree ("tenant_id","created_at");--> statement-breakpoint
CREATE INDEX "job_costs_open" ON "job_costs" USING btree ("touched_at") WHERE "job_costs"."state" = 'open';--> statement-breakpoint
ALTER TABLE "tenants" ADD CONSTRAINT "tenants_cost_check" CHECK ("tenants"."max_cpu_hours" > 0 and "tenants"."max_usd" > 0);--> statement-breakpoint
ALTER TABLE "tenants" ADD CONSTRAINT "tenants_period_check" CHECK ("tenants"."cost_period" in ('day', 'month'));--> statement-breakpoint
ALTER TABLE "budgets" ADD CONSTRAINT "budgets_unit_check" CHECK ("budgets"."unit" in ('usd', 'tokens', 'seconds', 'cpuHours'));