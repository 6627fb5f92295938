ALTER TABLE "lineage_edges" DROP CONSTRAINT "lineage_edges_from_kind_check";--> statement-breakpoint
ALTER TABLE "lineage_edges" DROP CONSTRAINT "lineage_edges_to_kind_check";--> statement-breakpoint
ALTER TABLE "lineage_edges" ADD CONSTRAINT "lineage_edges_from_kind_check" CHECK ("lineage_edges"."from_kind" in ('source', 'dataset', 'run', 'index', 'model', 'deployment'));--> statement-breakpoint
ALTER TABLE "lineage_edges" ADD CONSTRAINT "lineage_edges_to_kind_check" CHECK ("lineage_edges"."to_kind" in ('source', 'dataset', 'run', 'index', 'model', 'deployment'));