#!/bin/bash
# tools/check-includes finds an arrow that points the wrong way: planted ones, in a tree that holds nothing else.

. test/states/states.sh
if ! command -v git > /dev/null; then
	echo "# skipped, because there is no git"
	finish
fi
mkdir -p "$state_dir/tools" && cp tools/check-includes "$state_dir/tools/" && git init -q "$state_dir" || exit 1

# plant FILE INCLUDE: a source file with one include line, alone in the tree
plant() {
	rm -rf "$state_dir/src"
	mkdir -p "$state_dir/$(dirname "$1")"
	printf '#include %s\n' "$2" > "$state_dir/$1"
}

# found FILE INCLUDE TEXT: planted, an error names the file and says why
found() {
	plant "$1" "$2"
	refuses "^$1:.* $3" "$state_dir/tools/check-includes"
}

allowed() {
	plant "$1" "$2"
	"$state_dir/tools/check-includes"
}

is "an arrow to a room below is allowed" allowed src/core/train/planted.c '"core/text/metrics.h"'
is "one that points back up is found" found src/core/text/planted.c '"core/train/trainer.h"' 'the arrow points back up'
is "one from the core to a device, too" found src/core/network/planted.h '"cpu/backend.h"' 'src/core may not include src/cpu'
is "and from a device to the glue" found src/cpu/layers/planted.c '"pg/base/hwr_pg.h"' 'src/cpu may not include src/pg'
is "PostgreSQL's header in the core is found" found src/core/base/planted.c '"postgres.h"' "only src/pg knows PostgreSQL"
is "a folder that is no room is found" found src/core/attic/planted.c '<math.h>' 'no such room'
finish
