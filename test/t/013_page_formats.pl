# Documents of other programs, and ours as others check them
#
# Readers of ALTO and PAGE XML are given documents damaged at random (the same ones each time: seed in
# HWR_FUZZ_SEED, count in HWR_FUZZ_DOCUMENTS), documents that ask for files and the network, and, where
# HWR_PAGES has them (a folder with wild.tar), documents as their authors made them.  What is written is
# checked against the schemas where HWR_SCHEMAS has them (alto-4-2.xsd, pagecontent.xsd), else for its
# structure alone.

use strict;
use warnings;

use Test::More;

use HwrTest;

my $node = new_server('formats');

# What a reader may say of a document: bad XML, bad values, unsupported units, limits; an area may also have
# nothing of the page in it.
my %allowed = map { $_ => 1 } qw(00000 2200M 2200N 22023 22P02 22003 0A000 54000 22026);

sub slurp_binary
{
	open(my $in, '<:raw', $_[0]) or die "$_[0]: $!";
	local $/;
	return <$in>;
}

# Rows of a name and bytes, to be read by both readers.
sub store
{
	my ($table, %rows) = @_;
	my $file = $node->basedir . '/rows';
	open(my $out, '>', $file) or die $!;
	print $out $_, "\t", '\\\\x', unpack('H*', $rows{$_}), "\n" for sort keys %rows;
	close $out;
	$node->safe_psql('postgres', "CREATE TABLE $table (name text, document bytea); \\copy $table FROM '$file'");
	unlink $file;
}

# What reading a table's documents ends in: "reader state count", the slowest, one example of each.
sub outcomes
{
	my ($table) = @_;
	return $node->safe_psql('postgres', "SELECT reader, state, count(*), max(lines), ceil(max(seconds)), min(name || ': ' || coalesce(message, ''))
		FROM $table, LATERAL read_both(document) GROUP BY 1, 2 ORDER BY 1, 2");
}

$node->safe_psql('postgres', <<'SQL');
CREATE TABLE scan (page bytea);
CREATE FUNCTION read_both(document bytea) RETURNS TABLE (reader text, state text, lines bigint, seconds double precision, message text)
	LANGUAGE plpgsql AS $$
DECLARE
	began timestamptz;
	scan bytea := (SELECT page FROM scan);
BEGIN
	FOREACH reader IN ARRAY '{hwr_alto_lines,hwr_pagexml_lines}'::text[] LOOP
		began := clock_timestamp();
		lines := NULL;
		message := NULL;
		BEGIN
			EXECUTE format('SELECT count(*) FROM %I(convert_from($1, ''UTF8'')::xml, $2)', reader) INTO lines USING document, scan;
			state := '00000';
		EXCEPTION WHEN OTHERS THEN
			state := SQLSTATE;
			message := SQLERRM;
		END;
		seconds := extract(epoch FROM clock_timestamp() - began);
		RETURN NEXT;
	END LOOP;
END
$$;
SQL
{
	my $file = $node->basedir . '/page';
	open(my $out, '>', $file) or die $!;
	print $out '\\\\x', unpack('H*', slurp_binary('test/data/forms/scan.jpg')), "\n";
	close $out;
	$node->safe_psql('postgres', "\\copy scan FROM '$file'");
}

# What is written

my %written = (
	alto => $node->safe_psql('postgres', 'SELECT hwr_alto(page) FROM scan'),
	page => $node->safe_psql('postgres', 'SELECT hwr_pagexml(page) FROM scan'),
	hocr => $node->safe_psql('postgres', 'SELECT hwr_hocr(page) FROM scan'));
my %schema = (alto => 'alto-4-2.xsd', page => 'pagecontent.xsd');

for my $format (sort keys %written)
{
	my $file = $node->basedir . "/$format.xml";
	open(my $out, '>', $file) or die $!;
	print $out $written{$format};
	close $out;
	my $lint = system("xmllint --version > /dev/null 2>&1") == 0;
  SKIP:
	{
		skip 'xmllint is not installed', 1 unless $lint;
		is(system("xmllint --noout --nonet '$file'"), 0, "$format: well-formed");
	}
  SKIP:
	{
		my $xsd = exists $schema{$format} ? ($ENV{HWR_SCHEMAS} // '') . "/$schema{$format}" : '';
		skip "$format: no schema in HWR_SCHEMAS", 1 unless $lint && -e $xsd;
		is(system("xmllint --noout --nonet --schema '$xsd' '$file' 2>&1"), 0, "$format: valid");
	}
}

# Structure: every id once, every reference there, points inside the page, words inside their lines
my ($width, $height) = split /\|/, $node->safe_psql('postgres', 'SELECT width, height FROM scan, hwr_image_size(page)');
for my $format (qw(alto page))
{
	my $text = $written{$format};
	my @ids = $text =~ /\s(?:ID|id)="([^"]*)"/g;
	my %seen;
	is(scalar(grep { $seen{$_}++ } @ids), 0, "$format: no id twice");
	is(scalar(grep { !/^[A-Za-z_][\w.-]*$/ } @ids), 0, "$format: ids are names");
	is(scalar(grep { !$seen{$_} } $text =~ /\b(?:regionRef|IDNEXT)="([^"]*)"/g), 0, "$format: references lead somewhere");
	my @points = map { [ split /[\s,]+/ ] } $text =~ /\b(?:POINTS|points|BASELINE)="([^"]*)"/g;
	cmp_ok(scalar(@points), '>', 0, "$format: there are points");
	is(scalar(grep { @$_ % 2 } @points), 0, "$format: points are pairs");
	my $outside = 0;
	for my $list (@points)
	{
		for (my $i = 0; $i < @$list; $i += 2)
		{
			$outside++ if $list->[$i] !~ /^\d+$/ || $list->[ $i + 1 ] !~ /^\d+$/ || $list->[$i] > $width || $list->[ $i + 1 ] > $height;
		}
	}
	is($outside, 0, "$format: points are whole and on the page");
}
like($written{hocr}, qr/class="ocr_page"[^>]*title="[^"]*bbox 0 0 $width $height/, 'hocr: the page has its size');
is(scalar(grep { $_->[0] > $_->[2] || $_->[1] > $_->[3] || $_->[2] > $width || $_->[3] > $height }
	map { [ split / / ] } $written{hocr} =~ /bbox (\d+ \d+ \d+ \d+)/g), 0, 'hocr: boxes are on the page');

# What asks for other files

my $secret = $node->basedir . '/secret';
open(my $out, '>', $secret) or die $!;
print $out 'TOPSECRET';
close $out;
my $line = '<PcGts><Page><TextRegion id="r"><TextLine id="l"><Coords points="0,0 9,0 9,9"/><TextEquiv><Unicode>%s</Unicode></TextEquiv></TextLine></TextRegion></Page></PcGts>';
my %asks = (
	file => "<!DOCTYPE PcGts [<!ENTITY x SYSTEM \"file://$secret\">]>" . sprintf($line, '[&x;]'),
	network => '<!DOCTYPE PcGts [<!ENTITY x SYSTEM "http://127.0.0.1:1/x">]>' . sprintf($line, '[&x;]'),
	dtd => "<!DOCTYPE PcGts SYSTEM \"file://$secret\">" . sprintf($line, '[]'),
	parameter => "<!DOCTYPE PcGts [<!ENTITY % x SYSTEM \"file://$secret\"> %x;]>" . sprintf($line, '[]'),
	include => sprintf($line, "[<xi:include xmlns:xi=\"http://www.w3.org/2001/XInclude\" parse=\"text\" href=\"file://$secret\"/>]"),
	laughs => '<!DOCTYPE PcGts [<!ENTITY a "ha">' . join('', map { sprintf('<!ENTITY %s "%s">', chr(97 + $_),
		('&' . chr(96 + $_) . ';') x 10) } 1 .. 9) . ']>'
	  . sprintf($line, '&j;'));
store('asks', %asks);
my $said = $node->safe_psql('postgres', <<'SQL');
SET statement_timeout = '20s';
CREATE FUNCTION text_of(document bytea) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	RETURN (SELECT left(string_agg(text, '/'), 100) FROM hwr_pagexml_lines(convert_from(document, 'UTF8')::xml));
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE;
END $$;
SELECT name, text_of(document) FROM asks ORDER BY name;
SQL
unlike($said, qr/TOPSECRET/, 'no other file is read');
like($said, qr/^dtd\|\[\]$/m, 'a document type that is elsewhere is not fetched');
like($said, qr/^laughs\|2200[MN]$/m, 'entities that grow without end are refused');
diag($said) if $said !~ /^file\|/m;

# What is damaged

my %base = (
	alto => $written{alto}, page => $written{page},
	old => '<PcGts xmlns="http://schema.primaresearch.org/PAGE/gts/pagecontent/2010-03-19"><Page imageFilename="a" imageWidth="9" imageHeight="9"><TextRegion id="r">'
	  . '<TextLine id="l"><Coords><Point x="1" y="2"/><Point x="90" y="2"/><Point x="90" y="80"/></Coords><TextEquiv><Unicode>old</Unicode></TextEquiv></TextLine></TextRegion></Page></PcGts>',
	box => '<alto><Description><MeasurementUnit>pixel</MeasurementUnit></Description><Layout><Page><PrintSpace><TextBlock ID="b"><TextLine ID="l" HPOS="10" VPOS="20" '
	  . 'WIDTH="100" HEIGHT="30" BASELINE="44"><String CONTENT="a"/><SP/><String CONTENT="b"/></TextLine></TextBlock></PrintSpace></Page></Layout></alto>');
my @values = ('', ' ', '0', '-1', '-5,-5 3,3', '1e99', '1e-99', 'NaN', 'Infinity', '1,2', '1,2 3', '0,0 0,0 0,0', '1;2',
	'99999999999999999999 1 2 3', "\x{fffd}", '1,1 ' x 20_000,
	'0,0 1000000,0 1000000,1000000', '4,4 4,4 4,4 4,4', '-1000000,-1000000 -999999,-1000000 -999999,-999999', '0x10,3', '&#10;');
srand($ENV{HWR_FUZZ_SEED} // 1);

sub damage
{
	my ($text) = @_;
	for (0 .. int(rand(3)))
	{
		my $kind = int(rand(7));
		my $at = int(rand(length $text));
		if ($kind == 0)
		{
			substr($text, $at, 1) = chr(32 + int(rand(95)));
		}
		elsif ($kind == 1)
		{
			substr($text, $at, 1 + int(rand(40))) = '';
		}
		elsif ($kind == 2)
		{
			substr($text, $at, 0) = substr($text, int(rand(length $text)), int(rand(60)));
		}
		else
		{
			# a value, an attribute, an element: one of them
			my $what = $kind == 3 ? qr/ [\w:]+="[^"]*"/ : $kind == 4 ? qr/<[^>]*>/ : qr/(?<==")[^"]*(?=")/;
			my @places;
			push @places, [ $-[0], $+[0] - $-[0] ] while $text =~ /$what/g;
			next unless @places;
			my ($from, $n) = @{ $places[ int(rand(@places)) ] };
			substr($text, $from, $n) = $kind == 3 || $kind == 4 ? '' : $values[ int(rand(@values)) ];
		}
		last if length $text < 10;
	}
	utf8::encode($text);
	return $text;
}
my $count = $ENV{HWR_FUZZ_DOCUMENTS} // 240;
my %damaged;
for my $n (1 .. $count)
{
	my $kind = (sort keys %base)[ $n % 4 ];
	$damaged{"$kind$n"} = damage($base{$kind});
}
store('damaged', %damaged);
my $result = outcomes('damaged');
note($result);
my @wrong = grep { my (undef, $state, undef, undef, $seconds) = split /\|/; !$allowed{$state} || $seconds > 10 } split /\n/,
	$result;
is(join("\n", @wrong), '', "$count damaged documents are read, or refused as what they are");
my %read = map { my ($reader, $state, $n) = split /\|/; $state eq '00000' ? ($reader => $n) : () } split /\n/, $result;
cmp_ok($read{$_} // 0, '>', $count / 20, "$_ read some of them") for qw(hwr_alto_lines hwr_pagexml_lines);

# What their authors made

SKIP:
{
	my $tar = ($ENV{HWR_PAGES} // '../shared/data/pages') . '/wild.tar';
	skip "no $tar: documents as their authors made them are not part of hwr", 2 unless -e $tar;
	my $folder = $node->basedir . '/wild';
	mkdir $folder;
	is(system('tar', '-xf', $tar, '-C', $folder), 0, 'unpacked');
	my %wild = map { (my $name = $_) =~ s{.*/}{}; $name => slurp_binary($_) } split /\n/, `find '$folder' -name '*.xml'`;
	store('wild', %wild);
	my $failed = $node->safe_psql('postgres', "SELECT name, string_agg(state || ' ' || coalesce(message, lines::text), ' / ' ORDER BY reader)
		FROM wild, LATERAL read_both(document) GROUP BY name HAVING NOT bool_or(state = '00000' AND lines > 0) ORDER BY 1");
	note($node->safe_psql('postgres', "SELECT reader, count(*), sum(lines) FROM wild, LATERAL read_both(document) WHERE state = '00000' GROUP BY 1"));
	is($failed, '', scalar(keys %wild) . ' documents are read');
}
is($node->safe_psql('postgres', 'SELECT 1'), '1', 'the server is there');

done_testing();
