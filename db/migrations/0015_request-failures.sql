CREATE TABLE "request_failures" (
	"tenant_id" text NOT NULL,
	"model" text NOT NULL,
	"version" integer NOT NULL,
	"hour" timestamp with time zone NOT NULL,
	"gateway_id" text NOT NULL,
	"failed" bigint NOT NULL,
	"counted_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "request_failures_pk" PRIMARY KEY("tenant_id","model","version","hour","gateway_id")
);
