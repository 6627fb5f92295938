CREATE TABLE "prompt_searches" (
	"tenant_id" text NOT NULL,
	"id" text NOT NULL,
	"prompt" text NOT NULL,
	"first_version" integer NOT NULL,
	"request" json NOT NULL,
	"actor" text NOT NULL,
	"status" text NOT NULL,
	"cause" text,
	"outcome" json,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"ended_at" timestamp with time zone,
	CONSTRAINT "prompt_searches_pk" PRIMARY KEY("tenant_id","id"),
	CONSTRAINT "prompt_searches_status_check" CHECK ("prompt_searches"."status" in ('running', 'done', 'failed', 'cancelled'))
);
--> statement-breakpoint
ALTER TABLE "prompt_searches" ADD CONSTRAINT "prompt_searches_prompt_fk" FOREIGN KEY ("tenant_id","prompt") REFERENCES "public"."prompts"("tenant_id","name") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "prompt_searches_prompt_index" ON "prompt_searches" USING btree ("tenant_id","prompt","created_at");