# kraken's older files, by way of tools/from-kraken: the model that comes of them is that of the newer file.
use strict;
use warnings FATAL => 'all';

use MIME::Base64;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my ($python) = grep { system("$_ -c 'import google.protobuf, numpy' > /dev/null 2>&1") == 0 } '/usr/bin/python3', 'python3';
plan skip_all => "Python's protobuf is not there" unless $python;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION hwr');

sub import_file
{
	my ($path, $name) = @_;

	$node->safe_psql('postgres', "SELECT hwr_import_model(decode('" . encode_base64(slurp_file($path),
		'') . "', 'base64'), '$name')");
}

my $folder = PostgreSQL::Test::Utils::tempdir;

foreach my $name ('group', 'summary_both')
{
	command_ok([ $python, 'tools/from-kraken', "test/data/kraken/$name.mlmodel", "$folder/$name.safetensors" ],
		"$name: turned into a newer file");
	import_file("$folder/$name.safetensors", "older_$name");
	import_file("test/data/kraken/$name.safetensors", "newer_$name");

	# Both have the same codec, network and values; their cards tell of different versions of kraken.
	is( $node->safe_psql(
			'postgres', qq{
		SELECT o.architecture = n.architecture AND o.alphabet = n.alphabet AND
			   right(encode(hwr_export_model('older_$name'), 'hex'), 8 * o.parameters::int) =
			   right(encode(hwr_export_model('newer_$name'), 'hex'), 8 * n.parameters::int)
		  FROM hwr_model_details o, hwr_model_details n WHERE o.model = 'older_$name' AND n.model = 'newer_$name'}),
		't', "$name: the same model");
}

append_to_file("$folder/text.mlmodel", 'this is no model');
command_fails_like([ $python, 'tools/from-kraken', "$folder/text.mlmodel" ],
	qr/from-kraken: .*text\.mlmodel: it is no protobuf file|its metadata have no/, 'another file is refused');
append_to_file("$folder/cut.mlmodel", substr(slurp_file('test/data/kraken/group.mlmodel'), 0, 3000));
command_fails_like([ $python, 'tools/from-kraken', "$folder/cut.mlmodel" ], qr/from-kraken: .*cut\.mlmodel: /,
	'a part of one is refused');

$node->stop;
done_testing();
