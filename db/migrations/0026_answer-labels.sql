CREATE TABLE "answer_labels" (
	"tenant_id" text NOT NULL,
	"rollout_id" text collate "C" NOT NULL,
	"prediction_id" text collate "C" NOT NULL,
	"checked" json NOT NULL,
	"actor" text NOT NULL,
	"labelled_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "answer_labels_pk" PRIMARY KEY("tenant_id","rollout_id","prediction_id")
);
--> statement-breakpoint
ALTER TABLE "answer_labels" ADD CONSTRAINT "answer_labels_rollout_fk" FOREIGN KEY ("tenant_id","rollout_id") REFERENCES "public"."rollouts"("tenant_id","id") ON DELETE no action ON UPDATE no action;