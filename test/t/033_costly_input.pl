# Short statements that ask for endless work: each is refused at once, or ends soon after its time is over

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(time);

use HwrTest;

my $node = new_server('costly');

$node->safe_psql('postgres', <<'SQL');
CREATE TABLE kept AS SELECT hwr_posterior(image) AS p, image FROM words WHERE id = 1;
-- an outline and a baseline of 40,000 points
CREATE TABLE points AS
	SELECT (SELECT ('(' || string_agg(format('(%s,%s)', i % 100, i % 30), ',') || ')')::polygon FROM generate_series(1, 40000) i) AS area,
		(SELECT ('[' || string_agg(format('(%s,%s)', i % 100, i % 30), ',') || ']')::path FROM generate_series(1, 40000) i) AS baseline;
-- all characters, the greatest first
CREATE TABLE characters AS
	SELECT string_agg(chr(i), '' ORDER BY i DESC) AS text, array_agg(chr(i) || 'x') AS words
	FROM generate_series(160, 1114111) i WHERE i NOT BETWEEN 55296 AND 57343;
-- candidates with much in common
CREATE TABLE names AS SELECT array_agg(repeat('ab', 5000) || i) AS names FROM generate_series(1, 2500) i;
-- the same with isolates, which the bidirectional algorithm pairs
CREATE TABLE isolates AS SELECT ARRAY[chr(1488) || repeat(chr(8295) || chr(8297), 500000)] AS names;
CREATE TABLE long_name AS SELECT ARRAY[repeat('ab', 60000000)] AS names;
SQL

sub varint
{
	my ($n) = @_;
	return $n < 128 ? sprintf('%02x', $n) : sprintf('%02x', $n % 128 | 128) . varint($n >> 7);
}

# SQL of a kept posterior of so many steps, any of n characters from one on at each; other: what stands for a probability
sub vague
{
	my ($steps, $first, $n, $other) = @_;
	my $head = '02' . '00' x 8 . '00ff' . join('', map { varint($_) } $n + 1, $steps, 100, 100, 100, $n, $first);
	my $step = '7f' . varint($n - 63) . "1$other";
	return "decode('$head' || repeat('00', $n - 1) || repeat('$step' || repeat('0$other', $n - 1), $steps), 'hex')::hwr_posterior";
}

# Seconds that a statement may take after its timeout, on a machine that is busy.
my $patience = 30;

sub soon
{
	my ($what, $sql, $errors) = @_;
	my $begun = time;
	my ($rc, $out, $err);

	my $timed_out = 0;
	($rc, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\nSET statement_timeout = '1s';\n$sql",
		timeout => $patience, timed_out => \$timed_out);
	ok(!$timed_out, "$what: soon");
	like($err, $errors, "$what: says what is the matter") if $errors;
	# what goes on after its client has gone would hold up the next
	$node->stop('immediate'), $node->start if $timed_out;
}

my $refused = qr/ERROR:  22023: pattern does not parse/;
my $nbest = 'SELECT count(*) FROM kept, hwr_nbest(p, pattern => ';
soon('repetitions of nothing', "${nbest}'((((((){100}){100}){100}){100}){100})')", $refused);
soon('repetitions of nothing or something', "${nbest}'((((((a|){0}){100}){100}){100}){100})')", $refused);
soon('a long pattern', "${nbest}repeat('a?', 100000))", $refused);
soon('many characters, often', "${nbest}'([' || (SELECT string_agg('\\' || chr(i), '') FROM generate_series(256, 12000) i) || ']{100}){20}')", $refused);
soon('many states of many characters', "${nbest}'.*[a-m].{11}', allow => (SELECT string_agg(chr(i), '') FROM generate_series(256, 6000) i))", qr/ERROR:  (57014|22023)/);
soon('a pattern over all characters', "SELECT count(*) FROM kept, characters, hwr_nbest(p, pattern => '.{1000}', allow => text)",
	qr/ERROR:  (57014|22023|22P03)/);
soon('an alphabet of all characters', 'SELECT count(*) FROM kept, characters, hwr_nbest(p, allow => text)');
soon('an outline and a baseline of many points', 'SELECT hwr_crop(image, area, baseline) FROM kept, points', qr/ERROR:  57014/);
soon('candidates with much in common', 'SELECT count(*) FROM kept, names, hwr_match(p, names)');
soon('candidates that begin with any character', 'SELECT count(*) FROM kept, characters, hwr_match(p, words)');
soon('a candidate of a book', 'SELECT count(*) FROM kept, long_name, hwr_match(p, names)',
	qr/ERROR:  (22023: there are too many candidates|57014)/);
soon('long texts compared', "SELECT hwr_cer(repeat('ab', 300000), repeat('cda', 200000))", qr/ERROR:  57014/);
soon('long texts that are equal', "SELECT hwr_exact(repeat('a ', 1000000), repeat('a ', 1000000))");
soon('a test of significance', 'SELECT hwr.mcnemar(4000000000000000000, 4000000000000000001)');
soon('a chart of numbers too small to tell apart',
	"SELECT length(hwr.draw_lines('', '', '', '', '{a}', '{1,1,1}', '{1,2,3}', '{5e-324,1e-323,1.5e-323}'))");
soon('a candidate of isolates', 'SELECT count(*) FROM kept, isolates, hwr_match(p, names)');
soon('a word of isolates', 'SELECT hwr_relevance(p, names[1]) FROM kept, isolates');
soon('columns of an area of many points', 'SELECT hwr_uncrop(area, 0, 1, baseline) FROM points', qr/ERROR:  57014/);
my $index = 'CREATE INDEX ON vague USING gin (p hwr_posterior_ops (bound = 0.001))';
soon('an index of three characters that may be any of many', 'CREATE TEMP TABLE vague AS SELECT ' . vague(3, 0x4e00, 400, 'c') . " AS p; $index");
soon('an index of many kinds of separators', 'CREATE TEMP TABLE vague AS SELECT ' . vague(2, 0x40000, 400000, 'fff') . " AS p; $index");
my $from = 'FROM (SELECT ' . vague(2, 0x40000, 400000, 'fff') . ' AS p) v';
soon('words of many kinds of separators', "SELECT count(*) $from, hwr_words(p)");
soon('places among many kinds of separators', "SELECT count(*) $from, hwr_spots(p, '?')");
is($node->safe_psql('postgres', 'SELECT 1'), '1', 'and the server answers');

$node->stop('immediate');
done_testing();
