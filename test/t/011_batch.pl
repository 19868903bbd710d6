# Batches behind plain SQL: random statements give the same with hwr.batch on and off; locks, cancels, the service

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use HwrTest;

my $node = new_server('batch', conf => "shared_preload_libraries = 'hwr'\nhwr.service_device = cpu\nhwr.device = cpu");
$node->safe_psql('postgres', slurp_file('sql/setup.sql') =~ s/.*?(?=CREATE FUNCTION stroke_model)//sr);
load_golden($node, 'golden');

# Images of all kinds: within the row and outside, NULL, and in bad some that are none.
$node->safe_psql('postgres', q{
	SELECT hwr_import_model(stroke_model(), name) FROM unnest('{strokes,other,default}'::text[]) name;
	ALTER TABLE words ALTER image SET STORAGE EXTERNAL;
	CREATE TABLE forms AS SELECT 8 * n + s.id AS id, n AS form, CASE WHEN (8 * n + s.id) % 11 <> 0 THEN s.image END AS image, s.label FROM strokes s, generate_series(0, 4) n ORDER BY n, s.id;
	ALTER TABLE forms ADD PRIMARY KEY (id);
	CREATE TABLE bad AS SELECT id, form, CASE WHEN id IN (13, 31) THEN 'no image' ELSE image END AS image, label FROM forms ORDER BY id;
	CREATE TABLE lines (id integer PRIMARY KEY, form integer, image bytea, label text) PARTITION BY RANGE (id);
	CREATE TABLE lines_1 PARTITION OF lines FOR VALUES FROM (0) TO (15);
	CREATE TABLE lines_2 PARTITION OF lines FOR VALUES FROM (15) TO (100);
	ALTER TABLE lines_2 ALTER image SET STORAGE EXTERNAL;
	INSERT INTO lines SELECT id, id % 5, image, label FROM words WHERE id <= 40;
	CREATE TABLE kept (id integer, t text);
	CREATE FUNCTION note(i integer) RETURNS integer LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'row %', i; RETURN i; END $$;
	CREATE FUNCTION all_forms() RETURNS SETOF forms LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN QUERY SELECT * FROM forms ORDER BY id; END $$;
	ANALYZE;
});

#
# Random statements
#

srand($ENV{HWR_SEED} // 42);

sub pick { return $_[ int(rand(@_)) ] }
sub chance { return rand() < $_[0] }

# A call that reads the image of one of these tables, as text
sub reading
{
	my ($alias, %args) = @_;
	my $model = pick("'strokes'", "'strokes'", "'other'", 'NULL');

	$model = "CASE WHEN $alias.id % 3 = 0 THEN 'strokes' ELSE 'other' END" if chance(0.1);
	$model = "'nobody'" if $args{errors} && chance(0.03);
	return "(hwr_score($alias.image, $alias.label, $model) > -1)::text" if chance(0.15);
	return "hwr_recognize($alias.image, $model)";
}

# Something to select
sub item
{
	my ($alias, %args) = @_;
	my $reading = reading($alias, %args);

	return pick(
		$reading, $reading, $reading, "length($reading)", "upper($reading) || $alias.label", "$alias.id", "$alias.label",
		"CASE WHEN $alias.form < 2 THEN $reading END", "coalesce($reading, '-')", "$alias.id > 9 AND $reading > ''",
		"($alias.image IS NULL, $reading)::text", "(SELECT $reading || x.id FROM strokes x WHERE x.id = $alias.form)", "(SELECT s.label FROM strokes s WHERE s.label = $reading LIMIT 1)",
		$args{errors} ? ("note($alias.id)", "note($alias.id)", "1 / ($alias.id - 17)", "set_config('my.x', ($alias.id % 3)::text, false)") : ());
}

sub condition
{
	my ($alias, %args) = @_;
	my $reading = reading($alias, %args);

	return pick(
		"$alias.id > 5", "$alias.id % 2 = 0", "$alias.label LIKE '%I%'", "$alias.form <= 3", "$alias.image IS NOT NULL", "length($alias.label) < 5",
		"$reading LIKE 'I%'", "$reading <> 'I'", "$reading IS NOT NULL AND $alias.id > 3", "($alias.id < 20 OR $reading = '^')",
		"EXISTS (SELECT FROM forms x WHERE x.form = $alias.form AND hwr_recognize(x.image, 'strokes') = 'I')",
		"$alias.id IN (SELECT y.id + 1 FROM forms y WHERE hwr_recognize(y.image, 'other') LIKE '_I%')",
		$args{errors} ? ("10 / ($alias.id - 29) > -100", "note($alias.id) > 0", "$alias.id % 3 <> current_setting('my.x')::integer",
			"($alias.id < 12 OR $alias.id < (SELECT 1 / count(*) FROM strokes n WHERE n.id > " . pick(2, 99) . "))") : ());
}

# FROM, and the aliases in it
sub source
{
	my (%args) = @_;
	my @tables = $args{errors} ? ('forms', 'bad', 'lines', 'bad') : ('forms', 'lines');
	my ($table, $other) = (pick(@tables), pick(@tables, 'strokes'));
	my $inner = pick($table, $table, "(SELECT * FROM $table ORDER BY id)", "(SELECT * FROM $table ORDER BY form, id DESC OFFSET 2)",
		"(SELECT * FROM $table WHERE id > 4 ORDER BY id LIMIT 21)", "(SELECT * FROM $table UNION ALL SELECT * FROM forms WHERE id < 9)", 'all_forms()');
	my $a = "$inner a";

	return ($a, 'a') if chance(0.6);
	return ("$a JOIN $other b ON " . pick('a.id = b.id', 'a.form = b.id', 'a.form + 1 = b.id AND a.id > 6') . ' ', 'a') if chance(0.4);
	return ("$a " . pick('LEFT', 'FULL', 'RIGHT') . " JOIN (SELECT id AS b_id, hwr_recognize(image, 'strokes') AS t FROM $other) b ON a.id = b.b_id", 'a') if chance(0.3);
	return ("(SELECT form, count(*) AS n FROM $table GROUP BY form) g JOIN $a ON a.form = g.form", 'a') if chance(0.3);
	return ("$a, LATERAL (SELECT c.id AS c_id FROM $other c WHERE c.id = a.form AND hwr_recognize(c.image, 'strokes') IS NOT NULL LIMIT 2) l", 'a') if chance(0.5);
	return ("$a CROSS JOIN (VALUES (1), (2)) v (n)", 'a');
}

sub select_statement
{
	my (%args) = @_;
	my ($from, $alias) = source(%args);
	my $where = join(' AND ', map { condition($alias, %args) } 1 .. int(rand(3)));
	my $sql;

	$where = $where eq '' ? '' : " WHERE $where";
	if (chance(0.25))
	{
		my $reading = reading($alias, %args);
		my $aggregates = join(', ', map { pick("count($reading)", "max($reading)", "count(*) FILTER (WHERE $reading = 'I')",
				"count($reading) FILTER (WHERE $alias.id > 9)", "string_agg($reading, ',' ORDER BY $alias.id, $reading)", "count(DISTINCT $reading)", "sum(length($reading))") } 1 .. 1 + int(rand(2)));

		return "SELECT $aggregates FROM $from$where" if chance(0.4);
		return "SELECT $reading AS t, count(*), $aggregates FROM $from$where GROUP BY 1 ORDER BY 1" if chance(0.3);
		return "SELECT $alias.form, $aggregates FROM $from$where GROUP BY $alias.form"
			. (chance(0.3) ? " HAVING count($reading) > 1" : '') . " ORDER BY $alias.form";
	}
	$sql = join(', ', map { item($alias, %args) } 1 .. 1 + int(rand(3)));
	$sql .= ", row_number() OVER (ORDER BY $alias.form, $alias.id, $alias.label)" if chance(0.1);
	$sql = "SELECT $sql FROM $from$where";
	$sql .= pick('', '', " ORDER BY $alias.id, 1", " ORDER BY $alias.label, $alias.id DESC", ' ORDER BY 1', ' ORDER BY ' . reading($alias, %args));
	$sql .= ' LIMIT ' . int(rand(25)) if chance(0.3);
	$sql .= ' OFFSET ' . int(rand(9)) if chance(0.15);
	return $sql;
}

# A statement, in one of the ways to run it
sub statement
{
	my $sql = select_statement(errors => chance(0.5));
	my $way = rand();

	return "WITH r AS MATERIALIZED ($sql) SELECT * FROM r LIMIT 7;" if $way < 0.05 && $sql !~ /, .* FROM/;
	return "PREPARE p AS $sql;\nEXECUTE p;\nEXECUTE p;\nDEALLOCATE p;" if $way < 0.15;
	return "COPY ($sql) TO STDOUT;" if $way < 0.2;
	# An empty file, or rows would lie where older ones, rolled back, have left room.
	return "BEGIN;\nTRUNCATE kept;\nINSERT INTO kept SELECT 1, q::text FROM ($sql) q;\nSELECT * FROM kept;\nROLLBACK;" if $way < 0.3;
	return '\set ON_ERROR_ROLLBACK ' . pick('on', 'off') . "\nBEGIN;\nDECLARE c " . pick('', '', 'NO SCROLL ', 'SCROLL ') . "CURSOR FOR $sql;\n"
		. join('', map { pick(map({ "FETCH $_ FROM c;\n" } 'NEXT', 'NEXT', 'FORWARD 3', 'FORWARD 10', 'PRIOR', 'BACKWARD 4', 'LAST', 'FIRST', 'RELATIVE -2', 'ABSOLUTE 6'),
				map({ "UPDATE $_ SET label = label || '!' WHERE CURRENT OF c RETURNING id;\n" } 'forms', 'bad', 'lines')) } 1 .. 12)
		. "ROLLBACK;\n\\set ON_ERROR_ROLLBACK off" if $way < 0.45;
	return "$sql;";
}

# Settings for the next statements
sub settings
{
	return join("\n", map { "SET enable_$_ = " . pick('on', 'on', 'off') . ';' } qw(hashjoin mergejoin nestloop hashagg sort material indexscan bitmapscan));
}

# What each statement prints, and what it says on the side
sub outcomes
{
	my ($batch, @statements) = @_;
	my ($out, $err) = ('', '');

	$node->psql('postgres', "SET hwr.batch = $batch;\nSET my.x = 1;\nSET max_parallel_workers_per_gather = 0;\n" . join("\n", map { "$_\n\\echo ----\n\\warn ----" } @statements),
		stdout => \$out, stderr => \$err, on_error_stop => 0, timeout => 600);
	return ([ split(/^----\n/m, "$out\n", -1) ], [ split(/^----\n/m, "$err\n", -1) ]);
}

my $n = $ENV{HWR_LONG} ? 5000 : 200;
my @statements = map { ($_ % 20 ? '' : settings() . "\n") . statement() } 1 .. $n;
my ($off_out, $off_err) = outcomes('off', @statements);
my ($auto_out, $auto_err) = outcomes('auto', @statements);
my $different = 0;

foreach my $i (0 .. $n - 1)
{
	next if $off_out->[$i] eq $auto_out->[$i] && $off_err->[$i] eq $auto_err->[$i];
	diag("differs: $statements[$i]\noff: $off_out->[$i]$off_err->[$i]\nauto: $auto_out->[$i]$auto_err->[$i]") if $different++ < 5;
}
is(scalar(@$off_out), $n + 1, 'every statement was run');
is($different, 0, "$n random statements give the same rows, notices and errors");
cmp_ok(scalar(grep { /ERROR:  (could not decode|division by zero)/ } @$off_err), '>', $n / 20, 'some of them fail on a row');
my @wrong = grep { /ERROR:  (?!could not decode|division by zero|model "nobody"|current transaction|prepared statement|cursor|portal "c")/ } @$off_err;
is("@wrong", '', 'none of them is wrong');

my @plain = map { /\ASELECT/ && !/\n/ ? "EXPLAIN $_" : () } @statements;
my ($plans) = outcomes('auto', @plain);
my $batched = grep { /HwrBatch/ } @$plans;
cmp_ok($batched, '>', @plain / 3, "many of them read in batches ($batched of " . @plain . ')');

# The same in parallel workers, where the order of rows and of errors is not given
my $forced = $node->safe_psql('postgres', "SELECT name FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query')");
my $parallel = "SET parallel_setup_cost = 0;\nSET parallel_tuple_cost = 0;\nSET min_parallel_table_scan_size = 0;\nSET max_parallel_workers_per_gather = 2;\n";
my @unfailing;
while (@unfailing < $n / 4)
{
	my $sql = select_statement();

	push @unfailing, $sql if $sql !~ /LIMIT|OFFSET/;
}
my ($serial) = outcomes('off', map { "$_;" } @unfailing);
foreach my $setup ($parallel, "SET $forced = on;\n")
{
	my ($workers) = outcomes('auto', $setup . "$unfailing[0];", map { "$_;" } @unfailing[ 1 .. $#unfailing ]);

	$different = 0;
	foreach my $i (0 .. $#unfailing)
	{
		my ($a, $b) = map { join("\n", sort split(/\n/, $_, -1)) } $serial->[$i], $workers->[$i];

		diag("differs: $unfailing[$i]\noff: $a\nauto: $b") if $a ne $b && $different++ < 5;
	}
	is($different, 0, scalar(@unfailing) . ' random statements give the same rows in parallel workers');
}

#
# With a real network, and images outside of the row
#

my $texts = q{SELECT string_agg(t, ' ' ORDER BY id) FROM (SELECT id, hwr_recognize(image, 'golden') AS t FROM words ORDER BY id) w};
my $single = $node->safe_psql('postgres', "SET hwr.batch = off; $texts");
like($single, qr/LON/, 'a network reads');
is($node->safe_psql('postgres', $texts), $single, 'it reads the same in batches');
$node->safe_psql('postgres', "SELECT hwr_stat_reset()");
is($node->safe_psql('postgres', "SET hwr.device = auto; $texts"), $single, 'so does the service');
is($node->safe_psql('postgres', "SELECT service_images = images AND images = 100 AND batches < 15 FROM hwr_stat WHERE model = 'golden'"), 't', 'which gets batches');

# The first statement of a session reads in batches where the library has been loaded.
like($node->safe_psql('postgres', "EXPLAIN SELECT hwr_recognize(image) FROM words"), qr/HwrBatch/, 'the first statement of a session');

# A statement that ends in the middle of a batch leaves nothing behind.
$node->safe_psql('postgres', 'CREATE TABLE many AS SELECT w.* FROM words w, generate_series(1, 100) n');
sql_fails($node, "SET statement_timeout = '300ms';\nSELECT count(hwr_recognize(image || ''::bytea, 'golden')), count(hwr_recognize(image, 'golden')) FROM many;", '57014', 'timeout', 'a timeout');
is($node->safe_psql('postgres', q{
	SET statement_timeout = '300ms';
	CREATE FUNCTION stopped() RETURNS text LANGUAGE plpgsql AS $$
	BEGIN
		PERFORM count(hwr_recognize(image, 'golden')) FROM many WHERE label <> 'x';
		RETURN 'not stopped';
	EXCEPTION WHEN query_canceled THEN
		RETURN (SELECT string_agg(hwr_recognize(image, 'strokes'), ',' ORDER BY id) FROM strokes);
	END $$;
	SELECT stopped();
}), 'I,^_,I^I_,_,III,^,I_I^_I^,', 'after a cancel the session reads on');

#
# Rows that another session changes: they are read as they are when they are locked
#

sub locked_and_changed
{
	my ($batch, $sql) = @_;
	my $out;

	$node->safe_psql('postgres', "UPDATE forms f SET image = s.image FROM strokes s WHERE s.label = f.label AND f.id <= 8");
	my $writer = start_sql($node, "BEGIN", "UPDATE forms SET image = (SELECT image FROM strokes WHERE id = 5) WHERE id IN (2, 3)",
		"SELECT count(*) FROM pg_stat_activity, pg_sleep(1)", 'COMMIT');
	$node->poll_query_until('postgres', "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE query LIKE '%pg_sleep(1)%' AND pid <> pg_backend_pid())");
	$out = $node->safe_psql('postgres', "SET hwr.batch = $batch;\n$sql");
	finish_sql($writer);
	return $out;
}

foreach my $sql ("SELECT id, hwr_recognize(image, 'strokes') FROM forms WHERE id < 6 ORDER BY id FOR UPDATE",
	"SELECT id, hwr_recognize(image, 'strokes') FROM (SELECT * FROM forms WHERE id < 6 ORDER BY id FOR UPDATE) f",
	"UPDATE forms SET label = label WHERE id < 6 AND hwr_recognize(image, 'strokes') <> '_' RETURNING id, hwr_recognize(image, 'strokes')")
{
	my $off = locked_and_changed('off', $sql);

	like($off, qr/^2\|III$/m, 'the changed row is read');
	is(locked_and_changed('auto', $sql), $off, 'in the same way');
}

done_testing();
