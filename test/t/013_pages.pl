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

done_testing();
