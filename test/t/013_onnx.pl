# A model taken out of the database as ONNX reads the same elsewhere
#
# Needs Python with onnxruntime, numpy and pillow: python3, or what HWR_ONNX_PYTHON names.  Without it only the way out is
# tested.

use strict;
use warnings FATAL => 'all';

use MIME::Base64;
use PostgreSQL::Test::Utils;
use Test::More;

use HwrTest;

my $node = new_server('onnx');
my $folder = "$PostgreSQL::Test::Utils::tmp_check/onnx";
my @files = qw(00001 00002 00005 00007 00011 00013);	# plain pictures, which read_onnx.py prepares as hwr does

mkdir $folder;
load_golden($node, 'golden');
$node->safe_psql('postgres', 'ALTER DATABASE postgres SET hwr.precision = float32');

sub export_model
{
	my ($model, $half) = @_;
	my $path = "$folder/$model-$half.onnx";

	open(my $out, '>:raw', $path) or die "could not write $path: $!";
	print $out decode_base64($node->safe_psql('postgres',
		"SELECT encode(hwr_export_model('$model', format => 'onnx', half => $half), 'base64')"));
	close $out;
	return $path;
}

# An ONNX file is without the language model that latin has.
sub ink_reading
{
	my ($image, $model) = @_;
	return $model eq 'latin' ? "SELECT text FROM hwr_recognize_nbest($image, 1, '$model', lm_weight => 0)" : "SELECT hwr_recognize($image, '$model')";
}

foreach my $model (qw(golden latin names))
{
	ok(-s export_model($model, 'true') < -s export_model($model, 'false'), "$model: 16-bit weights make a smaller file");
}

# The model's numbers are those of a trained one: no NaN on the way, and what a file needs of others is in it.
my $python = $ENV{HWR_ONNX_PYTHON} // 'python3';
SKIP:
{
	skip 'no onnxruntime, numpy and pillow (pip install them; HWR_ONNX_PYTHON names the Python that has them)', 9
		if system("'$python' -c 'import onnxruntime, numpy, PIL' 2> /dev/null") != 0;

	foreach my $model (qw(golden latin names))
	{
		my @ours = map {
			$node->safe_psql('postgres', ink_reading("decode('" . unpack('H*', slurp_file("test/data/words/$_.jpg")) . "', 'hex')", $model))
		} @files;

		foreach my $half (qw(false true))
		{
			my ($out, $err) = ('', '');

			IPC::Run::run([ $python, 'doc/examples/read_onnx.py', "$folder/$model-$half.onnx", map { "test/data/words/$_.jpg" } @files ],
				'>', \$out, '2>', \$err);
			is($out, join('', map { "$_\n" } @ours), "$model, half $half: read_onnx.py reads what hwr does") or diag($err);
		}
	}

	# The canvas of hwr_canvas, for those who do not prepare images themselves
	foreach my $model (qw(golden latin names))
	{
		my ($height, $width, $ink) = split /\|/, $node->safe_psql('postgres',
			"SELECT height, width, encode(ink, 'hex') FROM words, hwr_canvas(image, '$model') WHERE words.id = 1");
		my $out = '';

		IPC::Run::run([ $python, '-c', <<'PYTHON', "$folder/$model-false.onnx", $height, $width ], '<', \$ink, '>', \$out);
import sys
sys.path.insert(0, "doc/examples")
import numpy, onnxruntime, read_onnx
session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
ink = numpy.frombuffer(bytes.fromhex(sys.stdin.read()), numpy.uint8).reshape(int(sys.argv[2]), int(sys.argv[3]))
print(read_onnx.read(session, ink))
PYTHON
		is($out, $node->safe_psql('postgres', ink_reading('(SELECT image FROM words WHERE id = 1)', $model)) . "\n", "$model: hwr_canvas");
	}
}

# The page's JavaScript: canvas and decoding as in Python
SKIP:
{
	my $node_js = system('node --version > /dev/null 2>&1') == 0;

	skip 'no node, or no onnxruntime, numpy and pillow', 2
		if !$node_js || system("'$python' -c 'import onnxruntime, numpy, PIL' 2> /dev/null") != 0;
	foreach my $model (qw(latin names))
	{
		my ($cases, $out, $err) = ('', '', '');

		IPC::Run::run([ $python, '-c', <<'PYTHON', "$folder/$model-false.onnx", map { "test/data/words/$_.jpg" } @files ], '>', \$cases);
import json, sys
sys.path.insert(0, "doc/examples")
import onnxruntime, read_onnx
from PIL import Image
session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
meta = session.get_modelmeta().custom_metadata_map
cases = []
for path in sys.argv[2:]:
    picture = Image.open(path).convert("RGBA")
    ink = read_onnx.canvas(picture, meta)
    logp = session.run(None, {"canvas": ink[None]})[0][0]
    cases.append({"w": picture.width, "h": picture.height, "pixels": list(picture.tobytes()), "height": ink.shape[0],
                  "width": ink.shape[1], "ink": ink.ravel().tolist(), "logp": logp.ravel().tolist(),
                  "classes": logp.shape[1], "text": read_onnx.read(session, ink)})
whole = ("height", "width", "width_step", "max_width")
print(json.dumps({"meta": {k: int(v) if k in whole else v for k, v in meta.items()}, "cases": cases}))
PYTHON
		IPC::Run::run([ 'node', '--input-type=module', '-e', <<'JAVASCRIPT' ], '<', \$cases, '>', \$out, '2>', \$err);
import fs from "fs";
const code = fs.readFileSync("doc/examples/read_onnx.js", "utf8");
const { inkOf, textOf } = await import("data:text/javascript;base64," + Buffer.from(code).toString("base64"));
const { meta, cases } = JSON.parse(fs.readFileSync(0, "utf8"));
for (const c of cases) {
	const ink = inkOf(Uint8Array.from(c.pixels), c.w, c.h, meta);
	const same = ink.height === c.height && ink.width === c.width && ink.data.every((v, i) => Math.abs(v - c.ink[i]) <= 1);
	console.log(same && textOf(c.logp, c.classes, meta.alphabet) === c.text);
}
JAVASCRIPT
		is($out, "true\n" x @files, "$model: read_onnx.js") or diag($err);
	}
}

done_testing();
