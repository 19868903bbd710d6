--
-- orphans.sql
--	  What DROP EXTENSION leaves: finding it, taking it back, leaving nothing.
--

-- It cannot remove large objects.  model and version: from the large object's description, where it has hwr's.
CREATE FUNCTION hwr_orphans(OUT weights oid, OUT owner name, OUT kind text, OUT model text, OUT version integer, OUT bytes bigint,
							OUT architecture text)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'hwr_orphans' LANGUAGE C STABLE ROWS 10 COST 1000000;
COMMENT ON FUNCTION hwr_orphans() IS
'large objects that hold a model, or the checkpoint of a training, but belong to no version or job, as far as the current user may read them';

CREATE FUNCTION hwr.adopt(weights oid, model text, version integer) RETURNS integer
	AS 'MODULE_PATHNAME', 'hwr_adopt' LANGUAGE C;
COMMENT ON FUNCTION hwr.adopt(oid, text, integer) IS
'make a large object that belongs to no version a version of a model again, of this number if it is free; returns the number';

CREATE FUNCTION hwr_rescue(OUT weights oid, OUT kind text, OUT model text, OUT version integer, OUT owner name, OUT problem text)
	RETURNS SETOF record
	LANGUAGE plpgsql ROWS 10 COST 1000000 SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	orphan record;
	stored bigint := 0;
BEGIN
	FOR orphan IN SELECT * FROM @extschema@.hwr_orphans() o ORDER BY o.kind DESC, o.model, o.version, o.weights LOOP
		weights := orphan.weights;
		kind := orphan.kind;
		model := orphan.model;
		version := orphan.version;
		owner := orphan.owner;
		problem := NULL;
		IF kind = 'checkpoint' THEN
			problem := 'its training job is gone';
		ELSE
			model := coalesce(model, 'rescued_' || weights);
			BEGIN
				version := hwr.adopt(weights, model, version);
				stored := stored + 1;
			EXCEPTION WHEN OTHERS THEN
				problem := SQLERRM;
			END;
		END IF;
		RETURN NEXT;
	END LOOP;
	IF stored > 0 THEN
		RAISE NOTICE '% model version(s) are stored again; none of them has been made active', stored
			USING DETAIL = 'Until then readers of a name that comes with hwr, as "default", get what comes with it, and of others an error.',
			HINT = 'Choose with hwr_activate_model.';
	END IF;
END $$;
COMMENT ON FUNCTION hwr_rescue() IS
'store the models among hwr_orphans() again, in place and under the names that they had; what cannot be stored stays as it is, and problem says why';

CREATE FUNCTION hwr_uninstall(really boolean DEFAULT false, OUT models bigint, OUT versions bigint, OUT language_models bigint,
							  OUT jobs bigint, OUT checkpoints bigint) RETURNS record
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	running bigint;
	orphans bigint;
BEGIN
	IF NOT (SELECT pg_has_role(e.extowner, 'USAGE') FROM pg_extension e WHERE e.extname = 'hwr') THEN
		RAISE insufficient_privilege USING MESSAGE = 'must be owner of extension hwr';
	END IF;
	SELECT j.job INTO running FROM @extschema@.hwr_jobs j WHERE j.state IN ('queued', 'starting', 'running') LIMIT 1;
	IF FOUND AND really THEN
		RAISE object_in_use USING MESSAGE = format('training job %s is running', running),
			HINT = format('SELECT hwr_cancel(%s); stops it.', running);
	END IF;
	SELECT count(*) INTO models FROM hwr.model;
	SELECT count(*) INTO versions FROM hwr.version;
	SELECT count(*) INTO language_models FROM hwr.lm;
	SELECT count(*), count(j.checkpoint) INTO jobs, checkpoints FROM hwr.job j;
	IF NOT coalesce(really, false) THEN
		RAISE NOTICE 'nothing has been removed' USING
			HINT = 'SELECT * FROM hwr_uninstall(really => true); removes all of this for ever. hwr_export_model saves a model.';
		RETURN;
	END IF;
	PERFORM @extschema@.hwr_drop_model(m.name) FROM hwr.model m;
	PERFORM @extschema@.hwr_drop_job(j.id) FROM hwr.job j;
	PERFORM @extschema@.hwr_drop_lm(l.name) FROM hwr.lm l;
	SELECT count(*) INTO orphans FROM @extschema@.hwr_orphans();
	IF orphans > 0 THEN
		RAISE NOTICE 'all models and jobs are removed' USING
			DETAIL = format('Large objects of an earlier installation remain: %s.', orphans),
			HINT = 'SELECT * FROM hwr_orphans(); lists them. hwr_rescue() takes models back, lo_unlink removes for ever.';
	ELSE
		RAISE NOTICE 'all models and jobs are removed' USING HINT = 'DROP EXTENSION hwr; now leaves nothing behind.';
	END IF;
END $$;
COMMENT ON FUNCTION hwr_uninstall(boolean) IS
'count what DROP EXTENSION would forget or leave behind, and, if it is really wanted, remove it: all models, language models, jobs and checkpoints';

-- Where hwr's library is not loaded, it cannot say what DROP EXTENSION leaves behind.  This one works without it, and so
-- stops no DROP EXTENSION where the library is gone.
CREATE FUNCTION hwr.warn_of_drop() RETURNS event_trigger
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	versions bigint;
	checkpoints bigint;
BEGIN
	IF current_query() !~* '[[:<:]]hwr[[:>:]]' OR EXISTS (SELECT FROM pg_settings s WHERE s.name = 'hwr.device') THEN
		RETURN;
	END IF;
	BEGIN
		SELECT count(*) INTO versions FROM hwr.version;
		SELECT count(j.checkpoint) INTO checkpoints FROM hwr.job j;
	EXCEPTION WHEN OTHERS THEN
		RETURN;
	END;
	IF versions + checkpoints > 0 THEN
		RAISE WARNING 'DROP EXTENSION leaves the weights of % model version(s) and % checkpoint(s), as large objects', versions, checkpoints USING
			HINT = 'After CREATE EXTENSION hwr, hwr_rescue() takes models back. To leave nothing, roll back and call hwr_uninstall() first.';
	END IF;
END $$;
COMMENT ON FUNCTION hwr.warn_of_drop() IS 'what DROP EXTENSION leaves behind, said before it does';
CREATE EVENT TRIGGER hwr_drop ON ddl_command_start WHEN TAG IN ('DROP EXTENSION') EXECUTE FUNCTION hwr.warn_of_drop();
COMMENT ON EVENT TRIGGER hwr_drop IS 'says which large objects DROP EXTENSION hwr leaves behind';

-- What is costly or writes is for those to whom an administrator grants it: see doc/privileges.md.
REVOKE EXECUTE ON FUNCTION
	hwr.adopt(oid, text, integer),
	hwr_rescue(),
	hwr_uninstall(boolean)
	FROM PUBLIC;
