# Bundled files that the server cannot use, as after the installation of a newer hwr, keep nobody from the others

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use HwrTest;

my ($install_path, $share) = copy_installation(PostgreSQL::Test::Utils::tempdir);
my $node = PostgreSQL::Test::Cluster->new('bundled', install_path => $install_path);
$node->init;
$node->start;
load_words($node);
load_golden($node, 'mine');
$node->safe_psql('postgres', "SELECT hwr_evaluate('words', 'mine')");

sub replace_file
{
	my ($name, $content) = @_;

	unlink "$share/hwr/$name" or die "$share/hwr/$name: $!";
	append_to_file("$share/hwr/$name", $content);
}

# What a user asks of the whole: rows, and notices
sub asks
{
	my ($sql) = @_;
	my ($rc, $out, $err) = $node->psql('postgres', $sql);

	is($rc, 0, "it goes on: $sql") or diag($err);
	return ($out, join("\n", $err =~ /NOTICE:.*/g));
}

my @models = map { "$_|t|t" } qw(default latin lines names);
my $rows = 'SELECT model, architecture IS NOT NULL, bytes > 0 FROM hwr_bundled_model_details ORDER BY model COLLATE "C"';
my ($out, $err) = asks($rows);
is($out, join("\n", @models), 'all can be used');
is($err, '', 'and nothing is said');
my ($measured) = asks("SELECT count(*) FROM hwr_metrics() WHERE model <> 'names'");
my ($confusions) = asks("SELECT count(*) FROM hwr_confusions('mine')");

# Of a format that is not known yet
my $model = slurp_file("$share/hwr/names.safetensors");
$model =~ s/"format_version":\s*"\K\d(?=")/9/ or die 'no format version';
replace_file('names.safetensors', $model);
sql_fails($node, "SELECT hwr_recognize(image, 'names') FROM words LIMIT 1", '0A000', 'model format version 9 is not supported',
	'the file');
my $notice = 'NOTICE:  bundled model "names" cannot be used: model format version 9 is not supported';
($out, $err) = asks($rows);
is($out, join("\n", @models) =~ s/names\|t/names|f/r, 'it is listed, without what it says of itself');
is($err, $notice, 'with a notice');
($out, $err) = asks("SELECT count(*) FROM hwr_metrics() WHERE model <> 'names'");
is($out, $measured, 'the figures of all others are there');
is($err, $notice, 'with one notice');
($out, $err) = asks("SELECT split, cer IS NULL FROM hwr_metrics('names')");
is($out, 'validation|t', 'its own are not');
($out, $err) = asks("SELECT count(*) FROM hwr_confusions('mine')");
is($out, $confusions, 'confusions of a model of the database are there');
($out) = asks("SELECT hwr_recognize(image) IS NOT NULL FROM words WHERE id = 1");
is($out, 't', 'the others read');

# No model at all; none that may be read
replace_file('names.safetensors', substr($model, 0, 1000));
($out, $err) = asks($rows);
is($out, join("\n", @models) =~ s/names\|t/names|f/r, 'a damaged one is listed');
like($err, qr/^NOTICE:  bundled model "names" cannot be used: .*$/, 'with a notice');
unlink "$share/hwr/names.safetensors";
mkdir "$share/hwr/names.safetensors" or die;
($out, $err) = asks($rows);
is($out, join("\n", @models) =~ s/names\|t\|t/names|f|/r, 'what is no file is listed');
like($err, qr/^NOTICE:  could not read file/, 'with a notice');

# One that reads what the encoding of a database lacks: also in mode now the row comes to be, with question marks (since PostgreSQL 14)
my $greek = slurp_file('test/data/golden/1.safetensors');
my $header = substr($greek, 8, unpack('Q<', $greek));
my $rest = substr($greek, 8 + length $header);
$header =~ s/"alphabet":\s*"[A-Z]*\K([a-z]+)/join '', map { my $c = chr(0x3b0 + $_); utf8::encode($c); $c } 1 .. length $1/e or die 'no small letters';
rmdir "$share/hwr/names.safetensors" or die $!;
append_to_file("$share/hwr/names.safetensors", pack('Q<', length $header) . $header . $rest);
$node->safe_psql('postgres', q{CREATE DATABASE latin1 TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'});
my ($word) = $node->safe_psql('postgres', q{SELECT image FROM words WHERE hwr_recognize(image, 'mine') ~ '[a-z]' ORDER BY id LIMIT 1});
is($node->safe_psql('latin1', <<"SQL"), 't|0', 'a text that the encoding lacks keeps no row from being inserted');
SET client_min_messages = warning;
CREATE EXTENSION hwr;
CREATE TABLE hasty (id integer PRIMARY KEY, image bytea, text text);
DO \$\$ BEGIN PERFORM hwr_attach('hasty', model => 'names', mode => 'now'); END \$\$;
INSERT INTO hasty VALUES (1, '$word');
SELECT text LIKE '%?%', (SELECT count(*) FROM hwr.queue) FROM hasty;
SQL

$node->stop('fast');
done_testing();
