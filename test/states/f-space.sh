#!/bin/bash
# State f: the checkout lies in a path with a space.  The extension built there is installed, and this folder's again at the end.

. test/states/states.sh
if [ ! -w "$("${PG_CONFIG:-pg_config}" --pkglibdir)" ]; then
	echo "# skipped, because only root may install what is built there"
	finish
fi
folder="$state_dir/a check out"
mkdir "$folder"
tar --exclude=./build --exclude=./.git -cf - . | tar -C "$folder" -xf -
is "the demo works in a path with a space" demo env -C "$folder"
is "the check works there" check env -C "$folder"
is "what was built here is installed again" as_stranger make -s install
finish
