# A simulated month in a moment: rows come, a person looks at some, the model learns.  bench/month measures what that is worth.

use strict;
use warnings;

use Test::More;

use HwrTest;

my $node = new_server('pipeline_month', conf => "shared_preload_libraries = 'hwr'\nhwr.service_device = none\nhwr.pipeline_workers = 0");

$node->safe_psql('postgres', <<'SQL');
CREATE TABLE known AS SELECT image, label FROM words WHERE id <= 50;
CREATE TABLE coming AS SELECT id, 1 + id % 2 AS week, image, label FROM words WHERE id BETWEEN 51 AND 90;
CREATE TABLE apart AS SELECT image, label FROM words WHERE id > 90;
\i test/t/month.sql
SQL
my $architecture = '"architecture": "[1,32,96,1 Cr3,3,8 Mp4,4 Cr3,3,16 Mp8,1 Lbx16", "threads": 1';
$node->safe_psql('postgres', qq(CALL month_run(2, '{30}', '{$architecture, "epochs": 2}', '{"epochs": 1, "threads": 1}')));
is($node->safe_psql('postgres', q{SELECT arm, week, corrected FROM month ORDER BY week, arm}),
	"base|0|\nrandom|1|6\nranked|1|6\nrandom|2|12\nranked|2|12",
	'each week a person looks at as many rows in either order');
is($node->safe_psql('postgres', q{SELECT count(*) FROM month WHERE week > 0 AND (verdict ~ 'version .* activated: CER' OR verdict ~ 'too few corrections')}), '4', 'the gate says what it has decided');
is($node->safe_psql('postgres', q{SELECT count(*) FROM month WHERE cer IS NULL OR cer < 0 OR (activated AND cer <> cer_of_newest)}), '0', 'and what is active is measured');
is($node->safe_psql('postgres', q{SELECT count(*) FROM hwr_attachments}), '0', 'nothing is left attached');

done_testing();
