--
-- hwr_score: probability of a text
--
SELECT id, hwr_score(image, label, 'strokes') > -0.5 AS likely, hwr_score(image, 'I_^', 'strokes') < -5 AS unlikely FROM strokes ORDER BY id;
SELECT hwr_score(image, 'i^ ', 'strokes') = hwr_score(image, 'I^', 'strokes') AS normalized,
	hwr_score(image, 'Ix', 'strokes') AS outside, hwr_score(image, repeat('I', 9), 'strokes') AS too_long,
	hwr_score(image, repeat('I', 100000), 'strokes') AS far_too_long, hwr_score(image, E'I\x01', 'strokes') AS control,
	hwr_score(image, NULL, 'strokes') AS no_label, hwr_score(NULL, 'I', 'strokes') AS no_image FROM strokes WHERE id = 1;
SELECT hwr_score('x', 'I', 'strokes');
-- Candidates ranked by what the ink says
SELECT s.id, (array_agg(c.label ORDER BY hwr_score(s.image, c.label, 'strokes') DESC))[1] = s.label AS found
	FROM strokes s, strokes c GROUP BY s.id ORDER BY s.id;
SELECT c.label FROM (SELECT image FROM strokes WHERE id = 3) s, strokes c ORDER BY hwr_score(s.image, c.label, 'strokes') DESC LIMIT 1;
-- The image kept from the last call does not pass a limit that is lower now.
DO $$
DECLARE
	ink bytea := (SELECT image || decode(repeat('00', 2000), 'hex') FROM strokes WHERE id = 3);
	score float8;
BEGIN
	FOR i IN 1 .. 2 LOOP
		score := hwr_score(ink, 'I^I_', 'strokes');
		RAISE NOTICE '%', score > -1;
		SET LOCAL hwr.max_image_bytes = 1;
	END LOOP;
EXCEPTION WHEN program_limit_exceeded THEN
	RAISE NOTICE '%', SQLERRM;
END $$;
