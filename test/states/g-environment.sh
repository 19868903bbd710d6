#!/bin/bash
# State g: the user's environment and psqlrc lead to other servers and change what psql does.

. test/states/states.sh
cat > "$state_dir/.psqlrc" <<- 'END'
	\set ON_ERROR_STOP 1
	\pset format csv
	\timing on
	SELECT 1 / 0;
END
settings=(HOME="$state_dir" PSQLRC="$state_dir/.psqlrc" PSQL_PAGER=false PSQL_EDITOR=false PGDATA=/nonexistent
	PGOPTIONS='-c default_transaction_read_only=on -c search_path=nowhere' PGHOST=nowhere.invalid PGHOSTADDR=192.0.2.1 PGPORT=1
	PGUSER=nobody PGDATABASE=nothing PGSERVICE=none PGSSLMODE=verify-full PGCLIENTENCODING=LATIN1 PGTZ=Asia/Tokyo
	PGDATESTYLE=German PGAPPNAME=theirs PGTARGETSESSIONATTRS=standby)
is "the demo works whatever PG* variables and psqlrc say" demo "${settings[@]}"
is "the check does" check "${settings[@]}"
finish
