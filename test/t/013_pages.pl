# Whole pages and forms that someone cancels, and the memory that they take
#
# A step between two looks for interrupts is short, so a statement that is over its time ends soon after, however large
# the page is.

use strict;
use warnings;

use Compress::Zlib;
use Test::More;
use Time::HiRes qw(time);

use HwrTest;

my $node = new_server('pages');

# A PNG of grey rows.
sub png
{
	my ($width, $height, $row) = @_;
	my $rows = join '', map { "\0" . $row->($_) } 0 .. $height - 1;
	my $chunk = sub { my ($kind, $data) = @_; return pack('N', length $data) . $kind . $data . pack('N', crc32($kind . $data)) };
	return "\x89PNG\r\n\x1a\n" . $chunk->('IHDR', pack('NNCCCCC', $width, $height, 8, 0, 0, 0, 0))
	  . $chunk->('IDAT', compress($rows, 1)) . $chunk->('IEND', '');
}

sub store
{
	my ($name, $bytes) = @_;
	my $file = $node->basedir . '/row';
	open(my $out, '>', $file) or die $!;
	print $out $name, "\t", '\\\\x', unpack('H*', $bytes), "\n";
	close $out;
	$node->safe_psql('postgres', "\\copy pages FROM '$file'");
	unlink $file;
}

sub slurp_binary
{
	open(my $in, '<:raw', $_[0]) or die "$_[0]: $!";
	local $/;
	return <$in>;
}

$node->safe_psql('postgres', <<'SQL');
CREATE TABLE pages (name text PRIMARY KEY, page bytea);
CREATE TABLE fields (name text, area box, kind text);
INSERT INTO fields VALUES ('a', '(55,132),(363,165)', 'text');
SQL
# Rows of noise that differ: dark here and there, as writing is.
srand(1);
my $noise = join '', map { chr(rand() < 0.2 ? 40 : 220 + int(rand(20))) } 1 .. 30_000;
store('noise', png(5000, 5000, sub { substr($noise, $_[0] * 7919 % 25_000, 5000) }));
store('strip', png(30_000, 200, sub { substr($noise, 0, 30_000) }));
store('white', png(2000, 3000, sub { "\xff" x 2000 }));
store('black', png(2000, 3000, sub { "\0" x 2000 }));
store('dot', png(1, 1, sub { "\x80" }));

# Something like a photograph: hills under a sky, and a sun
store('photograph', png(1600, 1200, sub
{
	my ($y) = @_;
	join '', map {
		my $hill = 700 + 200 * sin($_ / 230) + 60 * sin($_ / 61);
		my $sun = ($_ - 1200)**2 + ($y - 300)**2 < 150**2;
		chr(int($sun ? 250 : $y > $hill ? 90 + 40 * sin($_ / 17 + $y / 23) + ($y - $hill) / 20 : 140 + $y / 12 + rand(6)));
	} 0 .. 1599;
}));
# As large as images may be, with some writing-like noise, and a little larger
store('huge', png(10_000, 10_000, sub { $_[0] % 1000 < 40 ? substr($noise, 0, 10_000) : "\xe0" x 10_000 }));
store('larger', png(10_001, 10_000, sub { "\xe0" x 10_001 }));
store($_, slurp_binary("test/data/forms/$_.jpg")) for qw(registration scan);

# What takes long, and what reads it
my $form = "hwr_read_form(p.page, (SELECT page FROM pages WHERE name = 'registration'), 'fields', NULL, false)";
my %calls = (
	lines => 'hwr_lines(p.page)',
	page => "hwr_read_page(p.page)",
	fit => "hwr_fit_form(p.page, (SELECT page FROM pages WHERE name = 'registration'))",
	form => $form);
for my $name (sort keys %calls)
{
	my $begun = time;
	my ($status, $out, $err) = $node->psql('postgres',
		"SET statement_timeout = '250ms'; SELECT count(*) FROM pages p, generate_series(1, 200) i, LATERAL (SELECT count(*) FROM $calls{$name} WHERE i > 0) r"
		  . ($name eq 'form' ? " WHERE p.name = 'scan'" : " WHERE p.name = 'noise'"));
	like($err, qr/canceling statement due to statement timeout/, "$name: the statement ends");
	cmp_ok(time - $begun, '<', 30, "$name: soon after");
}
is($node->safe_psql('postgres', 'SELECT 1'), 1, 'the server lives');

# Pages that are none: an empty result or an error, and no crash
for my $name (qw(strip white black dot))
{
	is($node->safe_psql('postgres', "SELECT count(*) FILTER (WHERE kind = 'text') FROM pages p, hwr_lines(p.page, images => false) WHERE p.name = '$name'"),
		0, "$name: no line of text") if $name ne 'strip';
	is($node->safe_psql('postgres', "SELECT f.fits FROM pages p, $calls{fit} f WHERE p.name = '$name'"), 'f', "$name: no form");
	my ($status, $out, $err) = $node->psql('postgres', "SELECT count(*) FROM pages p, $form WHERE p.name = '$name'");
	like($err, qr/page does not fit the blank form|around field/, "$name: is not read as one");
}

is($node->safe_psql('postgres', "SELECT count(*) <= 2 FROM pages p, hwr_lines(p.page, images => false) WHERE p.name = 'photograph' AND kind = 'text'"),
	't', 'photograph: next to no line of text');
{
	my $begun = time;
	my $peak = $node->safe_psql('postgres', <<'SQL');
SELECT count(*) >= 0 FROM pages p, hwr_lines(p.page, images => false) WHERE p.name = 'huge';
SELECT substring(pg_read_file('/proc/' || pg_backend_pid() || '/status') FROM 'VmHWM:\s*(\d+)')::bigint / 1024;
SQL
	like($peak, qr/^t\n/, 'huge: is looked through');
	cmp_ok((split /\n/, $peak)[1], '<', 700, 'huge: megabytes of memory');
	cmp_ok(time - $begun, '<', 300, 'huge: seconds, even on a loaded machine');
	my ($status, $out, $err) = $node->psql('postgres', "SELECT count(*) FROM pages p, hwr_lines(p.page) WHERE p.name = 'larger'");
	like($err, qr/exceeds the maximum of 100000000 pixels/, 'larger: an error that says why');
}

# Memory: what a page took is given back, page after page.
my $growth = $node->safe_psql('postgres', <<'SQL');
CREATE FUNCTION own_memory() RETURNS bigint LANGUAGE sql VOLATILE AS $$
	SELECT substring(pg_read_file('/proc/' || pg_backend_pid() || '/status') FROM 'RssAnon:\s*(\d+)')::bigint
$$;
CREATE TEMP TABLE memory (n int, kb bigint);
DO $$
BEGIN
	FOR n IN 1 .. 6 LOOP
		PERFORM count(*) FROM pages p, hwr_read_form(p.page, (SELECT page FROM pages WHERE name = 'registration'), 'fields') WHERE p.name = 'scan';
		PERFORM count(*) FROM pages p, hwr_lines(p.page) WHERE p.name = 'scan';
		INSERT INTO memory VALUES (n, own_memory());
	END LOOP;
END $$;
SELECT max(kb) FILTER (WHERE n = 6) - max(kb) FILTER (WHERE n = 3) FROM memory;
SQL
cmp_ok($growth, '<', 8192, 'no memory is lost');

# Ctrl-C while a finder of lines is trained: what did best so far is stored.  Before anything was measured it is an error.
$node->safe_psql('postgres', <<'SQL');
CREATE TABLE taught AS SELECT page, format('<PcGts><Page><TextRegion id="r">%s</TextRegion></Page></PcGts>',
		(SELECT string_agg(format('<TextLine id="l%s"><Coords points="%s"/></TextLine>', line,
			(SELECT string_agg(round(x.m[1]::numeric) || ',' || round(x.m[2]::numeric), ' ') FROM regexp_matches(outline::text, '\(([0-9.]+),([0-9.]+)\)', 'g') x (m))), '')
			FROM hwr_lines(page, images => false) WHERE kind = 'text'))::xml AS document
	FROM pages, generate_series(1, 4) WHERE name = 'scan';
SQL
my $teach = "SELECT steps, best_step FROM hwr_train_lines('taught', 'taught', steps => 1000000, validation => 4,
	architecture => '[1,256,0,1 Cr3,3,4,4,4 Bn O2l4]')";
sql_fails($node, "SET statement_timeout = '3s'; $teach", '57014', 'statement timeout', 'a timeout is an error');
my ($out, $err, $patience) = ('', '', 8);
for (1 .. 4)
{
	my $session = start_sql($node, $teach);
	sleep $patience;
	interrupt($session);
	($out, $err) = finish_sql($session);
	last if $err =~ /WARNING/;
	like($err, qr/57014: canceling statement due to user request/, 'nothing had been measured');
	$patience *= 2;
}
like($err, qr/WARNING: .*training was cancelled after step \d+, and step \d+ is stored/,
	'the cancel is told (psql shows no row after one)');
is($node->safe_psql('postgres', "SELECT count(*) FROM hwr_models WHERE model = 'taught'"), '1', 'and a model is there');

done_testing();
