# Drivers that send parameters without types

use strict;
use warnings;

use HwrTest;
use Test::More;

my $python = (grep { -x && system("$_ -c 'import psycopg' 2> /dev/null") == 0 } '/usr/bin/python3',
	map { "$_/python3" } split /:/, $ENV{PATH})[0];
plan skip_all => 'psycopg 3 is not there' unless $python;

my $node = new_server('drivers');
load_golden($node, 'drawn');
$node->safe_psql('postgres', q{SELECT hwr_evaluate('words', 'drawn')});

# As a driver that infers every type: nothing is ambiguous.
is($node->safe_psql('postgres', "PREPARE one AS SELECT hwr_recognize(\$1); SELECT parameter_types FROM pg_prepared_statements"),
	'{bytea}', 'hwr_recognize($1) means one image');
is($node->safe_psql('postgres', "PREPARE many AS SELECT hwr_recognize_batch(\$1, \$2); SELECT parameter_types FROM pg_prepared_statements"),
	'{bytea[],text}', 'hwr_recognize_batch($1, $2) means many');
is($node->safe_psql('postgres', "PREPARE lm AS SELECT * FROM hwr_train_lm(\$1, \$2); SELECT parameter_types FROM pg_prepared_statements"),
	'{text,regclass}', 'hwr_train_lm($1, $2) means a table');
is($node->safe_psql('postgres', "PREPARE c AS SELECT * FROM hwr_confusions(\$1, \$2); SELECT parameter_types FROM pg_prepared_statements"),
	'{text,integer}', 'hwr_confusions($1, $2) means the function');

my $output = `$python test/t/psycopg_types.py '${\$node->connstr('postgres')}' 2>&1`;
is($?, 0, 'psycopg 3') or diag($output);
my @checks = $output =~ /^ok \d+ - (.*)/mg;
is(scalar @checks, 23, 'in text and binary') or diag($output);

done_testing();
