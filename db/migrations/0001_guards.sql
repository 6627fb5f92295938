-- What the schema language cannot say: partitions, rules over time, the first rows.

-- Catches predictions of days without a partition, so that none is ever refused; db/serving/prediction-repository.ts moves them to their day's.
CREATE TABLE predictions_default PARTITION OF predictions DEFAULT;

-- The current revision is written after the lifecycle's row, in the same transaction.
ALTER TABLE lifecycles ADD CONSTRAINT lifecycles_current_fk
  FOREIGN KEY (tenant_id, name, current_revision) REFERENCES lifecycle_revisions (tenant_id, lifecycle, revision)
  DEFERRABLE INITIALLY DEFERRED;

-- Runs are counted on and touched often, rarely in an indexed column: room in the page keeps those updates cheap.
ALTER TABLE runs SET (fillfactor = 70);
ALTER TABLE stage_records SET (fillfactor = 80);
ALTER TABLE effects SET (fillfactor = 80);

CREATE FUNCTION perennial_keep_final_run() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'run % ended as % and stays so', OLD.id, OLD.status USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER runs_keep_final BEFORE UPDATE ON runs FOR EACH ROW
  WHEN (OLD.ended_at IS NOT NULL AND (OLD.status, OLD.ended_at, OLD.version, OLD.verdict::text, OLD.failure::text)
    IS DISTINCT FROM (NEW.status, NEW.ended_at, NEW.version, NEW.verdict::text, NEW.failure::text))
  EXECUTE FUNCTION perennial_keep_final_run();

CREATE FUNCTION perennial_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER audit_log_append_only BEFORE UPDATE OR DELETE ON audit_log FOR EACH ROW EXECUTE FUNCTION perennial_refuse_change();
CREATE TRIGGER audit_log_no_truncate BEFORE TRUNCATE ON audit_log EXECUTE FUNCTION perennial_refuse_change();
CREATE TRIGGER audit_seals_append_only BEFORE UPDATE OR DELETE ON audit_seals FOR EACH ROW EXECUTE FUNCTION perennial_refuse_change();
CREATE TRIGGER audit_seals_no_truncate BEFORE TRUNCATE ON audit_seals EXECUTE FUNCTION perennial_refuse_change();
CREATE TRIGGER audit_heads_append_only BEFORE UPDATE OR DELETE ON audit_heads FOR EACH ROW EXECUTE FUNCTION perennial_refuse_change();
CREATE TRIGGER audit_heads_no_truncate BEFORE TRUNCATE ON audit_heads EXECUTE FUNCTION perennial_refuse_change();
CREATE TRIGGER audit_keys_append_only BEFORE UPDATE OR DELETE ON audit_keys FOR EACH ROW EXECUTE FUNCTION perennial_refuse_change();
CREATE TRIGGER audit_keys_no_truncate BEFORE TRUNCATE ON audit_keys EXECUTE FUNCTION perennial_refuse_change();

CREATE TRIGGER alias_history_append_only BEFORE UPDATE OR DELETE ON alias_history FOR EACH ROW EXECUTE FUNCTION perennial_refuse_change();
CREATE TRIGGER dataset_alias_history_append_only BEFORE UPDATE OR DELETE ON dataset_alias_history FOR EACH ROW EXECUTE FUNCTION perennial_refuse_change();
CREATE TRIGGER lifecycle_revisions_append_only BEFORE UPDATE OR DELETE ON lifecycle_revisions FOR EACH ROW EXECUTE FUNCTION perennial_refuse_change();
CREATE TRIGGER evidence_append_only BEFORE UPDATE OR DELETE ON evidence FOR EACH ROW EXECUTE FUNCTION perennial_refuse_change();
CREATE TRIGGER policies_append_only BEFORE UPDATE OR DELETE ON policies FOR EACH ROW EXECUTE FUNCTION perennial_refuse_change();
CREATE TRIGGER decisions_append_only BEFORE UPDATE OR DELETE ON decisions FOR EACH ROW EXECUTE FUNCTION perennial_refuse_change();
CREATE TRIGGER approvals_append_only BEFORE UPDATE OR DELETE ON approvals FOR EACH ROW EXECUTE FUNCTION perennial_refuse_change();
CREATE TRIGGER prompt_versions_append_only BEFORE UPDATE OR DELETE ON prompt_versions FOR EACH ROW EXECUTE FUNCTION perennial_refuse_change();
CREATE TRIGGER prompt_approvals_append_only BEFORE UPDATE OR DELETE ON prompt_approvals FOR EACH ROW EXECUTE FUNCTION perennial_refuse_change();
CREATE TRIGGER prompt_ref_history_append_only BEFORE UPDATE OR DELETE ON prompt_ref_history FOR EACH ROW EXECUTE FUNCTION perennial_refuse_change();
CREATE TRIGGER index_alias_history_append_only BEFORE UPDATE OR DELETE ON index_alias_history FOR EACH ROW EXECUTE FUNCTION perennial_refuse_change();
CREATE TRIGGER index_changes_append_only BEFORE UPDATE OR DELETE ON index_changes FOR EACH ROW EXECUTE FUNCTION perennial_refuse_change();

CREATE FUNCTION perennial_queue_for_sealing() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO audit_pending (tenant_id, audit_id) SELECT tenant_id, id FROM added;
  RETURN NULL;
END $$;
CREATE TRIGGER audit_log_queue AFTER INSERT ON audit_log REFERENCING NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION perennial_queue_for_sealing();

INSERT INTO tenants (id) VALUES ('default');
INSERT INTO routing_epoch (epoch) VALUES (0);
