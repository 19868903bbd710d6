--
-- Metrics as aggregates
--
CREATE TABLE pairs (id integer PRIMARY KEY, kind text, truth text, guess text);
INSERT INTO pairs VALUES
	(1, 'a', 'kitten', 'sitting'),
	(2, 'a', 'same', 'same'),
	(3, 'b', 'one two three', 'one three'),
	(4, 'b', 'über', 'uber'),
	(5, 'b', 'שלום', 'שלם'),
	(6, 'c', '', 'x'),
	(7, 'c', '', ''),
	(8, 'd', NULL, 'x'),
	(9, 'd', 'x', NULL);

-- By hand: 3 + 0 + 4 + 1 + 1 + 1 + 0 edits in 6 + 4 + 13 + 4 + 4 characters, 1 + 0 + 1 + 1 + 1 + 1 + 0 in 7 words
SELECT round(31 * hwr_cer(truth, guess)) AS edits, round(7 * hwr_wer(truth, guess)) AS word_edits,
	round(7 * hwr_exact(truth, guess)) AS exact FROM pairs;
SELECT kind, round(hwr_cer(truth, guess)::numeric, 4) AS cer, round(hwr_wer(truth, guess)::numeric, 4) AS wer,
	round(hwr_exact(truth, guess)::numeric, 4) AS exact FROM pairs GROUP BY kind ORDER BY kind;
SELECT round(6 * hwr_cer(truth, guess) FILTER (WHERE id = 1)) AS edits,
	hwr_exact(truth, guess) FILTER (WHERE id = 2) AS exact FROM pairs;
SELECT id, round(hwr_cer(truth, guess) OVER (ORDER BY id)::numeric, 4) AS so_far FROM pairs ORDER BY id;
SELECT hwr_cer(truth, guess), hwr_wer(truth, guess), hwr_exact(truth, guess), hwr_confusion_matrix(truth, guess) FROM pairs WHERE false;
SELECT c.* FROM unnest((SELECT hwr_confusion_matrix(truth, guess) FROM pairs WHERE kind = 'a')) c;
SELECT kind, c.truth, c.guess, c.count FROM (SELECT kind, hwr_confusion_matrix(truth, guess) AS pairs FROM pairs GROUP BY kind) p, unnest(p.pairs) c
	WHERE kind IN ('b', 'c') AND c.truth <> c.guess ORDER BY kind, c.truth COLLATE "C", c.guess COLLATE "C";

-- Partial states, sent between processes, give what one process gives.
CREATE TABLE many_pairs AS SELECT md5(i::text) AS truth, md5((i * i / 3)::text) AS guess FROM generate_series(1, 300) i;
ALTER TABLE many_pairs SET (parallel_workers = 2);
CREATE TABLE serially AS SELECT hwr_cer(truth, guess) AS cer, hwr_wer(truth, guess) AS wer, hwr_exact(truth, guess) AS exact,
	hwr_confusion_matrix(truth, guess) AS confusions FROM (SELECT * FROM many_pairs OFFSET 0) p;
BEGIN;
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL min_parallel_table_scan_size = 0;
EXPLAIN (COSTS OFF) SELECT hwr_cer(truth, guess), hwr_wer(truth, guess), hwr_exact(truth, guess), hwr_confusion_matrix(truth, guess) FROM many_pairs;
SELECT p.cer = s.cer AS cer, p.wer = s.wer AS wer, p.exact = s.exact AS exact, p.confusions = s.confusions AS confusions
	FROM (SELECT hwr_cer(truth, guess) AS cer, hwr_wer(truth, guess) AS wer, hwr_exact(truth, guess) AS exact,
		hwr_confusion_matrix(truth, guess) AS confusions FROM many_pairs) p CROSS JOIN serially s;
COMMIT;
-- The states are not to be had otherwise.  How that is said differs between minor versions.
DO $$
BEGIN
	PERFORM hwr.metrics_accum(NULL, 'a', 'b');
EXCEPTION WHEN undefined_function OR feature_not_supported THEN
	RAISE NOTICE 'refused';
END $$;
DROP TABLE pairs, many_pairs, serially;

\set SHOW_CONTEXT never

-- Canonically equal texts are equal.
SELECT hwr_cer(U&'\00e9t\00e9', U&'e\0301te\0301'), hwr_exact(U&'\00e9t\00e9', U&'e\0301te\0301');

-- Texts of pages: linear memory, and a cancel is heard.
SELECT round(4100 * hwr_cer(repeat('ab', 2050), repeat('ba', 2050))) AS edits;
SELECT hwr_exact(repeat('a ', 60000), repeat('a ', 60000)), hwr_wer(repeat('a ', 60000) || 'b', repeat('a ', 60000) || 'c') > 0 AS wer;
SET statement_timeout = '300ms';
SELECT hwr_cer(repeat('ab', 60000), repeat('cda', 40000));
RESET statement_timeout;
