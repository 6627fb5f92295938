CREATE TABLE "compute_offers" (
	"worker" text NOT NULL,
	"offers" json NOT NULL,
	"lease_until" timestamp with time zone NOT NULL,
	CONSTRAINT "compute_offers_pk" PRIMARY KEY("worker")
);
