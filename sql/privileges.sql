--
-- Privileges: who may do what, as in doc/privileges.md
--

SET client_min_messages = warning;
CREATE TABLE private_words (id integer GENERATED ALWAYS AS IDENTITY, image bytea, label text);
\copy private_words (image, label) FROM PROGRAM 'tools/load-images --copy test/data/words.csv test/data/words'
DELETE FROM private_words WHERE id > 40;
CREATE FUNCTION tiny(more jsonb DEFAULT '{}') RETURNS jsonb LANGUAGE sql
RETURN jsonb_build_object('architecture', '[1,32,96,1 Cr3,3,8 Mp4,4 Cr3,3,16 Mp8,1 Lbx16', 'epochs', 2, 'threads', 1) || more;

CREATE ROLE regress_hwr_nobody;
CREATE ROLE regress_hwr_reader;
CREATE ROLE regress_hwr_trainer NOLOGIN;	-- cannot log in, is reached by SET ROLE
CREATE ROLE regress_hwr_person LOGIN IN ROLE regress_hwr_trainer;

--
-- What the extension grants
--
CREATE VIEW extension_functions AS
	SELECT p.oid, p.oid::regprocedure AS function, p.provolatile, p.prosecdef, p.proconfig, p.pronamespace, p.proname,
		p.pronargs, p.pronargdefaults, p.proargnames, l.lanname AS language
	FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
		JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'hwr';
-- not for everyone
SELECT function FROM extension_functions WHERE NOT has_function_privilege('public', oid, 'EXECUTE') ORDER BY function::text COLLATE "C";
-- of what is for everyone and not stable, hwr_cancel looks who owns the job, what belongs to an attached table who may change that, and the others only read
SELECT function FROM extension_functions
WHERE provolatile = 'v' AND language = 'c' AND has_function_privilege('public', oid, 'EXECUTE') ORDER BY function::text COLLATE "C";
-- nothing runs as its owner, nothing looks up names in the caller's search_path
SELECT function FROM extension_functions WHERE prosecdef;
SELECT function FROM extension_functions
WHERE language NOT IN ('c', 'internal') AND (proconfig IS NULL OR NOT 'search_path=pg_catalog, pg_temp' = ANY (proconfig));
-- Nor does what they mean depend on standard_conforming_strings: no backslash stands but in E'' and its continuations.
SELECT p.oid::regprocedure FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
	JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'hwr' JOIN pg_language l ON l.oid = p.prolang
	WHERE l.lanname IN ('sql', 'plpgsql') AND regexp_replace(p.prosrc, $$E'([^'\\]|\\.|'')*'(\s*\n\s*'([^'\\]|\\.|'')*')*$$, '', 'g') LIKE '%\\%';
-- views, but no tables; they let no condition of a user's see more than their rows
SELECT relname, relkind, reloptions FROM pg_class
WHERE relnamespace = 'hwr'::regnamespace AND relkind <> 'i' AND relkind <> 'c'
	AND EXISTS (SELECT FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) p
		WHERE has_table_privilege('public', oid, p)) ORDER BY relname;
SELECT relname, reloptions FROM pg_class c JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
WHERE d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'hwr') AND relkind = 'v' AND reloptions IS NULL;
SELECT has_schema_privilege('public', 'hwr', 'CREATE');
-- not a trusted extension
SELECT superuser, trusted FROM pg_available_extension_versions WHERE name = 'hwr' AND version = '1.0';

--
-- A user without rights learns nothing but that
--
SELECT hwr_import_model(stroke_model(), 'secret');
SELECT hwr_import_model(stroke_model(), 'secret', activate => false);
SELECT images FROM hwr_evaluate('strokes', 'secret');
SELECT job AS job FROM hwr_train('private_words', 'words', options => tiny()) \gset
SELECT skipped FROM hwr_train_lm_texts('secret', '{I}'::text[]);
GRANT SELECT ON strokes TO PUBLIC;

SET ROLE regress_hwr_nobody;
SELECT statement, outcome(statement) FROM (VALUES
	($$SELECT hwr_train('strokes', 'mine')$$),
	($$SELECT hwr_evaluate('strokes', 'secret')$$),
	($$SELECT hwr_import_model('', 'mine')$$),
	($$SELECT hwr_train_lm_texts('mine', '{a}'::text[])$$),
	($$SELECT hwr_train_lm('mine', 'strokes'::regclass)$$),
	($$SELECT hwr_train_lm('mine', 'strokes')$$),
	($$SELECT hwr_drop_lm('secret')$$),
	($$SELECT hwr_lm_perplexity('secret', '{a}')$$),
	($$SELECT hwr_activate_model('secret', 1)$$),
	($$SELECT hwr_drop_model('secret')$$),
	($$SELECT hwr_grant_model('secret', current_user)$$),
	($$SELECT hwr_revoke_model('secret', 'postgres')$$),
	($$SELECT hwr_ship_model('secret', '{}')$$),
	($$SELECT hwr.receive_model('secret', '', true)$$),
	($$SELECT hwr.receive_model('secret', '', true, '')$$),
	($$SELECT hwr.check_import('secret')$$),
	($$SELECT hwr_recognize(image, 'secret') FROM strokes$$),
	($$SELECT hwr_recognize_batch(ARRAY[image], 'secret') FROM strokes$$),
	($$SELECT hwr_export_model('secret')$$),
	($$SELECT hwr_export_model('secret', 1)$$),
	($$SELECT hwr_export_model('secret', 7)$$),
	($$SELECT hwr_metrics('secret')$$),
	($$SELECT hwr_confusions('secret')$$),
	($$SELECT hwr_confusions('secret', 7)$$)) s (statement);
SELECT count(*) FROM hwr_models;
SELECT count(*) FROM hwr_lms;
SELECT count(*) FROM hwr_job_details;
SELECT count(*) FROM hwr_metrics() WHERE version IS NOT NULL;
SELECT count(*) FROM hwr_history();
SELECT count(*) FROM hwr_history('words');
SELECT count(*) FROM hwr.confusions WHERE version IS NOT NULL;
SELECT count(*) FROM hwr_orphans();
-- the catalog
SELECT t, bool_and(outcome(format(s, t)) LIKE '42501 %') AS all_denied
FROM unnest('{model,version,job,history,metric,confusion,lm}'::text[]) t,
	unnest(ARRAY['SELECT * FROM hwr.%I', 'INSERT INTO hwr.%I DEFAULT VALUES', 'DELETE FROM hwr.%I', 'TRUNCATE hwr.%I CASCADE',
		'LOCK hwr.%I', 'SELECT FROM hwr.%I FOR UPDATE', 'ALTER TABLE hwr.%I ADD COLUMN x integer', 'CREATE TRIGGER x BEFORE INSERT ON hwr.%I EXECUTE FUNCTION suppress_redundant_updates_trigger()',
		'CREATE RULE x AS ON INSERT TO hwr.%I DO NOTHING']) s GROUP BY t ORDER BY t;
SELECT outcome('UPDATE hwr.model SET active = 1'), outcome('SELECT nextval(''hwr.model_id_seq'')'), outcome('CREATE TABLE hwr.mine ()');
SELECT outcome('UPDATE hwr_model_details SET version = 1'), outcome('DELETE FROM hwr_jobs');
-- a condition that leaks is not asked about rows that are not shown; everyone sees what comes with hwr
CREATE FUNCTION pg_temp.leak(text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS $$ BEGIN IF $1 NOT IN ('names', 'default') THEN RAISE NOTICE 'saw %', $1; END IF; RETURN true; END $$;
SET client_min_messages = notice;
SELECT count(*) FROM hwr_models WHERE pg_temp.leak(model);
SELECT count(*) FROM hwr_job_details WHERE pg_temp.leak(model);
SELECT count(*) FROM hwr_progress WHERE pg_temp.leak(model);
SELECT count(*) FROM hwr.metrics WHERE pg_temp.leak(model) AND version IS NOT NULL;
SELECT count(*) FROM hwr.epochs WHERE pg_temp.leak(model);
SELECT count(*) FROM hwr_lms WHERE pg_temp.leak(name);
SELECT count(*) FROM hwr.confusions WHERE pg_temp.leak(model) AND version IS NOT NULL;
SET client_min_messages = warning;
RESET ROLE;

--
-- Granting a model
--
SELECT hwr_grant_model('secret', 'regress_hwr_reader');
SET ROLE regress_hwr_reader;
SELECT hwr_recognize(image, 'secret') FROM strokes WHERE id = 3;
SELECT model, version, active FROM hwr_models ORDER BY version;
SELECT images FROM hwr_metrics('secret');
SELECT hwr_export_model('secret', 2) = stroke_model() AS same;
SELECT hwr_export_model('secret', 7);
-- reading is not owning
SELECT outcome($$SELECT hwr_grant_model('secret', 'regress_hwr_nobody')$$);
RESET ROLE;
-- later versions inherit, even if none is active
SELECT hwr_import_model(stroke_model('{"alphabet": "abc"}'), 'secret');
SELECT hwr_import_model(stroke_model(), 'idle', activate => false);
SELECT hwr_grant_model('idle', 'regress_hwr_reader');
SELECT hwr_import_model(stroke_model(), 'idle');
SET ROLE regress_hwr_reader;
SELECT hwr_recognize(image, 'secret'), hwr_recognize(image, 'idle') FROM strokes WHERE id = 3;
RESET ROLE;
SELECT hwr_grant_model('secret', 'regress_hwr_reader');	-- once more does no harm
SELECT hwr_revoke_model('secret', 'regress_hwr_reader');
SELECT hwr_revoke_model('secret', 'regress_hwr_reader');
SET ROLE regress_hwr_reader;
SELECT hwr_recognize(image, 'secret') FROM strokes WHERE id = 3;
SELECT model, version FROM hwr_models ORDER BY version;
RESET ROLE;
-- everyone
SELECT hwr_grant_model('secret', 'public');
SET ROLE regress_hwr_nobody;
SELECT hwr_recognize(image, 'secret') FROM strokes WHERE id = 3;
RESET ROLE;
SELECT hwr_revoke_model('secret', 'public');
SET ROLE regress_hwr_nobody;
SELECT hwr_recognize(image, 'secret') FROM strokes WHERE id = 3;
RESET ROLE;
-- transactional
BEGIN;
SELECT hwr_grant_model('secret', 'regress_hwr_nobody');
ROLLBACK;
SET ROLE regress_hwr_nobody;
SELECT count(*) FROM hwr_models;
RESET ROLE;
-- what the grantee passed on goes too
SELECT weights AS loid FROM hwr_model_details WHERE model = 'secret' AND active \gset
GRANT SELECT ON LARGE OBJECT :loid TO regress_hwr_reader WITH GRANT OPTION;
SET ROLE regress_hwr_reader;
GRANT SELECT ON LARGE OBJECT :loid TO regress_hwr_nobody;
RESET ROLE;
SELECT hwr_revoke_model('secret', 'regress_hwr_reader');
SET ROLE regress_hwr_nobody;
SELECT count(*) FROM hwr_models;
RESET ROLE;
-- no such thing
SELECT hwr_grant_model('nothing', 'public');
SELECT hwr_grant_model('secret', 'regress_hwr_missing');
SELECT hwr_grant_model('secret', NULL);
SELECT hwr_grant_model(NULL, 'public');
BEGIN READ ONLY;
SELECT hwr_grant_model('secret', 'public');
ROLLBACK;
BEGIN READ ONLY;
SELECT hwr_revoke_model('secret', 'public');
ROLLBACK;

--
-- The documented grants, and a role that cannot log in
--
GRANT EXECUTE ON FUNCTION hwr_train, hwr_resume, hwr_drop_job, hwr_evaluate, hwr_import_model, hwr_activate_model, hwr_drop_model,
	hwr_grant_model, hwr_revoke_model, hwr_ship_model, hwr_train_lm_texts(text, text[], text, integer, integer),
	hwr_train_lm(text, regclass, name, text, integer, integer),
	hwr_drop_lm TO regress_hwr_trainer;
SET SESSION AUTHORIZATION regress_hwr_person;
SET ROLE regress_hwr_trainer;
SELECT hwr_train('private_words', 'mine', options => tiny());
SELECT hwr_evaluate('private_words', 'secret');
RESET SESSION AUTHORIZATION;
-- column privileges
GRANT SELECT (label) ON private_words TO regress_hwr_trainer;
SET ROLE regress_hwr_trainer;
SELECT hwr_train('private_words', 'mine', options => tiny());
RESET ROLE;
GRANT SELECT (image) ON private_words TO regress_hwr_trainer;
-- row-level security, for the role that is set and not for the one that logged in
ALTER TABLE private_words ENABLE ROW LEVEL SECURITY;
CREATE POLICY part ON private_words TO regress_hwr_trainer USING (length(label) > 0 AND current_user = 'regress_hwr_trainer' AND md5(image) < 'a');
SELECT count(*) AS allowed FROM private_words WHERE md5(image) < 'a' \gset
SET SESSION AUTHORIZATION regress_hwr_person;
SET ROLE regress_hwr_trainer;
SELECT images + validation_images = :allowed AS allowed, skipped FROM hwr_train('private_words', 'mine', options => tiny());
SELECT images = :allowed AS allowed FROM hwr_evaluate('private_words', 'mine');
SELECT model, owner, version FROM hwr_models ORDER BY version;
SELECT model, owner, state FROM hwr_job_details ORDER BY job;
SET row_security = off;
SELECT hwr_train('private_words', 'mine', options => tiny());
SELECT hwr_evaluate('private_words', 'mine');
RESET row_security;
RESET SESSION AUTHORIZATION;
-- a view of another's: its owner's privileges behind, the trainer's in front
CREATE VIEW private_view WITH (security_barrier) AS SELECT image, label FROM private_words WHERE md5(image) < '8';
SELECT count(*) AS viewed FROM private_view \gset
REVOKE SELECT (image, label) ON private_words FROM regress_hwr_trainer;
SET ROLE regress_hwr_trainer;
SELECT hwr_train('private_view', 'mine', options => tiny());
RESET ROLE;
GRANT SELECT ON private_view TO regress_hwr_trainer;
SET ROLE regress_hwr_trainer;
SELECT images + validation_images = :viewed AS viewed, version FROM hwr_train('private_view', 'mine', options => tiny());
SELECT images = :viewed AS viewed FROM hwr_evaluate('private_view', 'mine');
-- the validation table as well
SELECT hwr_train('private_view', 'mine', options => tiny('{"validation": "private_words"}'));
-- models of others stay theirs
SELECT hwr_train('private_view', 'secret', options => tiny());
SELECT hwr_import_model(stroke_model(), 'secret');
SELECT hwr_drop_model('secret');
SELECT hwr_activate_model('secret', 2);
-- its own are its to pass on, without the help of a superuser
SELECT hwr_grant_model('mine', 'regress_hwr_reader');
SELECT hwr_activate_model('mine', 1);
SET ROLE regress_hwr_reader;
SELECT model, version, active, owner FROM hwr_models WHERE model = 'mine' ORDER BY version;
-- who may see some is not shown the others by a condition that leaks, whatever the plan
CREATE FUNCTION pg_temp.leak_secret(text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS $$ BEGIN IF $1 = 'secret' THEN RAISE WARNING 'saw %', $1; END IF; RETURN true; END $$;
SET enable_nestloop = off;
SET enable_mergejoin = off;
SELECT count(*) > 0 AS some FROM hwr_models WHERE pg_temp.leak_secret(model);
SELECT count(*) > 0 AS some FROM hwr_model_grants WHERE pg_temp.leak_secret(model);
SELECT count(*) > 0 AS some FROM hwr_job_details WHERE pg_temp.leak_secret(model);
SELECT count(*) > 0 AS some FROM hwr.metrics WHERE pg_temp.leak_secret(model) AND version IS NOT NULL;
SELECT count(*) > 0 AS some FROM hwr.epochs WHERE pg_temp.leak_secret(model);
SELECT count(*) > 0 AS some FROM hwr.confusions WHERE pg_temp.leak_secret(model) AND version IS NOT NULL;
RESET enable_nestloop;
RESET enable_mergejoin;
SELECT outcome($$SELECT hwr_drop_model('mine')$$);
RESET ROLE;
-- a superuser's grant is the owner's, who can take it back
SELECT hwr_grant_model('mine', 'regress_hwr_nobody');
SET ROLE regress_hwr_trainer;
SELECT hwr_revoke_model('mine', 'regress_hwr_nobody');
SET ROLE regress_hwr_nobody;
SELECT count(*) FROM hwr_models;
RESET ROLE;

-- A job can be cancelled by its role though EXECUTE on hwr_train is gone, and by nobody else.
SET ROLE regress_hwr_trainer;
SELECT job FROM hwr_train('private_view', 'mine', options => tiny('{"epochs": 10000, "patience": 0}'), wait => false) \gset
RESET ROLE;
REVOKE EXECUTE ON FUNCTION hwr_train FROM regress_hwr_trainer;
SET ROLE regress_hwr_nobody;
SELECT outcome(format('SELECT hwr_cancel(%s)', :job)) = '42501 permission denied to cancel training job ' || :job AS denied;
SELECT count(*) FROM hwr_job_details;
SELECT count(*) FROM hwr_progress;
SET ROLE regress_hwr_trainer;
SELECT hwr_cancel(:job);
RESET ROLE;
-- a worker that is gone is no news to others
INSERT INTO hwr.job (model, training, owner, options, state, pid) VALUES ('lost', 't', 'regress_hwr_trainer', '{}', 'running', 1) RETURNING id AS lost \gset
SET ROLE regress_hwr_nobody;
SELECT hwr.job_interrupted(:lost);
SET ROLE regress_hwr_trainer;
SELECT hwr.job_interrupted(:lost), state FROM hwr_job_details WHERE job = :lost;
RESET ROLE;

--
-- Roles of jobs are dumped by name and may be missing.
--
CREATE ROLE "regress_hwr Odd.""Name";
INSERT INTO hwr.job (model, training, owner, options, state) VALUES ('odd', 't', '"regress_hwr Odd.""Name"', '{}', 'done');
SELECT owner FROM hwr.job WHERE model = 'odd';
SELECT owner FROM hwr_job_details WHERE model = 'odd';
ALTER ROLE "regress_hwr Odd.""Name" RENAME TO regress_hwr_renamed;
SELECT owner FROM hwr_job_details WHERE model = 'odd';
DROP ROLE regress_hwr_renamed;
SELECT owner FROM hwr.job WHERE model = 'odd';
UPDATE hwr.job SET owner = '-' WHERE model = 'odd';
SELECT owner FROM hwr_job_details WHERE model = 'odd';
SET ROLE regress_hwr_nobody;
SELECT count(*) FROM hwr_job_details;
RESET ROLE;
SELECT 'regress_hwr_missing'::hwr.role, 'REGRESS_HWR_NOBODY'::hwr.role, '10'::hwr.role;
SELECT 'a b'::hwr.role;
SELECT 'a.b'::hwr.role;
DELETE FROM hwr.job WHERE model IN ('odd', 'lost');

--
-- Another's search_path: a schema with a trap for every function and operator of pg_catalog
--
CREATE SCHEMA regress_hwr_trap;
DO $$
DECLARE
	f record;
	n integer := 0;
BEGIN
	FOR f IN SELECT oid, proname, pg_get_function_identity_arguments(oid) AS arguments, prorettype::regtype AS result
			FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace AND prokind IN ('f', 'a') AND NOT proretset AND proallargtypes IS NULL
				AND NOT ('{internal,cstring}'::regtype[]::oid[] && proargtypes::oid[]) AND prorettype NOT IN ('internal'::regtype, 'cstring'::regtype) LOOP
		BEGIN
			EXECUTE format('CREATE FUNCTION regress_hwr_trap.%I(%s) RETURNS %s LANGUAGE plpgsql AS %L', f.proname, f.arguments,
				f.result, 'BEGIN RAISE EXCEPTION ''trapped in function''; END');
			n := n + 1;
		EXCEPTION WHEN OTHERS THEN NULL;
		END;
	END LOOP;
	FOR f IN SELECT oprname, oprleft::regtype AS l, oprright::regtype AS r, oprresult::regtype AS result FROM pg_operator
			WHERE oprnamespace = 'pg_catalog'::regnamespace AND oprleft <> 0 LOOP
		BEGIN
			EXECUTE format('CREATE FUNCTION regress_hwr_trap.operator_%s(%s, %s) RETURNS %s LANGUAGE plpgsql AS %L', n, f.l, f.r,
				f.result, 'BEGIN RAISE EXCEPTION ''trapped in operator''; END');
			EXECUTE format('CREATE OPERATOR regress_hwr_trap.%s (FUNCTION = regress_hwr_trap.operator_%s, LEFTARG = %s, RIGHTARG = %s)',
				f.oprname, n, f.l, f.r);
			n := n + 1;
		EXCEPTION WHEN OTHERS THEN NULL;
		END;
	END LOOP;
	IF n < 2500 THEN
		RAISE WARNING 'only % traps', n;
	END IF;
END $$;
CREATE FUNCTION outcomes(statements text[], OUT statement text, OUT outcome text) RETURNS SETOF record LANGUAGE plpgsql AS $$
BEGIN
	FOREACH statement IN ARRAY statements LOOP
		BEGIN
			EXECUTE statement;
			outcome := 'no error';
		EXCEPTION WHEN OTHERS THEN
			outcome := SQLERRM;
		END;
		statement := pg_catalog.left(statement, 80);
		RETURN NEXT;
	END LOOP;
END $$;
-- every view, and every SQL-language function with as few arguments as it takes
SELECT array_agg(s ORDER BY s) AS reads FROM (
	SELECT format('SELECT * FROM %s', c.oid::regclass) FROM pg_class c JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
		WHERE d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'hwr') AND relkind = 'v'
	UNION ALL
	SELECT format('SELECT * FROM public.%I(%s)', proname, (
			SELECT string_agg(format('%I => %s', name, CASE WHEN name LIKE 'model%' THEN '''words''' WHEN name LIKE 'version%' THEN '1'
				WHEN name = 'data' THEN '''public.private_words''' ELSE 'NULL' END), ', ' ORDER BY i)
			FROM unnest(proargnames) WITH ORDINALITY a (name, i)
			WHERE i <= pronargs - pronargdefaults OR (i <= pronargs AND name IN ('model', 'data'))))
		FROM extension_functions WHERE language = 'sql' AND pronamespace = 'public'::regnamespace) s (s) \gset
SELECT array_agg(s ORDER BY n) AS writes FROM (VALUES
	(1, format('SELECT public.hwr_import_model(%L, ''trap'')', stroke_model())),
	(2, format('SELECT public.hwr_import_model(%L, ''trap'')', stroke_model())),
	(3, 'SELECT public.hwr_activate_model(''trap'', 1)'),
	(4, 'SELECT public.hwr_grant_model(''trap'', ''regress_hwr_reader'')'),
	(5, 'SELECT public.hwr_revoke_model(''trap'', ''regress_hwr_reader'')'),
	(6, 'SELECT public.hwr_recognize(image, ''trap'') FROM public.strokes'),
	(7, 'SELECT public.hwr_recognize_batch(ARRAY[image], ''trap'') FROM public.strokes'),
	(8, 'SELECT public.hwr_export_model(''trap'')'),
	(9, 'SELECT public.hwr_evaluate(''public.strokes'', ''trap'')'),
	(10, 'SELECT public.hwr_orphans()'),
	(11, 'SELECT public.hwr_drop_model(''trap'', 2)'),
	(12, 'SELECT public.hwr_drop_model(''trap'')'),
	(13, 'SELECT public.hwr_train_lm(''trap'', ''public.strokes''::regclass)'),
	(14, 'SELECT public.hwr_train_lm(''trap'', ''public.strokes'')'),
	(15, 'SELECT public.hwr_train_lm_texts(''trap'', ''{I}''::text[])'),
	(16, 'SELECT public.hwr_recognize_nbest(image, model => ''secret'', lm => ''trap'') FROM public.strokes'),
	(17, 'SELECT public.hwr_score(image, ''I'', ''secret'') FROM public.strokes'),
	(18, 'SELECT public.hwr_lm_perplexity(''trap'', ''{I}'')'),
	(19, 'SELECT public.hwr_drop_lm(''trap'')'),
	(20, 'SELECT public.hwr_report(''secret'', ''public.strokes'')'),
	(21, 'SELECT hwr.receive_model(''secret'', pg_catalog.sha256(public.hwr_export_model(''secret'')), false)'),
	(22, 'SELECT hwr.receive_model(''trapped'', '''', true)')) s (n, s) \gset
SELECT tiny() AS options, tiny('{"epochs": 10000, "patience": 0}') AS endless \gset
SET search_path = regress_hwr_trap, pg_catalog, public;
\set VERBOSITY sqlstate
SELECT 1 = 1;
SELECT lower('A');
\set VERBOSITY default
CREATE TABLE trap_outcomes AS SELECT * FROM public.outcomes(:'reads');
-- what writes: the table's columns, the catalog, the large objects
INSERT INTO trap_outcomes SELECT * FROM public.outcomes(:'writes');
SELECT version FROM public.hwr_train('public.private_words', 'trapped', options => :'options');
SELECT job AS endless_job FROM public.hwr_train('public.private_words', 'trapped', options => :'endless', wait => false) \gset
SELECT public.hwr_cancel(:endless_job);
RESET search_path;
SELECT count(*) > 25 AS several FROM regress_hwr_trap.trap_outcomes;
SELECT * FROM regress_hwr_trap.trap_outcomes WHERE outcome <> 'no error';

--
-- Large objects that belong to no version
--
SELECT count(*) FROM hwr_orphans();
SELECT weights AS loid, version FROM hwr_model_details WHERE model = 'mine' AND active \gset
DELETE FROM hwr.version WHERE weights = :loid;
SELECT lo_from_bytea(0, '') AS lo1, lo_from_bytea(0, 'a picture') AS lo2, lo_from_bytea(0, '\x02000000000000007b7d') AS lo3,
	lo_from_bytea(0, '\xffffff00000000007b7d') AS lo4, lo_from_bytea(0, substr(stroke_model(), 1, 100)) AS lo5,
	lo_from_bytea(0, stroke_model('{"format": "other"}')) AS lo6, lo_from_bytea(0, stroke_model()) AS lo7 \gset
SELECT lo_put(lo_from_bytea(0, stroke_model()), 1 << 30, 'far') AS far;
SELECT owner, bytes > 400 AS bytes, architecture FROM hwr_orphans() ORDER BY owner;
-- each role sees its own, and can remove them or store them again
SET ROLE regress_hwr_nobody;
SELECT count(*) FROM hwr_orphans();
SET ROLE regress_hwr_trainer;
SELECT weights = :loid AS mine FROM hwr_orphans();
SELECT hwr_import_model(lo_get(weights), 'again') FROM hwr_orphans();
SELECT lo_unlink(weights) FROM hwr_orphans();
SELECT count(*) FROM hwr_orphans();
RESET ROLE;
SELECT count(lo_unlink(oid)) > 0 AS unlinked FROM pg_largeobject_metadata WHERE oid NOT IN (SELECT weights FROM hwr_model_details);
SELECT count(*) FROM hwr_orphans();

SELECT hwr_drop_lm('secret');
-- dropping a model or a job leaves no row about it
SELECT EXISTS (SELECT FROM hwr.metric) AS metrics, EXISTS (SELECT FROM hwr.history) AS history;
SELECT hwr_drop_model(model) FROM (SELECT DISTINCT model FROM hwr_models) m;
DELETE FROM hwr.job;
SELECT (SELECT count(*) FROM hwr.version), (SELECT count(*) FROM hwr.metric), (SELECT count(*) FROM hwr.confusion), (SELECT count(*) FROM hwr.history);
SET client_min_messages = error;
DROP SCHEMA regress_hwr_trap CASCADE;
REVOKE SELECT ON strokes FROM PUBLIC;
DROP VIEW private_view, extension_functions;
DROP TABLE private_words;
DROP FUNCTION outcomes, tiny;
DROP OWNED BY regress_hwr_trainer, regress_hwr_reader, regress_hwr_nobody, regress_hwr_person;
DROP ROLE regress_hwr_person, regress_hwr_trainer, regress_hwr_reader, regress_hwr_nobody;

-- A lock on a table is for those who may read it.
RESET ROLE;
CREATE SCHEMA regress_hwr_closed;
CREATE TABLE regress_hwr_closed.t (image bytea, label text);
CREATE TABLE regress_hwr_unread (image bytea, label text, other text);
CREATE ROLE regress_hwr_looker;
GRANT SELECT ON regress_hwr_closed.t TO regress_hwr_looker;
GRANT EXECUTE ON FUNCTION hwr_train, hwr_evaluate, hwr_train_lm TO regress_hwr_looker;
SELECT 'regress_hwr_closed.t'::regclass::oid AS closed, 'regress_hwr_unread'::regclass::oid AS unread \gset
SET ROLE regress_hwr_looker;
BEGIN;
\set VERBOSITY terse
SAVEPOINT s;
SELECT hwr.label_column(:closed::regclass, NULL);
ROLLBACK TO s;
SELECT hwr.label_column(:unread::regclass, NULL);
ROLLBACK TO s;
SELECT hwr.label_column(:unread::regclass, 'label');
ROLLBACK TO s;
SELECT * FROM hwr_readings(:unread::regclass, 'names');
ROLLBACK TO s;
SELECT hwr_evaluate(:unread::regclass, 'names');
ROLLBACK TO s;
SELECT hwr_train(:unread::regclass, 'looked');
ROLLBACK TO s;
SELECT hwr_train_lm('looked', :unread::regclass);
ROLLBACK TO s;
SELECT * FROM hwr_review(:unread::regclass, 'names');
ROLLBACK TO s;
SELECT hwr.label_column(1::regclass, NULL);
ROLLBACK TO s;
\set VERBOSITY default
SELECT count(*) AS locks FROM pg_locks WHERE pid = pg_backend_pid() AND relation IN (:closed, :unread);
ROLLBACK;
RESET ROLE;
GRANT SELECT (label) ON regress_hwr_unread TO regress_hwr_looker;
SET ROLE regress_hwr_looker;
SELECT hwr.label_column('regress_hwr_unread', 'label');
RESET ROLE;
SET client_min_messages = warning;
DROP OWNED BY regress_hwr_looker;
DROP ROLE regress_hwr_looker;
DROP SCHEMA regress_hwr_closed CASCADE;
DROP TABLE regress_hwr_unread;
RESET client_min_messages;

-- The schemas keep their names.
SELECT extnamespace::regnamespace AS home FROM pg_extension WHERE extname = 'hwr' \gset
ALTER SCHEMA :home RENAME TO regress_hwr_elsewhere;
ALTER SCHEMA hwr RENAME TO regress_hwr_elsewhere;
CREATE SCHEMA regress_hwr_any;
ALTER SCHEMA regress_hwr_any RENAME TO regress_hwr_other;
DROP SCHEMA regress_hwr_other;
