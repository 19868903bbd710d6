# Damaged images and models through SQL: an error or a result each time, never a crash, and no memory lost.
#
# HWR_LONG=1 tries 100,000 images and 20,000 models, else a fiftieth of that.
use strict;
use warnings FATAL => 'all';

use lib 'test/t';
use HwrTest;
use PostgreSQL::Test::Cluster;
use Test::More;

my $part = $ENV{HWR_LONG} ? 1 : 50;
my $images = 100_000 / $part;
my $models = 20_000 / $part;
my $node = HwrTest::new_server('bad', init => { extra => ['--encoding=UTF8'] });

load_golden($node, 'golden');
$node->safe_psql('postgres', <<'SQL');
-- Bytes changed, or the end cut off, or a piece doubled: which and where follows from the seed.
CREATE FUNCTION damage(bytes bytea, seed integer) RETURNS bytea LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
	h bytea := sha256(int4send(seed));
	len integer := length(bytes);
	at integer := ((get_byte(h, 0) << 16) + (get_byte(h, 1) << 8) + get_byte(h, 2)) % len;
BEGIN
	CASE get_byte(h, 3) % 8
		WHEN 0 THEN RETURN substring(bytes FROM 1 FOR at);
		WHEN 1 THEN RETURN substring(bytes FROM 1 FOR at) || substring(bytes FROM greatest(1, at / 2));
		ELSE
			FOR i IN 0 .. get_byte(h, 4) % 6 LOOP
				-- the first half of the damage hits the headers, which the decoders trust most
				at := ((get_byte(h, 5 + 3 * i) << 8) + get_byte(h, 6 + 3 * i)) % CASE WHEN i % 2 = 0 THEN least(len, 700) ELSE len END;
				bytes := set_byte(bytes, at, get_byte(h, 7 + 3 * i));
			END LOOP;
			RETURN bytes;
	END CASE;
END $$;

-- The SQLSTATE that a statement ends with
CREATE FUNCTION outcome(query text, bytes bytea) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE query USING bytes;
	RETURN '00000';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE;
END $$;

-- PNG too: one drawn by the extension itself
CREATE TABLE originals AS
	SELECT row_number() OVER () AS n, image FROM (
		(SELECT image FROM words ORDER BY id LIMIT 20) UNION ALL
		(SELECT hwr.thumbnail(image, 48) FROM words ORDER BY id LIMIT 20)) w;

CREATE FUNCTION own_memory() RETURNS bigint LANGUAGE sql VOLATILE AS $$
	SELECT substring(pg_read_file('/proc/' || pg_backend_pid() || '/status') FROM 'RssAnon:\s*(\d+)')::bigint
$$;
SQL

# Outcomes and how many, of n damaged pieces in batches, with the growth of the backend's memory from the second batch on.
sub try_all
{
	my ($what, $n, $statement, $source) = @_;
	my $batch = $n / 10;
	my $script = join("\n", map {
		my ($first, $last) = ($_ * $batch, ($_ + 1) * $batch - 1);
		"INSERT INTO outcomes SELECT outcome(\$\$$statement\$\$, damage(s.bytes, seed)) FROM generate_series($first, $last) seed, " .
		"LATERAL ($source) s;\nINSERT INTO memory (kb) SELECT own_memory();"
	} 0 .. 9);

	$node->safe_psql('postgres', "DROP TABLE IF EXISTS outcomes, memory; CREATE TABLE outcomes (state text);
		CREATE TABLE memory (id integer GENERATED ALWAYS AS IDENTITY, kb bigint)");
	$node->safe_psql('postgres', $script);
	is($node->safe_psql('postgres', 'SELECT count(*) FROM outcomes'), $n, "$what: all were tried");
	is($node->safe_psql('postgres', "SELECT string_agg(DISTINCT state, ' ') FROM outcomes
		WHERE state NOT IN ('00000', '22P03', '54000', 'XX001', '0A000')"), '', "$what: errors say that the input is bad");
	note($node->safe_psql('postgres', 'SELECT state, count(*) FROM outcomes GROUP BY state ORDER BY state'));
	my $growth = $node->safe_psql('postgres',
		'SELECT max(kb) FILTER (WHERE id > 5) - max(kb) FILTER (WHERE id <= 5) FROM memory');
	cmp_ok($growth, '<', 2048, "$what: memory stays level");
	note("$what: $n tried, growth over the second half $growth kB");
}

SKIP:
{
	skip 'no /proc', 1 unless -e "/proc/$$/status";
	try_all('images', $images, q(SELECT hwr_recognize($1, 'golden')),
		'SELECT image AS bytes FROM originals WHERE n = 1 + seed % 40');
	try_all('models', $models, q(SELECT hwr_import_model($1, 'bad', false)), 'SELECT file AS bytes FROM golden');
}

#
# Labels
#
my $labels = <<'SQL';
SELECT hwr_cer(truth, guess), hwr_score((SELECT image FROM words WHERE id = 1), guess, 'golden') IS NOT NULL FROM (VALUES
	(U&'\0041\030A\0327', U&'\00C5\0327'),
	(U&'\05E9\05DC\05D5\05DD', U&'\05E9\05DC\05D5'),
	(U&'\+01F600\+01F1EB\+01F1F7', U&'\+01F600'),
	(U&'\+020000\+02FA1D', U&'\+020000'),
	(U&'\+0E0041\+10FFFD', U&'\+10FFFD'),
	(U&'\1112\1161\11AB', U&'\D55C'),
	(repeat('x', 1048576), 'x')) v(truth, guess) GROUP BY truth, guess
SQL
is(scalar(split(/\n/, $node->safe_psql('postgres', $labels))), 7,
	'labels from every plane, combining, right to left, and of 1 MB');

# A training row with such a label is skipped or learned, and the job goes on.
$node->safe_psql('postgres', q{UPDATE words SET label = repeat('x', 1048576) WHERE id = 1});
$node->safe_psql('postgres', q{UPDATE words SET label = U&'\05E9\05DC \+01F600' WHERE id = 2});
$node->safe_psql('postgres', q{UPDATE words SET label = E'a\u0301\u0327b' WHERE id = 3});
is($node->safe_psql('postgres', "SELECT skipped FROM hwr_train('words', 'labels', options => $HwrTest::tiny)"), '1',
	'a label of 1 MB is left out, others are learned');

#
# Images at the limits: as large as allowed, one more
#
$node->safe_psql('postgres', 'CREATE TABLE page AS SELECT hwr.thumbnail(image, 200) AS image FROM words WHERE id = 5');
my ($bytes, $pixels) = split /\|/, $node->safe_psql('postgres',
	q{SELECT length(image), (get_byte(image, 18) * 256 + get_byte(image, 19)) * (get_byte(image, 22) * 256 + get_byte(image, 23)) FROM page});
$node->safe_psql('postgres', "SET hwr.max_image_pixels = $pixels; SELECT hwr_recognize(image, 'golden') FROM page");
sql_fails($node, "SET hwr.max_image_pixels = @{[$pixels - 1]}; SELECT hwr_recognize(image, 'golden') FROM page",
	'54000', 'exceeds the maximum', 'one pixel too many');

is($node->safe_psql('postgres', "SELECT count(hwr_recognize(image, 'golden')) FROM words"), '100', 'the server still reads');
$node->stop;
done_testing();
