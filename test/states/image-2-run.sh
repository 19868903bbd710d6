#!/bin/bash
# The second stage of the Dockerfile, and what its image then does with the script for new databases.

. test/states/states.sh
install_packages postgresql
export PG_MAJOR=$(ls /usr/lib/postgresql)
cp -a /packages/out/. / && mkdir /docker-entrypoint-initdb.d || exit 1
dockerfile_runs 2 | while IFS= read -r command; do
	is "RUN $command" sh -c "$command" < /dev/null
	[ "$failures" -eq 0 ] || exit 1
done || exit 1
is "the cluster starts" pg_ctlcluster "$PG_MAJOR" main start
is "the image's script creates the extension" su postgres -c 'createdb first && psql -Xq -v ON_ERROR_STOP=1 -d first -f /docker-entrypoint-initdb.d/10-hwr.sql'
is "the extension reads" smoke su postgres -c 'psql -XqAt -v ON_ERROR_STOP=1'
pg_ctlcluster "$PG_MAJOR" main stop
finish
