# build/generate-pages: drawn pages are the same again, their ground truth belongs to them, and what finds lines learns from them.

use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Utils;
use Test::More;

use HwrTest;

plan skip_all => 'build/generate-pages is not there: Cairo, Pango or fontconfig is missing (tools/install-deps samples)'
	unless -x 'build/generate-pages';

my ($font) = grep { my $f = $_; grep { index($_, $f) == 0 } `fc-list : family` } 'DejaVu Sans', 'Comic Neue', 'Klee One';

plan skip_all => 'no font to draw with (tools/install-deps fonts)' unless $font;

my $tmp = $PostgreSQL::Test::Utils::tmp_check;

# Draw pages into a folder; the names of what is in it
sub draw
{
	my ($name, @options) = @_;
	my $folder = "$tmp/$name";

	command_ok([ 'build/generate-pages', '--words', "$tmp/texts", '--fonts', "$tmp/fonts", '--out', $folder, @options ],
		"$name is drawn");
	return map { my $path = $_; substr($path, length($folder) + 1) => slurp_file($path) } glob("$folder/*");
}

append_to_file("$tmp/texts", join("\n", 'a letter of some length to you & me', '12 May 1871', 'received of Jean <the elder>', '1 Schwarz', ''));
append_to_file("$tmp/fonts", "$font\n");

my %once = draw('once', '--count', 6, '--seed', 4);
my %twice = draw('twice', '--count', 6, '--seed', 4);
my %other = draw('other', '--count', 1, '--seed', 5);

is_deeply([ sort keys %once ], [ map { ("drawn_p000$_.jpg", "drawn_p000$_.xml") } 0 .. 5 ], 'a picture and a document for each page');
is(join(' ', grep { $once{$_} ne $twice{$_} } sort keys %once), '', 'equal lists and seeds give equal bytes');
isnt($other{'drawn_p0000.jpg'}, $once{'drawn_p0000.jpg'}, 'another seed gives another page');

my $node = new_server('drawn_pages');

$ENV{PGHOST} = $node->host;
$ENV{PGPORT} = $node->port;
command_ok([ 'tools/load-pages', '-d', 'postgres', 'pages', "$tmp/once" ], 'they are loaded');
$node->safe_psql('postgres', 'CREATE TABLE truth AS SELECT p.file, l.* FROM pages p, hwr_pagexml_lines(document, page) l');
is($node->safe_psql('postgres', 'SELECT count(DISTINCT file), count(*) > 30, bool_and(image IS NOT NULL) FROM truth'), '6|t|t',
	'each has lines, and each line a place in the picture');
is($node->safe_psql('postgres', q{SELECT count(*) FROM truth WHERE text IS NULL OR text = ''}), '0', 'each line has a text');

is($node->safe_psql('postgres', q{SELECT count(*) FROM truth WHERE outline IS NULL OR baseline IS NULL
	OR NOT box(outline) && box(polygon(pclose(baseline)))}), '0', 'baselines are where their outlines are');

# A finder that has never seen them: the truth is where the ink is
my $share = $node->safe_psql('postgres', q{
	CREATE TABLE found AS SELECT p.file, box(l.outline) AS box FROM pages p, hwr_lines(p.page, turn => 0, images => false) l WHERE kind = 'text';
	SELECT avg(EXISTS (SELECT FROM found f WHERE f.file = t.file AND area(f.box # box(t.outline)) > 0.5 * area(box(t.outline)))::int)
	FROM truth t});
cmp_ok($share, '>', 0.6, 'lines are found where the documents have them');
# However they lie: EXIF's orientations turn the pictures, so that pages lie on either side and upside down
sub turned
{
	my ($jpeg, $orientation) = @_;
	my $exif = "Exif\0\0MM\0\x2a" . pack('N n nnNnn N', 8, 1, 0x0112, 3, 1, $orientation, 0, 0);

	return substr($jpeg, 0, 2) . pack('nn', 0xffe1, length($exif) + 2) . $exif . substr($jpeg, 2);
}

my %more = draw('more', '--count', 9, '--seed', 4);
mkdir "$tmp/turned";
for my $page (4, 7, 8)
{
	for my $orientation (1, 3, 6, 8)
	{
		append_to_file("$tmp/turned/page${page}_$orientation.jpg", turned($more{"drawn_p000$page.jpg"}, $orientation));
		append_to_file("$tmp/turned/page${page}_$orientation.xml", $more{"drawn_p000$page.xml"});
	}
}
command_ok([ 'tools/load-pages', '-d', 'postgres', 'turned', "$tmp/turned" ], 'turned ones are loaded');
is($node->safe_psql('postgres', q{
	WITH counts AS (SELECT file, (SELECT count(*) FROM hwr_lines(page, images => false) WHERE kind = 'text') AS n FROM turned)
	SELECT string_agg(t.file || ': ' || t.n || ' instead of ' || u.n, ', ')
	FROM counts t JOIN counts u ON u.file = left(t.file, 6) || '1.jpg' WHERE t.n NOT BETWEEN 0.8 * u.n AND 1.2 * u.n}), '',
	'as many lines are found on pages on either side and upside down');

is($node->safe_psql('postgres', q{SELECT version FROM hwr_train_lines('pages', 'drawn', base => 'lines', steps => 2, validation => 0)}), '1',
	'a finder is trained on them');

command_fails_like([ 'build/generate-pages', '--words', "$tmp/texts", '--fonts', "$tmp/fonts" ], qr/--out FOLDER/, 'without a folder');
command_fails_like([ 'build/generate-pages', '--words', "$tmp/texts", '--fonts', "$tmp/fonts", '--out', "$tmp/x", '--count', 'many' ],
	qr/must be a number from 0 to 1000000: --count/, 'a count that is none');
append_to_file("$tmp/none", "No Such Family\n");
command_fails_like([ 'build/generate-pages', '--words', "$tmp/texts", '--fonts', "$tmp/none", '--out', "$tmp/x" ],
	qr/No Such Family/, 'a font that is not installed');
append_to_file("$tmp/empty", "# nothing\n");
command_fails_like([ 'build/generate-pages', '--words', "$tmp/empty", '--fonts', "$tmp/fonts", '--out', "$tmp/x" ],
	qr/empty list/, 'no texts');

done_testing();
