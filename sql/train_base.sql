-- hwr_train: beginning with a model
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS hwr;

CREATE TABLE retrain_words (id integer GENERATED ALWAYS AS IDENTITY, image bytea, label text);
\copy retrain_words (image, label) FROM PROGRAM 'tools/load-images --copy test/data/words.csv test/data/words'
DELETE FROM retrain_words WHERE id > 40;
CREATE FUNCTION tiny(more jsonb DEFAULT '{}') RETURNS jsonb LANGUAGE sql
RETURN jsonb_build_object('architecture', '[1,32,96,1 Cr3,3,8 Mp4,4 Cr3,3,16 Mp8,1 Lbx16', 'epochs', 2, 'threads', 1) || more;

--
-- A base
--
SELECT version FROM hwr_train('retrain_words', 'retrain_base', options => tiny('{"fit": "stretch", "case": "upper"}'));
CREATE VIEW retrain_few AS SELECT image, translate(lower(label), 'abcdefghijklmnopqrstuvwxyz', 'abcd') || '#' AS label FROM retrain_words WHERE id <= 12;
SELECT alphabet AS base_alphabet FROM hwr_model_details WHERE model = 'retrain_base' \gset

-- architecture, fit and case are the base's; characters of both
SELECT version FROM hwr_train('retrain_few', 'retrain_next', options => '{"base": "retrain_base", "epochs": 1}');
SELECT m.architecture ~ '^\[1,32,96,1 Cr3,3,8 Mp4,4 Cr3,3,16 Mp8,1 Lbx16 O1c\d+\]$' AS architecture,
	m.alphabet = '#' || :'base_alphabet' AS "union",
	options->'fit' AS fit, options->'case' AS "case", options->'base' AS base, options->'base_version' AS base_version,
	options->'alphabet' AS alphabet, (options->>'learning_rate')::float8 < 0.0015 AS learning_rate
FROM hwr_model_details m WHERE model = 'retrain_next' AND version = 1;
-- only those of the labels
SELECT version FROM hwr_train('retrain_few', 'retrain_next', options => '{"base": "retrain_base", "base_version": 1, "alphabet": "new", "case": "lower", "epochs": 1}');
SELECT alphabet FROM hwr_model_details WHERE model = 'retrain_next' AND version = 2;
-- only those of the base: here no row is left
SELECT hwr_train('retrain_few', 'retrain_next', options => '{"base": "retrain_base", "alphabet": "keep", "epochs": 1}');
\echo :SQLSTATE
SELECT version FROM hwr_train('retrain_words', 'retrain_next', options => '{"base": "retrain_base", "alphabet": "keep", "epochs": 1}');
SELECT alphabet = :'base_alphabet' AS kept FROM hwr_model_details WHERE model = 'retrain_next' AND version = 3;
-- its own next version
SELECT version FROM hwr_train('retrain_words', 'retrain_base', options => '{"base": "retrain_base", "epochs": 1}', activate => 'always');
-- a model that comes with the extension
SELECT version FROM hwr_train('retrain_few', 'retrain_names', options => '{"base": "names", "epochs": 1, "augment": 0}');
SELECT model, version, options->'base' AS base, options->'base_version' AS base_version FROM hwr_job_details WHERE model IN ('retrain_base', 'retrain_names') ORDER BY job;
-- a small table is gone through more often, unless the epochs are given
SELECT version FROM hwr_train('retrain_few', 'retrain_often', options => '{"base": "retrain_base", "batch_size": 12}');
SELECT options->'epochs' AS epochs, options->'batch_size' AS batch_size, options->'base' AS base FROM hwr_job_details WHERE model = 'retrain_often';

-- errors
SELECT hwr_train('retrain_words', 'retrain_next', options => '{"base": "retrain_nothing"}');
\echo :SQLSTATE
SELECT hwr_train('retrain_words', 'retrain_next', options => '{"base": "retrain_base", "base_version": 9}');
\echo :SQLSTATE
SELECT hwr_train('retrain_words', 'retrain_next', options => '{"base": "retrain_base", "alphabet": "more"}');
\echo :SQLSTATE
SELECT hwr_train('retrain_words', 'retrain_next', options => '{"alphabet": "keep"}');
\echo :SQLSTATE
SELECT hwr_train('retrain_words', 'retrain_next', options => '{"base": "retrain_base", "fit": "pad"}');
\echo :SQLSTATE
\set VERBOSITY terse
SELECT hwr_train('retrain_words', 'retrain_next', options => '{"base": "retrain_base", "architecture": "small"}');
\set VERBOSITY default
\echo :SQLSTATE

-- the base must be one's to use
CREATE ROLE regress_hwr_retrain;
GRANT SELECT ON retrain_words TO regress_hwr_retrain;
GRANT EXECUTE ON FUNCTION hwr_train TO regress_hwr_retrain;
SET SESSION AUTHORIZATION regress_hwr_retrain;
SET client_min_messages = warning;
SELECT hwr_train('retrain_words', 'retrain_mine', options => '{"base": "retrain_base", "epochs": 1}');
\echo :SQLSTATE
RESET SESSION AUTHORIZATION;
SELECT hwr_grant_model('retrain_base', 'regress_hwr_retrain');
SET SESSION AUTHORIZATION regress_hwr_retrain;
SELECT version FROM hwr_train('retrain_words', 'retrain_mine', options => '{"base": "retrain_base", "epochs": 1}');
RESET SESSION AUTHORIZATION;

--
-- The average of the last steps
--
SELECT version, epochs, best_epoch, train_loss FROM hwr_train('retrain_words', 'retrain_next', options => tiny('{"average": 0.5, "validation_fraction": 0}'));
SELECT hwr_train('retrain_words', 'retrain_next', options => tiny('{"average": 1}'));
\echo :SQLSTATE

--
-- A head that is there in training only
--
CREATE FUNCTION tensors(name text, number integer) RETURNS jsonb LANGUAGE sql
RETURN (SELECT convert_from(substr(file, 9, get_byte(file, 0) + 256 * get_byte(file, 1)), 'UTF8')::jsonb - '__metadata__' FROM hwr_export_model(name, number) file);
SELECT version FROM hwr_train('retrain_words', 'retrain_head', options => tiny('{"shortcut": 0.1}'));
SELECT version FROM hwr_train('retrain_words', 'retrain_head', options => tiny('{"base": "retrain_head", "shortcut": 0}'));
SELECT tensors('retrain_head', 1) = tensors('retrain_head', 2) AS same, (SELECT count(*) FROM jsonb_object_keys(tensors('retrain_head', 1))) AS tensors,
	(SELECT array_agg((options->>'shortcut')::numeric ORDER BY version) FROM hwr_model_details WHERE model = 'retrain_head') AS shortcut;
SELECT hwr_train('retrain_words', 'retrain_head', options => tiny('{"architecture": "[1,32,96,1 Cr3,3,8 Mp32,4 Fr9", "shortcut": 0.1}'));
\echo :SQLSTATE

--
-- Going on: the rest is in a TAP test
--
SELECT hwr_resume(NULL);
\echo :SQLSTATE
SELECT hwr_resume(0);
\echo :SQLSTATE
SELECT hwr_resume(0, -1);
\echo :SQLSTATE
SELECT hwr_drop_job(0);
\echo :SQLSTATE
SELECT count(*) AS with_checkpoint FROM hwr_job_details WHERE checkpointed IS NOT NULL AND model LIKE 'retrain%';

SELECT hwr_drop_model(model) FROM unnest('{retrain_base, retrain_next, retrain_mine, retrain_names, retrain_often, retrain_head}'::text[]) model;
DROP VIEW retrain_few;
DROP TABLE retrain_words;
DROP FUNCTION tiny, tensors;
DROP OWNED BY regress_hwr_retrain;
DROP ROLE regress_hwr_retrain;
