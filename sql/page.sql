--
-- Whole pages: hwr_lines, hwr_crop, hwr_read_page, hwr_page_text
--
-- Lines found without a model: those of a model change with it (train_lines.sql).
SET hwr.line_model = '';
SELECT hwr_import_model(stroke_model(), 'strokes');

-- A heading over two columns of four lines, on ruled paper, 620 x 310 pixels
CREATE TABLE page (page bytea);
INSERT INTO page VALUES (decode('
iVBORw0KGgoAAAANSUhEUgAAAmwAAAE2AQAAAAD0E/OEAAAK4UlEQVR42u2cX2wcx33HP7O3OW4T
hrcRXPgUUORI0YOflJPzIgW0OAwE1C3y4Ly1QJqc5cDoQ4EwjIsyjswbSYeUARKJ9lNQFDVRGHkO
2oc6D5VGAiGdArel8xAYARutyUtMA4Z0d2acPWZvJw93pG73SIoyWaBId1543D+fnd/szOx8vzuz
wnKIqelwqCnDZbgMl+EyXIbLcPvCWYXGaAB8S8fqA+FirOHrBqBDrJk7tGAjPyI6YLARKKQCIAjZ
H2+v3MXts7eu+a+xuq4aOoShiv74uBDCd4jDb/I6+BB2ouuPzJ27654WNKOi/NR/MN80bRoNbx/x
7hFswIvOybP6KE/0jqyjP37ufkXU8dXf/elZK0Hg1gtB+wC5UxB9LbJFUA4hq8YRPz8ATsBNTaNM
TAPAaxyoooxBHoSGSAM1f6+S2U+9E0pe8muKn/aqYW3+4+OsJGxHoT2H83O4xoIs6AO1Co0s4xUR
7laQC4/m2f2nX00+6ojG43Sf8nB741g98hDxGCKqkztUEZU73GCz52yGy3AZLsNluAyX4TLcNu5y
34ZFsHFXgC6mhndiekuZgo5643HMAK5fl2uIvwvw0aACe4fuDrDmI4BNoDwYrEkOgEV3z8BYeL7v
FAcglDsFOxY83GC6OUxdBCB3J6nYAGFSA3AH4BJe82Vp5dL6ovdFn3rRr9L8pjzrJ3neTys+t5oP
5FJ7jgey2tT//a3O95c2BoJ9EC3/e2OzcS54xf4uJLDhHMvxgzBM4kx4PUQtzzXOrRviB3PLsHxx
Nm4M4ObGDIS24PFVoFS2BfJmJ7thgicNtrAaQEzefO68cf1gADdsRqYWxPJTJqpi8PT1MrUpLdLE
fFvb4yOX9FOfQAs9U1N8kp9JN42T+l+utsqtMYX8y9MgmrzNby/w9OCdPc8vXl2NVS1iNZr+rWah
XVK1FM7CDyS4aOv+lwOhw22eceM0zfdtUWxIF+2DK3gGVxIPLQxU4/DzQBDh95SIW6SEPyghS2Vu
wDAa8Chxb+c2Kw1A0Gbjze49LPNlramlRZnQnVMW3bYSNF/WxCpZ8RyAzWfrK1VGSzP341p1CMd1
W6zM80q6lUm/xrd/Oc/M/Sk8W1/RrFymqlK4uKaPrwd0nnhjY/JicF03AhZYN1GQCtdiFYvryn3j
pVmMp9YR7zeigWAd4Q4D/gkPzwcNR/JcQqYbrWS+6LiXOOFNAZJLeJd7xkNCbRes7Wwr5nD71529
pfWD7p/mgNpu9HejYr9dpb+v3jj/sMnvi9o63M7d/bji/dHp//gbUKw5PNZ4Q2RvjzNchstwGS7D
ZbgMl+Ey3B8Drs9JsFr1XJdUWtbYuOv/9A2D13fCfdD3+0aKv73dEH+3a7TED7VdsBOuT7/Eewkx
sce70D69997Dn9HEZEoM9lJcsVG7d4wd0JZdxbjanjzvV/kf5d+90NT4rxLB/N3KkebfrPdd2F1+
xvvntqoX/Umf6vLJz66fmL+rrf9q+9lE7nQwypCwZnRIE0xGQ1TCM+dyeiJnPtenaSNx9UxutDxp
/PyZQiyu8pnb5PRkOMR0IZE7HYAtQDQBq0E0AWEYjxFhkraWD+SCUhnejPFLF7bqQyNZUY4NydL1
MjkW88W3YHEYBM/l28GI6te005qAb0hPm7bHjPamKZbziNrwezphy5y4E03xNktt5uWmbFsfpxXp
ebja/7I90pxldNOIJpM/iaaZIi/1PK0bfqoaKx/NbTwHn9A4SJqBwHdc+elElYixjOvQib1FQRxi
FD4u0vMTxgcaxy2CD1NXuiXhhtBImzgSKAJenhCJi3AhYGs+0lbuYmiYMpZ6HA5DHepeT+OrpOqv
82MD5v3pXrMMdmizzr/dn8Jt4cc1SUXFNaXB1uU5szLfb5LIFaum7ivH5eKCra84kdZIFS2ov0+W
3dsvhbCALlyDFoWrETXf+7O48P31/iuH7vp0PtygEUQdPLU+3RnGxhyLoy/KfpxwwD2Sh2cll5Xx
JIDrAyTmx3jgozT4fu98x9uxzca7GDmdtb5/mtauDXg81tobA3MqxON3rn7K891Xb1xPHuoesHP3
HrNzz1yezOXJcBkuw2W4DJfhMlyGy3D/b3H2YogFva0P1d5jXNvvtaxvrKdw8UcfEGt7w2wfHuu9
cLEGfr8l6htBOljtPn5gYtsx8lJGUc4BtFV9Um/P3CX3BhOJ3NmZ//zhX6uo/fTlH8qTt2i+7N9S
9aOqmmbM3634vNo5Vl+sH1XVZuhXf63xMCxXb/Xp2fj0PGo8bIA3IoQ1pSFdMf6YSNtPOT0xZJkd
fmHc+GPCTA8JMxnl7JUrV3MiMWvBv6mh6Z15apYnMaApfeX+QPmPEU1AOBvI0lfuY7rGEGjNqScT
t0KfyCF+457/AqePM6JuTOC9yEya91y+rRn+EIv3IjMj+no5r6iDH08d7w+Ws+/9w3hzaTRaHZ4r
2NHnb09U2kvFtVSwYXPk9FA8emGYSnupuDb+7tLUNdu8Y0984Z/GCgnxHgYeRF+N4pLYQDooHUbP
D1YM3xaRcQnC6Hmkw21wsCNcfn8jEawCyU1NYDAW4ghuzqZxITTKEBg0N2ctuMWuOaaENv04Hyzk
IUfnVG9HfrCytRAackjIg8WUAWKlN//qVCJ3lz0fRx0XckHPsFL13sRR42upmmzr8rkaanFB4Kjx
X/+y6rZ8HdeA8fpM/60orV0bm1wzn2kGXpSz3Lkq7Jop5iupWzEyMT0UzQbDz9s1Uxzizg/E2GSj
EDZbZ9xc/634c0Ahy/glZ6vxynI6VtfHK4Jfeg1kmUscyfc8FPeT7g7O7Ja1M+Dj7DqTJ6rYe4mV
MwcT7+nVKgcU77ns0ZO5PNmdzXAZLsNluAyX4TJchstw/yu4mz6B6ela6K37Wd710s2u4oHebJ8o
dYgJ+Ul5ywvi992FWQNDcLs1jO5eKOpJ5u4SrsQVvd6CFdV3tr+rGXNz9wJzugP47slCA4iuBzQg
QLnY+zuS8IwGydp++oXV5isL9jtq/di7oaHalt7r59M+Ch9OHqv/o29fOrn04VEdUm1Wjtxis/Z5
OU+/nh0PcQjODEXlybWi+da1WASjudG0yxPNBsXhF/yh2BEiYLJpRTCREza8LUdyiVkL787mh1kN
IBdYsWSICXb6FMo84WwgEaO2AGALqys8CUbFY8liFHf94lvUqEvCHzk+M0PUKQ3K1+PKYuDpp8T3
IC6/1b53HGKhn0viWmZMbh4t8bKJWxslHU3XjgajagD3jX/l+mmI/0Kteji8vSn5BVy88HBpjwPY
yapFhYZoXENTIyg4dsDBiyJccECiXWhwO7z1iQ3AFak6E4C4AhQhl4cQ3dixDQWgsUTgK6LilUZg
QPS5i9tVMBwGfmwExX6bNJk9TU0C0GYOKA/TOQUK3UriogWlK19C3Ff8Sacqbf1vz9WmBnqHmhct
CNcDPeNB54lW5ZyZ0TierSdw6lgc0WoQbuBQv4enwsJcOBDvlDkmVWCI3DcMwEKrMP+6QRvv2X5c
DOAoA0q7C5d0qvFuF8cIvnoNUI6H1IGTV8ZxlTjJSZ+ky3MjZeFElXv7+2ZKlDCqGrt8bkXv9xMs
kd2PaeTEh+oFOIf7rIj+KJ9kmcuT4TJchstwGS7DZbgMl+EyXBLX+5bOOpjN/oU6idTdXOnXabvg
4m39Ww63PsAzkN4BsNf7ZPgHjwxWPjJ+vfuuPwBE/p8sUWIK0AAAAABJRU5ErkJggg==
', 'base64'));

-- The heading, then the left column, then the right one.
SELECT line, region, kind, reason, confidence > 0.5 AS confident,
	round(((outline::box)[1])[0] / 50) AS left, round(((outline::box)[0])[0] / 50) AS right,
	round(((outline::box)[0])[1] / 50) AS bottom
	FROM page, hwr_lines(page) WHERE kind = 'text' ORDER BY line;
-- Baselines run from left to right inside their outlines, and each line has an image of its own.
SELECT bool_and(isopen(baseline)) AS open, bool_and(npoints(outline) >= 4) AS outlines,
	bool_and(outline @> (center(outline::box))) AS inside, bool_and(substr(image, 2, 3) = 'PNG') AS images
	FROM page, hwr_lines(page) WHERE kind = 'text';
SELECT count(image) FROM page, hwr_lines(page, images => false);
-- Columns from the right
SELECT line, round(((outline::box)[1])[0] / 50) AS left FROM page, hwr_lines(page, right_to_left => true) WHERE kind = 'text' AND line IN (1, 2, 6) ORDER BY line;
-- What is no line says why.
SELECT count(*) FROM page, hwr_lines(page) WHERE (kind = 'rejected') <> (reason IS NOT NULL) OR (kind = 'rejected') <> (image IS NULL) OR (kind = 'rejected') <> (region IS NULL);

-- A line's image reads as the line does.
SELECT count(*), count(*) FILTER (WHERE r.text = hwr_recognize(l.image, 'strokes')) AS same,
	count(*) FILTER (WHERE r.outline ~= l.outline) AS outlines
	FROM page, hwr_lines(page) l, hwr_read_page(page, 'strokes') r WHERE l.line = r.line AND l.kind = 'text';
SELECT bool_and(confidence BETWEEN 0 AND 1) AS confidences,
	bool_and(text = coalesce((SELECT string_agg(c ->> 'char', '' ORDER BY i) FROM jsonb_array_elements(characters) WITH ORDINALITY e (c, i)), '')) AS characters
	FROM page, hwr_read_page(page, 'strokes');
-- Characters lie on the page, in the lines they belong to.
SELECT count(*) > 0 AS some, bool_and((c ->> 'x0')::int < (c ->> 'x1')::int AND (c ->> 'y0')::int < (c ->> 'y1')::int) AS places,
	bool_and(box(point((c ->> 'x0')::int, (c ->> 'y0')::int), point((c ->> 'x1')::int, (c ->> 'y1')::int)) && outline::box) AS beside
	FROM page, hwr_read_page(page, 'strokes'), jsonb_array_elements(characters) c;
SELECT array_length(string_to_array(hwr_page_text(page, 'strokes'), E'\n'), 1) AS rows FROM page;

-- A part as it lies, and straightened along a baseline
SELECT substr(hwr_crop(page, polygon(box '(190,10),(370,55)')), 2, 3) = 'PNG' AS png FROM page;
SELECT get_byte(part, 18) * 256 + get_byte(part, 19) AS width, get_byte(part, 22) * 256 + get_byte(part, 23) AS height
	FROM page, hwr_crop(page, polygon(box '(190,10),(370,55)')) part;
SELECT get_byte(part, 18) * 256 + get_byte(part, 19) AS width, get_byte(part, 22) * 256 + get_byte(part, 23) AS height
	FROM page, hwr_crop(page, polygon(box '(190,10),(370,55)'), path '[(280,55),(280,10)]') part;
SELECT count(*) FILTER (WHERE hwr_crop(page, outline, baseline) = image) AS same, count(*) FROM page, hwr_lines(page) WHERE kind = 'text';
-- And back: where columns of such an image are on the page
SELECT box(hwr_uncrop(polygon(box '(190,10),(370,55)'), 10, 20)), box(hwr_uncrop(polygon(box '(190,10),(370,55)'), 5, 15, path '[(280,55),(280,10)]')) AS upright;
SELECT bool_and(box(hwr_uncrop(outline, 0, s.width, baseline)) @> box(outline)) AS whole, bool_and(box(hwr_uncrop(outline, 0, s.width / 2, baseline)) << box(hwr_uncrop(outline, s.width / 2 + 1, s.width, baseline))) AS halves
	FROM page, hwr_lines(page), hwr_image_size(image) s WHERE kind = 'text';
SELECT hwr_uncrop(NULL, 1, 2) IS NULL AS none;
SELECT outcome(format('SELECT hwr_uncrop(polygon(box ''(190,10),(370,55)''), %L, %L)', a, b)) FROM (VALUES (-1, 5), (5, 4), (170, 181), ('NaN'::float8, 5)) v (a, b);
-- What was kept of a page's lines reads as they do, and a word is found where it is.
SELECT count(*), bool_and(hwr_text(k.ink) = r.text) AS text, bool_and(k.outline ~= r.outline AND k.region = r.region) AS place,
	bool_and(box(hwr_uncrop(k.outline, (SELECT min(x0) FROM hwr_places(k.ink)), (SELECT max(x1) FROM hwr_places(k.ink)), k.baseline)) && box(r.outline)) AS characters
	FROM page, hwr_page_posteriors(page, 'strokes') k, hwr_read_page(page, 'strokes') r WHERE k.line = r.line;
-- unless they are told, all find out which way up a page is
SELECT proname FROM pg_proc WHERE proname ~ '^hwr_' AND 'turn' = ANY (proargnames) AND pg_get_function_arguments(oid) !~ 'turn integer DEFAULT NULL';
SELECT count(*) FROM hwr_page_posteriors(NULL);
SELECT outcome($$SELECT count(*) FROM page, hwr_page_posteriors(page, 'strokes', bound => 2)$$);

-- Nothing in, nothing out
SELECT * FROM hwr_lines(NULL);
SELECT * FROM hwr_read_page(NULL);
SELECT hwr_page_text(NULL) IS NULL, hwr_crop(NULL, polygon(box '(0,0),(1,1)')) IS NULL;
SELECT hwr_crop(page, NULL) IS NULL FROM page;

-- Blank paper has no lines and no text.
SELECT count(*) FROM page, hwr_crop(page, polygon(box '(2,2),(60,30)')) part, hwr_lines(part) WHERE kind = 'text';
SELECT hwr_page_text(part, 'strokes') = '' AS empty FROM page, hwr_crop(page, polygon(box '(2,2),(60,30)')) part;

-- Errors
SELECT outcome($$SELECT * FROM hwr_lines('x'::bytea)$$);
SELECT outcome($$SELECT hwr_lines(page, 45) FROM page$$);
SELECT outcome($$SELECT hwr_read_page(page, 'strokes', -90) FROM page$$);
SELECT outcome($$SELECT hwr_read_page(page, 'nobody') FROM page$$);
SELECT outcome($$SELECT hwr_page_text('x'::bytea, 'strokes')$$);
SELECT outcome($$SELECT hwr_crop('x'::bytea, polygon(box '(0,0),(1,1)'))$$);
SELECT outcome($$SELECT hwr_crop(page, polygon '((0,0),(9,9))') FROM page$$);
SELECT outcome($$SELECT hwr_crop(page, polygon '((0,0),(9,9),(NaN,4))') FROM page$$);
SELECT outcome($$SELECT hwr_crop(page, polygon '((5,5),(5,5),(5,5))') FROM page$$);
SELECT outcome($$SELECT hwr_crop(page, polygon(box '(1000,1000),(1100,1100)')) FROM page$$);
SELECT outcome($$SELECT hwr_crop(page, polygon(box '(0,0),(9,9)'), path '[(1,1)]') FROM page$$);
SELECT outcome($$SELECT hwr_crop(page, polygon(box '(0,0),(9,9)'), path '[(1,1),(Infinity,2)]') FROM page$$);
BEGIN;
SET LOCAL hwr.max_image_pixels = 1000;
SELECT outcome($$SELECT hwr_lines(page) FROM page$$);
COMMIT;


-- Several parts at once
SELECT array_agg(length(part) IS NOT NULL) FROM page, unnest(hwr_crop_batch(page, ARRAY[polygon(box '(190,10),(370,55)'), NULL,
	polygon(box '(1000,1000),(1100,1100)'), polygon(box '(0,0),(9,9)')], ARRAY[path '[(190,50),(370,50)]', NULL, NULL, NULL])) part;
SELECT hwr_crop_batch(page, '{}') = '{}' AS none, hwr_crop_batch(page, NULL) IS NULL AS null FROM page;
SELECT (hwr_crop_batch(page, array_agg(outline), array_agg(baseline))) = array_agg(image) AS same FROM page, hwr_lines(page) WHERE kind = 'text' GROUP BY page;
SELECT s.* FROM page, hwr_image_size(page) s;
SELECT outcome($$SELECT hwr_crop_batch(page, ARRAY[polygon(box '(0,0),(9,9)')], ARRAY[NULL, NULL]::path[]) FROM page$$);
SELECT outcome($$SELECT hwr_crop_batch(page, ARRAY[polygon '((0,0),(9,9))']) FROM page$$);
SELECT outcome($$SELECT hwr_image_size('x'::bytea)$$);
