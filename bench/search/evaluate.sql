-- Keyword search in kept posteriors beside search in the reading, on labelled lines.
--
--	psql -v kept=kept -v other=training -f bench/search/evaluate.sql
--
-- kept: a table of keep.sql, of lines that the model has not learned from; other: a table with a column label, for words that do not occur in
-- them.  Queries are all different words of at least two characters of the labels, folded (hwr_fold), and as many words of
-- the other table that are in no label.  A line is relevant to a word if its label has it as a word.  The reading is
-- looked at twice: by the ink alone (greedy), and as hwr_recognize gives it.  limit: lines that are taken; ways: what
-- else is compared, as rows of (name, expression of q.word and l's columns).  Needs the extension pg_trgm.  Makes temporary tables only.
--
-- AP of a query: the sum over the different scores, the highest first, of the recall that the lines with that score
-- add, times the precision down to there; lines with score 0 are not found.  mAP: its mean over the queries with relevant
-- lines.  AP of all: the same over all pairs of query and line at once.  Recall at precision 0.9: the highest recall
-- at a threshold for all pairs.
\set ON_ERROR_STOP on
\pset footer off
SET client_min_messages = warning;
SET jit = off;
\if :{?limit} \else \set limit 1000000 \endif
\if :{?ways} \else \set ways '(''kept'', hwr_relevance(kept, q.word)), (''ink'', hwr_relevance(ink, q.word)), (''small'', hwr_relevance(small, q.word))' \endif

CREATE TEMP TABLE ev_posteriors AS
	SELECT *, ' ' || hwr_fold(label) || ' ' AS truth, ' ' || hwr_fold(hwr_text(dense)) || ' ' AS greedy, ' ' || hwr_fold(reading) || ' ' AS folded
	FROM :kept WHERE id <= :limit;

-- Size, beside 8 bits for each class at each step (their number is byte 13, as long as it is below 256), and what decoding loses
SELECT v.way, count(*) AS lines, round(avg(length(label)), 1) AS characters, round(avg(steps)) AS steps, round(avg(octet_length(p::bytea))) AS bytes,
	round(60.0 * sum(octet_length(p::bytea)) / sum(length(label))) AS bytes_of_60,
	round(avg(octet_length(p::bytea)) FILTER (WHERE length(label) BETWEEN 55 AND 65)) AS bytes_of_55_to_65,
	round(sum(octet_length(p::bytea))::numeric / sum(steps * get_byte(p::bytea, 13)), 4) AS share_of_dense,
	round(100 * hwr_cer(label, hwr_text(p))::numeric, 3) AS cer, round(-avg(greatest(hwr_score(p, label), -100))::numeric, 3) AS loss
FROM ev_posteriors, LATERAL (VALUES ('dense', dense), ('ink', ink), ('kept', kept), ('small', small)) v (way, p),
	LATERAL (SELECT steps FROM hwr_posterior_info(p)) i
GROUP BY v.way ORDER BY avg(octet_length(p::bytea)) DESC;

CREATE TEMP TABLE ev_queries AS
	SELECT DISTINCT word FROM ev_posteriors, regexp_split_to_table(trim(truth), ' ') word WHERE length(word) >= 2;
INSERT INTO ev_queries
	SELECT word FROM (SELECT DISTINCT word FROM :other, regexp_split_to_table(hwr_fold(label), ' ') word
		WHERE length(word) >= 2 EXCEPT SELECT word FROM ev_queries) w
	ORDER BY md5(word) LIMIT (SELECT count(*) FROM ev_queries);

CREATE TEMP TABLE ev_pairs AS
	SELECT q.word, l.id, position(' ' || q.word || ' ' IN l.truth) > 0 AS relevant, v.method, v.score
	FROM ev_queries q, ev_posteriors l, LATERAL (VALUES
		('reading, ink alone', (position(' ' || q.word || ' ' IN l.greedy) > 0)::integer::float8),
		('reading', (position(' ' || q.word || ' ' IN l.folded) > 0)::integer::float8),
		('word_similarity, ink alone', word_similarity(q.word, l.greedy)::float8),
		('word_similarity', word_similarity(q.word, l.folded)::float8),
		('strict_word_similarity, ink alone', strict_word_similarity(q.word, l.greedy)::float8),
		('strict_word_similarity', strict_word_similarity(q.word, l.folded)::float8), :ways) v (method, score)
	WHERE v.score > 0 OR position(' ' || q.word || ' ' IN l.truth) > 0;

-- Pairs with the same score are one step of the curve.
CREATE TEMP TABLE ev_curves AS
WITH groups AS (
	SELECT method, word, score, count(*) FILTER (WHERE relevant) AS hits, count(*) AS found
	FROM ev_pairs GROUP BY method, word, score)
SELECT method, word, score, hits, sum(hits) OVER w AS all_hits, sum(found) OVER w AS all_found,
	sum(hits) OVER (PARTITION BY method, word) AS relevant
FROM groups WINDOW w AS (PARTITION BY method, word ORDER BY score DESC);
CREATE TEMP TABLE ev_curve AS
WITH groups AS (
	SELECT method, score, count(*) FILTER (WHERE relevant) AS hits, count(*) AS found FROM ev_pairs GROUP BY method, score)
SELECT method, score, hits, sum(hits) OVER w AS all_hits, sum(found) OVER w AS all_found,
	sum(hits) OVER (PARTITION BY method) AS relevant
FROM groups WINDOW w AS (PARTITION BY method ORDER BY score DESC);

SELECT count(*) AS queries, count(*) FILTER (WHERE EXISTS (SELECT FROM ev_posteriors l WHERE position(' ' || word || ' ' IN truth) > 0)) AS present,
	(SELECT count(*) FROM ev_posteriors) AS lines FROM ev_queries;

SELECT m.method, round(m.map::numeric, 4) AS map, round(g.ap::numeric, 4) AS ap, round(g.recall::numeric, 4) AS recall_at_90,
	round(g.threshold::numeric, 3) AS threshold
FROM (SELECT method, avg(ap) AS map FROM
		(SELECT method, word, coalesce(sum(CASE WHEN score > 0 THEN hits * all_hits / all_found END) / relevant, 0) AS ap
			FROM ev_curves WHERE relevant > 0 GROUP BY method, word, relevant) a GROUP BY method) m
	JOIN (SELECT method, sum(CASE WHEN score > 0 THEN hits * all_hits / all_found END) / relevant AS ap,
			max(all_hits / relevant) FILTER (WHERE score > 0 AND all_hits >= 0.9 * all_found) AS recall,
			min(score) FILTER (WHERE score > 0 AND all_hits >= 0.9 * all_found) AS threshold
			FROM ev_curve GROUP BY method, relevant) g USING (method)
ORDER BY method COLLATE "C";
