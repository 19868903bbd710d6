#!/bin/bash
# The first stage of the Dockerfile, command by command, on Debian's PostgreSQL in the place of the official image.

. test/states/states.sh
install_packages postgresql
export PG_MAJOR=$(ls /usr/lib/postgresql)
cp -r . /src
dockerfile_runs 1 | while IFS= read -r command; do
	is "RUN $command" env -C /src sh -c "$command" < /dev/null
	[ "$failures" -eq 0 ] || exit 1
done || exit 1
cp -a /out /packages/
echo "# $(tr '\n' ' ' < /out/libraries)"
