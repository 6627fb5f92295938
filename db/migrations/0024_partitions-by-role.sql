-- The platform's processes connect with a role that owns nothing (db/application-role.ts), so these
-- two functions change the partitions of predictions with the rights of their owner.

-- Makes the partition of a day and moves the day's rows into it. CREATE TABLE ... PARTITION OF would
-- block every insert, and fails while the default partition holds rows of the day.
CREATE FUNCTION perennial_make_prediction_day(wanted date) RETURNS boolean
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  partition text := 'predictions_' || to_char(wanted, 'YYYYMMDD');
BEGIN
  IF wanted NOT BETWEEN date '2000-01-01' AND date '2999-12-31' THEN
    RAISE EXCEPTION 'no partition can be made for the day %', wanted USING ERRCODE = 'invalid_parameter_value';
  END IF;
  PERFORM FROM pg_class WHERE relname = partition AND relnamespace = 'public'::regnamespace;
  IF FOUND THEN RETURN false; END IF;
  EXECUTE format('CREATE TABLE public.%I (LIKE public.predictions INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING INDEXES)', partition);
  LOCK TABLE public.predictions_default IN ACCESS EXCLUSIVE MODE;
  EXECUTE format('WITH moved AS (DELETE FROM public.predictions_default WHERE day = $1 RETURNING *) INSERT INTO public.%I SELECT * FROM moved', partition)
    USING wanted;
  EXECUTE format('ALTER TABLE public.predictions ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)', partition, wanted, wanted + 1);
  RETURN true;
END $$;

CREATE FUNCTION perennial_drop_prediction_day(unwanted date) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  EXECUTE format('DROP TABLE IF EXISTS public.%I', 'predictions_' || to_char(unwanted, 'YYYYMMDD'));
END $$;

REVOKE ALL ON FUNCTION perennial_make_prediction_day(date), perennial_drop_prediction_day(date) FROM PUBLIC;
