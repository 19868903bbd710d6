# tools/load-images and tools/load-pages: what they make of files of other programs, and that they load all or nothing.

use strict;
use warnings FATAL => 'all';

use Encode qw(encode);
use PostgreSQL::Test::Utils;
use Test::More;

use HwrTest;

my $tmp = $PostgreSQL::Test::Utils::tmp_check;
my $picture = slurp_file('test/data/words/00001.jpg');
my $node = new_server('loaders');

$ENV{PGHOST} = $node->host;
$ENV{PGPORT} = $node->port;

sub write_file
{
	my ($name, $bytes) = @_;

	open(my $file, '>:raw', "$tmp/$name") or die "$name: $!";
	print $file $bytes;
	close $file;
}

# What a loader prints, and its status
sub load
{
	my ($tool, @arguments) = @_;
	my $status = IPC::Run::run([ "tools/$tool", '-d', 'postgres', @arguments ], '>', \my $out, '2>', \my $err) ? 'done' : 'failed';

	chomp $out;
	return ($status, $out, $err);
}

# Labels

mkdir "$tmp/images";
write_file("images/x$_.jpg", $picture) foreach 1 .. 3;

sub labels
{
	my ($table, $csv) = @_;

	write_file('labels.csv', $csv);
	return load('load-images', $table, "$tmp/labels.csv", "$tmp/images");
}

sub labels_are
{
	my ($name, $csv, $said, @labels) = @_;
	my ($status, $out) = labels('labels', $csv);

	is("$status: $out", "done: $said", "$name: said");
	is($node->safe_psql('postgres', q{SELECT string_agg(quote_literal(label), ',' ORDER BY id) FROM labels; DROP TABLE labels}),
		join(',', map { "'$_'" } @labels), "$name: labels");
}

labels_are('a stray quote', qq{filename,label\nx1.jpg,5" pipe\nx2.jpg,b\nx3.jpg,12" x\n}, '3 images loaded', '5" pipe', 'b', '12" x');
labels_are('quoted fields', qq{\xef\xbb\xbf"filename","label"\r\nx1.jpg,"a ""b"", c\nd"\r\n\r\n"x2.jpg","e"f"g",more\r\nx3.jpg,""},
	'3 images loaded', qq{a "b", c\nd}, 'ef"g"', '');
labels_are('lines that end as on old Macs', qq{filename,label\rx1.jpg,a\rx2.jpg,b}, '2 images loaded', 'a', 'b');
labels_are('what is missing', "filename,label\nx1.jpg,a\nx9.jpg,b\nx2.jpg\nx3.jpg,c\n", '2 images loaded, 1 missing, 1 without a label', 'a', 'c');

my ($status, $out, $err) = labels('labels', qq{filename,label\nx1.jpg,a\nx2.jpg,"b\nx3.jpg,c\n});
is($status, 'failed', 'a quoted field that never ends');
like($err, qr/labels\.csv, line 3: a quoted field begins here and never ends/, 'is told with its line');
is($node->safe_psql('postgres', q{SELECT to_regclass('labels') IS NULL}), 't', 'and nothing is loaded');

($status, $out, $err) = labels('labels', "filename,label\nx1.jpg,caf\xe9\n");
like("$status: $err", qr/^failed: .*labels\.csv, line 2: this is not in UTF-8/, 'a label in another encoding');
($status, $out, $err) = labels('labels', "x1.jpg,a\nx2.jpg,b\n");
like("$out: $err", qr/^1 images loaded: .*the first line is taken for headings, though there is a file x1\.jpg/, 'headings that are none are told');

# The programs in C read the same lists.
SKIP:
{
	skip 'build/worsen is not there: make program-build', 4 unless -x 'build/worsen';
	mkdir "$tmp/worn";
	my @worsen = ('build/worsen', "$tmp/images", "$tmp/labels.csv", "$tmp/worn");
	write_file('labels.csv', qq{filename,label\r\nx1.jpg,"a, ""b""\nx2.jpg,"\r\n\r\n"x3.jpg",5" pipe} . 'x' x 5000);
	command_ok(\@worsen, 'a list with quotes, line breaks and a long label');
	is(join(' ', map { s{.*/}{}r } glob("$tmp/worn/*")), 'x1.jpg x3.jpg', 'has these images');
	write_file('labels.csv', qq{filename,label\nx1.jpg,a\nx2.jpg,"b\nx3.jpg,c\n});
	command_fails_like(\@worsen, qr/labels\.csv, line 3: a quoted field begins here and never ends/, 'a quoted field that never ends');
}

# Pages

my $page = '<PcGts xmlns="http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15"><Page imageFilename="x" imageWidth="9" imageHeight="9"><TextRegion id="r">'
  . '<Coords points="0,0 9,0 9,9 0,9"/><TextLine id="l"><Coords points="0,0 9,0 9,9 0,9"/><TextEquiv><Unicode>caf' . "\x{e9}"
  . '</Unicode></TextEquiv></TextLine></TextRegion></Page></PcGts>';
my %documents = (
	'plain' => encode('UTF-8', $page),
	'mark' => encode('UTF-8', qq{\x{feff}<?xml version="1.0" encoding="UTF-8"?>\n$page}),
	'utf16' => encode('UTF-16', qq{<?xml version="1.0" encoding="UTF-16"?>\n$page}),
	'utf16le' => encode('UTF-16LE', qq{\x{feff}<?xml version="1.0" encoding="utf-16" standalone="yes"?>$page}),
	'string' => encode('UTF-8', qq{<?xml version="1.0" encoding="utf-16"?>$page}),
	'latin1' => encode('ISO-8859-1', qq{<?xml version='1.0' encoding='ISO-8859-1'?>$page}));

mkdir "$tmp/pages";
write_file("pages/$_.jpg", $picture), write_file("pages/$_.xml", $documents{$_}) foreach keys %documents;
write_file('pages/alone.png', $picture);
($status, $out, $err) = load('load-pages', 'pages', "$tmp/pages");
is("$status: $out", 'done: 6 pages loaded, 1 without a document', 'documents in several encodings') or diag($err);
is($node->safe_psql('postgres', q{SELECT string_agg(DISTINCT l.text, '|'), count(*) FROM pages p, hwr_pagexml_lines(p.document, p.page) l}),
	"caf\xc3\xa9|6", 'say the same');

write_file('pages/late.jpg', $picture);
foreach ([ '<PcGts>', qr/late\.jpg and late\.xml could not be loaded: nothing is/, 'a document that PostgreSQL refuses' ],
	[ "<a>\xe9</a>", qr/late\.xml is not in its encoding, UTF-8: nothing is loaded/, 'a document in no encoding' ],
	[ '<?xml version="1.0" encoding="Klingon"?><a/>', qr/late\.xml has encoding "Klingon", which is not known: nothing is loaded/, 'an unknown encoding' ])
{
	my ($document, $message, $name) = @$_;

	write_file('pages/late.xml', $document);
	($status, $out, $err) = load('load-pages', 'refused', "$tmp/pages");
	is($status, 'failed', $name);
	like($err, $message, "$name is named");
	is($node->safe_psql('postgres', q{SELECT to_regclass('refused') IS NULL}), 't', "$name: nothing is loaded");
}

done_testing();
