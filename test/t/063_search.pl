# Kept posteriors away from home: a database without the model, COPY in binary, parallel plans, a standby

use strict;
use warnings;

use HwrTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_server('search', init => { allows_streaming => 1 });
load_golden($node, 'drawn');
$node->safe_psql('postgres', q{
	CREATE TABLE kept AS SELECT id, label, hwr_posterior(image, 'drawn') AS p FROM words;
	CREATE INDEX kept_p ON kept USING gin (p);
	ANALYZE kept});

# What is known of the first ten words: how they read, how probable their labels are, who else has them.
my $known = q{SELECT id, hwr_text(p), round(hwr_score(p, label)::numeric, 6), round(hwr_relevance(p, label)::numeric, 6),
		(SELECT string_agg(o.id::text, ' ' ORDER BY o.id) FROM kept o WHERE o.p @~ hwr_plain_query(k.label)),
		(SELECT candidate FROM hwr_match(p, (SELECT array_agg(label ORDER BY id) FROM kept)))
	FROM kept k WHERE id <= 10 ORDER BY id};
my $here = $node->safe_psql('postgres', $known);
is(scalar(split /\n/, $here), 10, 'ten words are read');
my $same = $node->safe_psql('postgres', q{SELECT count(*) FROM kept k JOIN words w USING (id) WHERE hwr_text(p) = hwr_recognize(image, 'drawn')});
is($same, '100', 'a kept posterior reads as its image does');

# A dump knows no model.
my $dump = "${\$node->basedir}/kept.sql";
$node->safe_psql('postgres', 'CREATE DATABASE elsewhere');
$node->safe_psql('elsewhere', 'CREATE EXTENSION hwr');
$node->command_ok([ 'pg_dump', '-h', $node->host, '-p', $node->port, '-t', 'kept', '-f', $dump, 'postgres' ], 'pg_dump');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-h', $node->host, '-p', $node->port, '-d', 'elsewhere', '-f',
	$dump ], 'psql');
is($node->safe_psql('elsewhere', 'SELECT count(*) FROM hwr_models'), '0', 'a database without models');
is($node->safe_psql('elsewhere', $known), $here, 'knows the same');
is($node->safe_psql('elsewhere', 'SET enable_seqscan = off; ' . $known), $here, 'by its index too');

# COPY in binary, and what comes damaged
$node->safe_psql('postgres', "COPY kept TO '${\$node->basedir}/kept.bin' (FORMAT binary); CREATE TABLE again (LIKE kept);
	COPY again FROM '${\$node->basedir}/kept.bin' (FORMAT binary)");
is($node->safe_psql('postgres', 'SELECT count(*) FROM kept JOIN again USING (id) WHERE kept.p = again.p'), '100',
	'binary format');
my $bytes = slurp_file("${\$node->basedir}/kept.bin");
my $first = pack('H*', $node->safe_psql('postgres', q{SELECT encode(p::bytea, 'hex') FROM kept LIMIT 1}));
my $at = index($bytes, $first);
cmp_ok($at, '>', 0, 'the value is in the file as it is stored');
substr($bytes, $at, 1) = "\x01";
open(my $file, '>:raw', "${\$node->basedir}/damaged.bin") or die;
print $file $bytes;
close($file);
my ($status, $out, $err) = $node->psql('postgres', "COPY again FROM '${\$node->basedir}/damaged.bin' (FORMAT binary)");
like($err, qr/not a kept posterior/, 'a damaged value is refused');

# Parallel plans
my $found = q{SELECT count(*), sum(id) FROM kept WHERE p @~ 'l*'};
my $parallel = q{SET enable_bitmapscan = off; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;
	ALTER TABLE kept SET (parallel_workers = 2);};
like($node->safe_psql('postgres', "$parallel EXPLAIN $found"), qr/Gather/, 'a parallel plan');
is($node->safe_psql('postgres', "$parallel $found"), $node->safe_psql('postgres', $found), 'finds the same');

# A standby
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('search_standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
$node->safe_psql('postgres', q{INSERT INTO kept SELECT id + 1000, label, p FROM kept WHERE id <= 10; DELETE FROM kept WHERE id = 3});
$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
is($standby->safe_psql('postgres', 'SET enable_seqscan = off; ' . $known), $node->safe_psql('postgres', $known),
	'a standby finds the same');

done_testing();
