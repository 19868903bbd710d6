# tools/from-torch: networks of PyTorch as models, and what it refuses
#
# That its files compute what PyTorch does is for test/unit/model/test_from_torch.c, which reads the same ones.

use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Utils;
use Test::More;

use HwrTest;

plan skip_all => 'python3 has no numpy' if system("python3 -c 'import numpy' 2> /dev/null") != 0;

my $folder = "$PostgreSQL::Test::Utils::tmp_check/torch";
my $node = new_server('from_torch');

mkdir $folder;

# What the tool says, and its exit status.
sub convert
{
	my @arguments = @_;
	my ($out, $err) = ('', '');

	IPC::Run::run([ 'tools/from-torch', @arguments ], '>', \$out, '2>', \$err);
	return ($? >> 8, $out, $err);
}

foreach my $name (qw(pylaia tutorial))
{
	my ($status, $out, $err) = convert("test/data/torch/$name.safetensors", "test/data/torch/$name.json",
		"$folder/$name.safetensors");

	is($status, 0, "$name is converted") or diag($err);
	ok(slurp_file("$folder/$name.safetensors") eq slurp_file("test/data/torch/$name.hwr.safetensors"),
		"$name: the file that the unit test reads");
	load_file($node, $name, "$folder/$name.safetensors");
	is($node->safe_psql('postgres', "SELECT hwr_import_model(file, '$name') FROM $name"), '1', "$name is imported");
	is($node->safe_psql('postgres', "SELECT architecture FROM hwr_model_details WHERE model = '$name'"), $out =~ s/\n//r,
		"$name: the architecture is canonical");
	is($node->safe_psql('postgres', "SELECT count(hwr_recognize(image, '$name')) FROM words"), '100', "$name reads");
}

# Each description with one thing changed, and what is said
my $right = slurp_file('test/data/torch/tutorial.json');
foreach my $case (
	[ '"height": 25', '"heigt": 25', qr/the description has heigt; it may have .*height/ ],
	[ '"height": 25, ', '', qr/the description lacks height/ ],
	[ '"cnn.0"', '"cnn.1"', qr/there is no tensor cnn\.1\.weight; there are cnn\.0\.weight/ ],
	[ '"cnn.4"', '"cnn.0"', qr/cnn\.0 takes 1 channels where there are 4/ ],
	[ '"padding": 1', '"padding": 0', qr/cnn\.4 has padding \[0, 0\]; only half the window, \[1, 1\], is known/ ],
	[ '"activation": "relu"', '"activation": "gelu"', qr/activation 'gelu' is not known; the known ones are linear, relu/ ],
	[ '"slope": 0.01', '"slope": 0.2', qr/a leaky ReLU with slope 0\.2; only 0\.01 is known/ ],
	[ '"pool": [2, 2]', '"pool": [2, 2], "padding": [0, 1]', qr/max-pooling with padding is not known/ ],
	[ '"pool": [2, 2]', '"average_pool": [2, 2]', qr/layer \{"average_pool": \[2, 2\]\} is not understood/ ],
	[ '"avgpool-2"', '"avgpool-4"', qr/columns of 4 rows cannot be made of a map of height 6/ ],
	[ '"avgpool-2"', '"mean"', qr/columns are "none", "avgpool-N" or "maxpool-N", not 'mean'/ ],
	[ '"avgpool-2"', '"none"', qr/rnn\.weight_ih_l0 takes 12 features where there are 36/ ],
	[ '{"columns": "avgpool-2"},', '', qr/rnn: an LSTM needs columns before it/ ],
	[ '"lstm": "rnn"', '"lstm": "gru"', qr/there is no tensor gru\.weight_ih_l0; there are after\.weight_ih_l0/ ],
	[ '"zab1A"', '"zab1"', qr/the alphabet takes 5 classes where there are 6/ ],
	[ '"zab1A"', '"zabaA"', qr/a character stands for two classes/ ],
	[ '"blank": -1', '"blank": 6', qr/the blank is class 6, and there are 6/ ],
	[ '"blank": -1, "alphabet": "zab1A"', '"blank": -7, "alphabet": ["z", "a", "b", "1", "A", ""]', qr/the blank is class -7, and there are 6/ ],
	[ '"blank": -1', '"blank": "last"', qr/the blank is class .last., and there are 6/ ],
	[ '"zab1A"', '["z", "a", "ch", "1", "A", "-"]', qr/class 2 is 'ch', not one character/ ],
	[ '{"lstm": "after"},', '', qr/fc takes 4 features where there are 8/ ],
	[ '{"output": "fc"}', '{"dropout": 0.1}', qr/the description has no output layer/ ],
	[ '{"norm": "cnn.8"},', '', qr/the description does not use cnn\.8\.bias, cnn\.8\.num_batches_tracked/ ],
	[ '{"norm": "cnn.8"}', '{"norm": "cnn.8"}, {"activation": "relu"}',
		qr/activation relu does not follow a convolution or linear layer/ ],
	[ '"layers"', '"layers', qr/from-torch: .*line 1/ ])
{
	my ($old, $new, $pattern) = @$case;
	my $changed = $right;

	$changed =~ s/\Q$old\E/$new/ or die "no $old in the description";
	open(my $file, '>', "$folder/changed.json") or die;
	print $file $changed;
	close $file;
	my ($status, $out, $err) = convert('test/data/torch/tutorial.safetensors', "$folder/changed.json",
		"$folder/changed.safetensors");
	ok($status == 1 && $err =~ $pattern, "refused: $new") or diag("$status $out $err");
}
ok(!-e "$folder/changed.safetensors", 'nothing is written then');

# The weights with one thing changed: tensors of another's shape, values that cannot be
my $weights = slurp_file('test/data/torch/tutorial.safetensors');
my $length = unpack('Q<', $weights);
my $header = substr($weights, 8, $length);

# What the tool says of these names exchanged, and of these bytes instead of a tensor's first.
sub convert_changed
{
	my ($one, $other, $first) = @_;
	my ($new_header, $values) = ($header, substr($weights, 8 + $length));

	if (defined $other)
	{
		$new_header =~ s/"(\Q$one\E|\Q$other\E)"/'"' . ($1 eq $one ? $other : $one) . '"'/ge;
	}
	else
	{
		$header =~ /"\Q$one\E":\{[^}]*"data_offsets":\[(\d+),/ or die "no $one";
		substr($values, $1, 4) = $first;
	}
	open(my $file, '>:raw', "$folder/weights.safetensors") or die;
	print $file pack('Q<', length $new_header) . $new_header . $values;
	close $file;
	return convert("$folder/weights.safetensors", 'test/data/torch/tutorial.json', "$folder/changed.safetensors");
}
foreach my $case (
	[ 'cnn.0.bias', 'fc.bias', qr/cnn\.0\.bias has the shape \[6\], not \[4\]/ ],
	[ 'cnn.0.weight', 'fc.weight', qr/cnn\.0\.weight has 2 dimensions, not 4/ ],
	[ 'cnn.2.bias', 'fc.bias', qr/cnn\.2\.bias has the shape \[6\], not \[4\]/ ],
	[ 'cnn.2.running_var', 'fc.bias', qr/cnn\.2\.running_var has the shape \[6\], not \[4\]/ ],
	[ 'rnn.bias_ih_l0', 'fc.bias', qr/rnn\.bias_ih_l0 has the shape \[6\], not \[20\]/ ],
	[ 'rnn.weight_hh_l0', 'fc.weight', qr/rnn is no LSTM without projection/ ],
	[ 'embed.bias', 'fc.bias', qr/embed\.bias has the shape \[6\], not \[8\]/ ],
	[ 'cnn.0.weight', undef, qr/cnn\.0\.weight has a value that is not finite/, pack('f<', 9**9**9) ],
	[ 'fc.bias', undef, qr/fc\.bias has a value that is not finite/, pack('L<', 0x7fc00000) ],
	[ 'cnn.2.running_var', undef, qr/cnn\.2\.running_var has a negative variance/, pack('f<', -1) ])
{
	my ($one, $other, $pattern, $first) = @$case;
	my ($status, $out, $err) = convert_changed($one, $other, $first);

	ok($status == 1 && $err =~ /^from-torch: $pattern/, "refused: $one " . (defined $other ? "that is $other" : 'with another value')) or diag("$status $out $err");
}
ok(!-e "$folder/changed.safetensors", 'nothing is written then either');

my ($status, $out, $err) = convert('test/data/words.csv', 'test/data/torch/tutorial.json', "$folder/x");
ok($status == 1 && $err =~ /^from-torch: test\/data\/words\.csv (is a file of PyTorch's|cannot be read without)/,
	'no weights') or diag($err);
($status, $out, $err) = convert('test/data/torch/tutorial.json', 'nowhere.json');
ok($status == 1 && $err =~ /usage: from-torch/, 'too few arguments');
system_or_bail('cp', 'test/data/words.csv', "$folder/words.safetensors");
($status, $out, $err) = convert("$folder/words.safetensors", 'test/data/torch/tutorial.json', "$folder/x");
ok($status == 1 && $err =~ /is not a safetensors file of plain numbers/, 'other bytes') or diag($err);

# As where NumPy is not installed
append_to_file("$folder/numpy.py", "raise ImportError(name='numpy')");
foreach my $tool ('from-torch', 'from-kraken')
{
	local $ENV{PYTHONPATH} = $folder;
	command_fails_like([ "tools/$tool", 'x', 'y', 'z' ], qr/^$tool: Python's module numpy is not there/, "$tool says what it needs");
}

done_testing();
