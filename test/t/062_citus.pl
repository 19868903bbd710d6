# Citus: it reads on the workers by itself, and models are shipped to them

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use HwrTest;

my ($libraries) = run_command([ 'pg_config', '--pkglibdir' ]);
plan skip_all => 'Citus is not installed' unless -e "$libraries/citus.so";

# On TCP: Citus finds nodes by host names.
my @nodes = map {
	my $node = PostgreSQL::Test::Cluster->new($_);
	$node->init;
	$node->append_conf('postgresql.conf', <<'CONF');
listen_addresses = '127.0.0.1'
shared_preload_libraries = 'citus'
citus.node_conninfo = 'sslmode=prefer'
CONF
	$node;
} ('coordinator', 'worker1', 'worker2');
my ($coordinator, $worker1, $worker2) = @nodes;
$_->start foreach @nodes;
$_->safe_psql('postgres', 'CREATE EXTENSION citus') foreach @nodes;
my ($one, $two) = map { '127.0.0.1:' . $_->port } ($worker1, $worker2);
$coordinator->safe_psql('postgres', "SELECT citus_set_coordinator_host('127.0.0.1', " . $coordinator->port . ')');
$coordinator->safe_psql('postgres', "SELECT citus_add_node('127.0.0.1', " . $_->port . ')') foreach ($worker1, $worker2);
load_words($coordinator);
load_golden($coordinator, 'forms');
is($worker2->safe_psql('postgres', q{SELECT count(*) FROM pg_extension WHERE extname = 'hwr'}), '1',
	'Citus creates the extension on the workers');
$coordinator->safe_psql('postgres', q{
	CREATE TABLE forms (id integer, image bytea);
	SELECT create_distributed_table('forms', 'id');
	INSERT INTO forms SELECT id, image FROM words;
});

my $texts = "SELECT id, hwr_recognize(image, 'forms') FROM %s ORDER BY id";
sql_fails($coordinator, sprintf($texts, 'forms'), '42704', 'model "forms" does not exist', 'without the model on the workers');

# What shipping reports: after "node|", one and the other
sub ships
{
	my ($first, $second, $name) = @_;

	is($coordinator->safe_psql('postgres', "SELECT * FROM hwr_ship_model('forms') ORDER BY node"),
		join("\n", sort("$one|$first", "$two|$second")), $name);
}

ships('1|stored|', '1|stored|', 'a model is stored on both');
ships('1|unchanged|', '1|unchanged|', 'once');
is($coordinator->safe_psql('postgres', sprintf($texts, 'forms')), $coordinator->safe_psql('postgres', sprintf($texts, 'words')),
	'the workers read the same');
like($coordinator->safe_psql('postgres', 'EXPLAIN (VERBOSE, COSTS off) ' . sprintf($texts, 'forms')),
	qr/Task.*Query: SELECT id, public\.hwr_recognize\(image/s,
	'and it is they who read');
$worker1->stop;
$coordinator->safe_psql('postgres', "SELECT hwr_import_model(hwr_export_model('forms', half => true), 'forms')");
ships("|failed|failed to connect to $one", '2|stored|', 'a worker that is down does not stop the other');
$worker1->start;
ships('2|stored|', '2|unchanged|', 'and gets it when it is back');
$coordinator->safe_psql('postgres', 'CREATE ROLE clerk LOGIN; SELECT hwr_grant_model($$forms$$, $$clerk$$); GRANT EXECUTE ON FUNCTION hwr_ship_model TO clerk');
$worker2->safe_psql('postgres', "SELECT hwr_grant_model('forms', 'clerk')");
is($coordinator->safe_psql('postgres', "SET ROLE clerk; SELECT status, message FROM hwr_ship_model('forms', version => 1) WHERE node = '$two'"),
	'failed|permission denied for function hwr_activate_model', "the caller's rights on the worker hold");

$_->stop foreach @nodes;
done_testing();
