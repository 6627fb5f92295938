-- What a prompt was, who approved it and where its pointers stood is never rewritten.
CREATE TRIGGER prompt_versions_append_only BEFORE UPDATE OR DELETE ON prompt_versions FOR EACH ROW EXECUTE FUNCTION perennial_refuse_change();
CREATE TRIGGER prompt_approvals_append_only BEFORE UPDATE OR DELETE ON prompt_approvals FOR EACH ROW EXECUTE FUNCTION perennial_refuse_change();
CREATE TRIGGER prompt_ref_history_append_only BEFORE UPDATE OR DELETE ON prompt_ref_history FOR EACH ROW EXECUTE FUNCTION perennial_refuse_change();
