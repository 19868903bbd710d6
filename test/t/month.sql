--
-- month.sql
--	  A simulated month: rows of other writers come week by week, a person corrects some, and the model learns from that.
--
-- Wants tables known (image, label), of writers that the model is trained on, coming (id, week, image, label) of others, and apart
-- (image, label), of these others too, which nobody corrects and on which all is measured.  bench/month makes them of real ones.
--
CREATE TABLE month (percent float8, arm text, week integer, corrected bigint, right_before bigint, activated boolean, cer float8, cer_of_newest float8, verdict text);

-- The same beginning for each arm, and a table that reads itself with it
CREATE PROCEDURE month_begin() LANGUAGE plpgsql AS $$
DECLARE
	arm text;
BEGIN
	FOREACH arm IN ARRAY '{ranked,random}'::text[] LOOP
		PERFORM hwr_import_model(hwr_export_model('base'), arm);
		EXECUTE format('CREATE TABLE %I (id integer PRIMARY KEY, image bytea, text text)', arm);
		PERFORM hwr_attach(arm::regclass, model => arm, reread => 'all');
	END LOOP;
END $$;

CREATE PROCEDURE month_end() LANGUAGE plpgsql AS $$
DECLARE
	arm text;
BEGIN
	FOREACH arm IN ARRAY '{ranked,random}'::text[] LOOP
		PERFORM hwr_detach(arm::regclass, forget => true);
		EXECUTE format('DROP TABLE %I', arm);
		PERFORM hwr_drop_model(arm);
	END LOOP;
END $$;

-- What a person does who looks at n rows, in the order of hwr_review_next or in no order
CREATE FUNCTION month_correct(arm text, n integer) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	keys integer[];
	known_right bigint;
BEGIN
	IF arm = 'ranked' THEN
		keys := ARRAY(SELECT r.key[1]::integer FROM hwr_review_next('ranked', n) r);
	ELSE
		keys := ARRAY(SELECT r.key[1]::integer FROM hwr.own_rows r JOIN hwr_attachments a USING (attachment) WHERE a.data = 'random'::regclass AND NOT r.corrected ORDER BY md5(r.key[1]) LIMIT n);
	END IF;
	EXECUTE format('SELECT count(hwr_confirm(%L, ARRAY[t.id::text])) FROM %I t JOIN coming c USING (id) WHERE t.id = ANY ($1) AND t.text = c.label', arm, arm) INTO known_right USING keys;
	EXECUTE format('UPDATE %I t SET text = c.label FROM coming c WHERE c.id = t.id AND t.id = ANY ($1) AND t.text <> c.label', arm) USING keys;
	RETURN known_right;
END $$;

-- options: of the training, and rows, of hwr_improve
CREATE PROCEDURE month_week(arm text, week integer, percent float8, options jsonb) LANGUAGE plpgsql AS $$
DECLARE
	rows integer;
	known_right bigint;
	newest integer;
	n_read bigint;
	n_failed bigint;
	result record;
BEGIN
	EXECUTE format('INSERT INTO %I SELECT id, image FROM coming WHERE week = $1', arm) USING week;
	GET DIAGNOSTICS rows = ROW_COUNT;
	COMMIT;
	CALL hwr_work(arm::regclass, NULL, n_read, n_failed);
	known_right := month_correct(arm, ceil(rows * percent / 100)::integer);
	COMMIT;
	BEGIN
		SELECT * INTO result FROM hwr_improve(arm, 'known', options => options - 'rows', "rows" => (options->>'rows')::bigint);
	EXCEPTION WHEN object_not_in_prerequisite_state THEN	-- too few to learn from
		SELECT false AS activated, SQLERRM AS verdict INTO result;
	END;
	COMMIT;
	CALL hwr_work(arm::regclass, NULL, n_read, n_failed);
	newest := (SELECT max(m.version) FROM hwr_models m WHERE m.model = arm);
	INSERT INTO month SELECT percent, arm, week, (SELECT corrected FROM hwr_queue q WHERE q.data = arm::regclass), known_right, result.activated,
		(SELECT e.cer FROM hwr_evaluate('apart', arm) e), (SELECT e.cer FROM hwr_evaluate('apart', arm, version => newest) e), result.verdict;
	COMMIT;
END $$;

CREATE PROCEDURE month_run(weeks integer, percents float8[], base jsonb, improve jsonb) LANGUAGE plpgsql AS $$
DECLARE
	percent float8;
BEGIN
	PERFORM hwr_train('known', 'base', options => base);
	INSERT INTO month (arm, week, cer) SELECT 'base', 0, e.cer FROM hwr_evaluate('apart', 'base') e;
	COMMIT;
	FOREACH percent IN ARRAY percents LOOP
		CALL month_begin();
		COMMIT;
		FOR week IN 1 .. weeks LOOP
			CALL month_week('ranked', week, percent, improve);
			CALL month_week('random', week, percent, improve);
		END LOOP;
		CALL month_end();
		COMMIT;
	END LOOP;
END $$;
