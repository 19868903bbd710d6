"""TAP for the desk's tests in Python."""
import sys
import time
import traceback

_count = 0
_failed = 0


def ok(condition, name, found=None):
    global _count, _failed
    _count += 1
    _failed += not condition
    print(f"{'' if condition else 'not '}ok {_count} - {name}", flush=True)
    if not condition and found is not None:
        diag(f"found: {found!r}"[:2000])
    return condition


def diag(text):
    for line in str(text).splitlines():
        print(f"# {line}", flush=True)


def run(*tests):
    """Run the functions, or those of them that further arguments of the script name; one that raises an exception is a failure, and the others go on."""
    wanted = sys.argv[3:]
    for test in tests:
        if wanted and test.__name__ not in wanted:
            continue
        started = time.monotonic()
        try:
            test()
        except Exception:
            ok(False, f"{test.__name__} ended by itself")
            diag(traceback.format_exc())
        diag(f"{test.__name__}: {time.monotonic() - started:.1f} s")
    print(f"1..{_count}")
    sys.exit(_failed > 0)
