-- Which version answered when, and what changed in the documents, is never rewritten.
CREATE TRIGGER index_alias_history_append_only BEFORE UPDATE OR DELETE ON index_alias_history FOR EACH ROW EXECUTE FUNCTION perennial_refuse_change();
CREATE TRIGGER index_changes_append_only BEFORE UPDATE OR DELETE ON index_changes FOR EACH ROW EXECUTE FUNCTION perennial_refuse_change();
