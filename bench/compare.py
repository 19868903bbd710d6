"""Measure hwr and its peers side by side; called by bench/run, which prepares what the environment names.

First all parties' outputs on the same canvases are compared; a difference over the stated bound ends the run with
status 1.  Then every measurement alternates between the parties.  The last lines are "ratio CASE NUMBER":
the best peer's median time over ours.
"""

import array
import os
import shutil
import subprocess
import sys

from trials import CPU_CLOCK, Server, Session, Unavailable, alternate, reason

WORK = os.environ["BENCH_WORK"]                     # folder for models, canvases, images
CORE = os.environ["BENCH_CORE"]                     # bench_core
PEERS = os.environ.get("BENCH_PEERS", "")           # the peers' Python, empty: none
IMAGES = os.environ["BENCH_IMAGES"]                 # folder of JPEGs
LABELS = os.environ["BENCH_LABELS"]                 # CSV: file name, label
PSQL = os.environ.get("BENCH_PSQL", "")             # psql, empty: no server
REPETITIONS = int(os.environ.get("BENCH_REPS", "5"))
SECONDS = float(os.environ.get("BENCH_SECONDS", "1"))       # least duration of a trial
ROWS = int(os.environ.get("BENCH_ROWS", "1000"))
PARTS = os.environ.get("BENCH_PARTS", "infer train decode sql").split()
PRECISION = os.environ.get("BENCH_PRECISION", "int8")   # ours in the ratios: what hwr.precision = auto means

HERE = os.path.dirname(os.path.abspath(__file__))
MODEL = f"{WORK}/model.safetensors"
CANVASES = f"{WORK}/canvases.bin"
CLASSES = f"{WORK}/labels.txt"
CASES = [*(f"infer-b{batch}-t{threads}" for threads in (1, 2) for batch in (1, 8, 32, 128)),
         "train-b32-t2", "sql-scalar-t1", "sql-array-t1",
         "sql-plain-over-array", "sql-parallel2", "decode-preprocess", "decode-large"]

# Log posteriors may differ by so much from float32 PyTorch, and the posteriors of different images must differ by more.
BOUND = {"float32": 2e-3, "bfloat16": 0.2, "int8": 0.2}
LEAST_SPREAD = 0.5
# Relative, for the loss of a training step.
LOSS_BOUND = {"float32": 1e-3, "bfloat16": 1e-2}

ratios = {}
missing = {}


def say(*words):
    print(*words, flush=True)


def miss(case, why):
    missing[case] = why
    say(f"not measured: {case} ({why})")


def precision_of(variant):
    return next((p for p in ("int8", "bfloat16") if p in variant), "float32")


#
# The machine and the inputs
#

def machine():
    facts = {"model name": "unknown processor"}
    with open("/proc/cpuinfo") as f:
        for line in f:
            name, colon, value = line.partition(":")
            facts[name.strip()] = value.strip()
    # a virtual machine's processor may be anonymous
    kinds = [kind for kind in ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_tile") if kind in facts.get("flags", "").split()]
    model = f"{facts['model name']} (family {facts.get('cpu family', '?')}, model {facts.get('model', '?')}; {', '.join(kinds)})"
    load = os.getloadavg()[0]
    cpus = len(os.sched_getaffinity(0))
    say(f"processor: {model}, {cpus} CPUs; load average {load:.2f}")
    if load > 0.3 * cpus:
        say("WARNING: the machine is busy with other work; these figures are provisional")


def read_labels():
    """(file, label) of the images that are there."""
    rows = []
    with open(LABELS, encoding="utf-8") as f:
        next(f)
        for line in f:
            name, _, label = line.rstrip("\n").partition(",")
            if os.path.exists(f"{IMAGES}/{name}"):
                rows.append((name, label.strip('"')))
                if len(rows) == max(ROWS, 1000):
                    break
    return rows


def prepare():
    """Model, canvases and labels, once for all parties."""
    say("network:", subprocess.run([CORE, "model", MODEL], check=True, capture_output=True, text=True).stdout.strip())
    alphabet = sorted(" !#&'()*+,-./:;?0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
    rows = [(name, [alphabet.index(c) + 1 for c in label if c in alphabet]) for name, label in read_labels()]
    rows = [(name, classes) for name, classes in rows if 0 < len(classes) <= 30][:128]
    if len(rows) < 128:
        raise Unavailable(f"{IMAGES} has fewer than 128 labelled images")
    subprocess.run([CORE, "canvases", MODEL, CANVASES, *(f"{IMAGES}/{name}" for name, _ in rows)], check=True)
    with open(CLASSES, "w") as f:
        for _, classes in rows:
            f.write(" ".join(map(str, classes)) + "\n")
    return f"{IMAGES}/{rows[0][0]}"


def start_core(threads):
    return Server(CORE, "serve", MODEL, CANVASES, CLASSES, str(threads))


def start_peer(software, threads, log):
    if not PEERS:
        raise Unavailable("no Python with PyTorch")
    return Server(PEERS, f"{HERE}/peer.py", software, MODEL, CANVASES, CLASSES, str(threads), log=log)


#
# Equal outputs
#

def posteriors(server, variant):
    path = f"{WORK}/posteriors.bin"
    server.ask("posteriors", variant, 32, path)
    values = array.array("f")
    with open(path, "rb") as f:
        values.frombytes(f.read())
    return values


def check_outputs(core, peers):
    """Compare all variants with PyTorch's plainest.  Drops peers' variants that do not run or are wrong."""
    reference = posteriors(peers["torch"], "eager") if "torch" in peers else posteriors(core, "float32")
    size = len(reference) // 32
    spread = max(abs(a - b) for a, b in zip(reference[:size], reference[size:2 * size]))
    say(f"\nlargest difference of log posteriors from "
        f"{'PyTorch, float32' if 'torch' in peers else 'our own, float32'} (two images differ by {spread:.2f}):")
    wrong = not spread >= LEAST_SPREAD
    variants = {}
    for name, server in [("hwr", core), *peers.items()]:
        variants[name] = []
        for variant in server.ask("variants").split("\t"):
            try:
                values = posteriors(server, variant)
            except Unavailable as e:
                say(f"  {name} {variant}: cannot be had ({reason(e)})")
                continue
            difference = max(abs(a - b) for a, b in zip(values, reference))
            bound = BOUND[precision_of(variant)]
            # written so that NaN is wrong
            good = len(values) == len(reference) and difference <= bound
            say(f"  {name} {variant}: {difference:.2g} (bound {bound:g}){'' if good else '  WRONG'}")
            wrong = wrong or not good
            variants[name].append(variant)
    if wrong:
        sys.exit("bench: outputs differ, so times would mean nothing")
    return variants


def check_loss(core, peers):
    if "torch" not in peers:
        return
    reference = float(peers["torch"].ask("loss", "eager", 32))
    say(f"loss of a training step: PyTorch, float32 {reference:.6g}")
    for name, server, variant in (("hwr", core, "float32"), ("hwr", core, "bfloat16"),
                                  ("torch", peers["torch"], "channels_last_bfloat16")):
        loss, bound = float(server.ask("loss", variant, 32)), LOSS_BOUND[precision_of(variant)]
        say(f"  {name} {variant}: {loss:.6g} (bound {bound:g} of it)")
        if not abs(loss - reference) <= bound * abs(reference):
            sys.exit("bench: losses differ, so times would mean nothing")


#
# Outside the database
#

def fastest(server, verb, variants, batch):
    """Variants of a peer, the fastest first.  The best of three short trials, in turns: one alone could be spoiled by
    what else the machine does."""
    times = {}
    for _ in range(3):
        for variant in list(variants):
            try:
                t = server.time(verb, variant, batch, SECONDS / 4)
            except Unavailable as e:
                say(f"  {verb} {variant}: cannot be had ({reason(e)})")
                variants = [v for v in variants if v != variant]
                continue
            times[variant] = min(t, times.get(variant, t))
    return sorted((v for v in variants if v in times), key=times.get)


def of_precision(variants, precision):
    return [v for v in variants if precision_of(v) == precision][:1]


def measure_infer(servers, variants, threads, order):
    """The table of one thread count.  order[software] gets each peer's variants, the fastest first."""
    say(f"\nrecognition, {threads} thread{'s' * (threads > 1)}, milliseconds an image:")
    for batch in (1, 8, 32, 128):
        parties = {("hwr", v): (servers["hwr"], v) for v in variants["hwr"]}
        for software in [s for s in servers if s != "hwr"]:
            key = (software, threads, 1 if batch == 1 else 32)
            if key not in order:
                order[key] = fastest(servers[software], "infer", variants[software], batch)
            # the two fastest, because short trials may mistake their order, and the fastest that computes in float32
            for v in {*order[key][:2], *of_precision(order[key], "float32")}:
                parties[software, v] = (servers[software], v)
        times = alternate({name: lambda p=p: p[0].time("infer", p[1], batch, SECONDS)
                           for name, p in parties.items()}, REPETITIONS)
        for (software, variant), t in times.items():
            say(f"  batch {batch:3}  {software:5} {variant:24} {t.ms()}")
        compare(f"infer-b{batch}-t{threads}", times)


def compare(case, times):
    """Print how we compare with each peer, at all and both in float32; the ratio of a case is the one with the fastest."""
    for software in ("onnx", "torch"):
        peers = {name[1]: t.median for name, t in times.items() if name[0] == software}
        if not peers or ("hwr", PRECISION) not in times:
            continue
        ratio = min(peers.values()) / times["hwr", PRECISION].median
        ratios[case] = min(ratio, ratios.get(case, ratio))
        text = f"{ratio:.2f} with ours in {PRECISION}"
        plain = [t for variant, t in peers.items() if precision_of(variant) == "float32"]
        if plain and ("hwr", "float32") in times and (len(plain) < len(peers) or PRECISION != "float32"):
            text += f"; {min(plain) / times['hwr', 'float32'].median:.2f} both in float32"
        say(f"    {case}: {software} over hwr {text}")


def measure_train(servers):
    say("\ntraining step, batch 32, 2 threads, milliseconds an image:")
    if "torch" not in servers:
        raise Unavailable("no PyTorch")
    names = ["eager", "channels_last", "compile", "compile_channels_last", "channels_last_bfloat16"]
    order = fastest(servers["torch"], "train", names, 32)
    if not order:
        raise Unavailable("PyTorch cannot train here")
    parties = {("hwr", precision): servers["hwr"] for precision in ("float32", "bfloat16")}
    for v in {*order[:2], *of_precision(order, "float32")}:
        parties["torch", v] = servers["torch"]
    times = alternate({name: lambda name=name, s=s: s.time("train", name[1], 32, SECONDS)
                       for name, s in parties.items()}, REPETITIONS)
    for (software, variant), t in times.items():
        say(f"  {software:5} {variant:24} {t.ms()}  {1 / t.median:7.1f} images/s")
    theirs = {v: t.median for (software, v), t in times.items() if software == "torch"}
    plain = [t for v, t in theirs.items() if precision_of(v) == "float32"]
    ratios["train-b32-t2"] = min(theirs.values()) / min(t.median for (software, _), t in times.items() if software == "hwr")
    text = f"{ratios['train-b32-t2']:.2f}, best against best"
    if plain:
        text += f"; {min(plain) / times['hwr', 'float32'].median:.2f} both in float32"
    say(f"    train-b32-t2: torch over hwr {text}")


def measure_decode(servers, source):
    say("\nJPEG to a canvas of 256 x 64 (the peer without hwr's estimate of paper and ink):")
    if "torch" not in servers:
        raise Unavailable("no Pillow")
    for width, height in ((400, 60), (2000, 300)):
        path = f"{WORK}/{width}x{height}.jpg"
        servers["torch"].ask("jpeg", path, width, height, source)
        times = alternate({name: lambda s=s: s.time("decode", path, SECONDS / 2)
                           for name, s in (("hwr", servers["hwr"]), ("Pillow", servers["torch"]))}, REPETITIONS)
        for name, t in times.items():
            say(f"  {width:4} x {height:3}  {name:6} {t.ms()}")
        ratios["decode-preprocess" if width == 400 else "decode-large"] = times["Pillow"].median / times["hwr"].median


#
# In the database
#

OURS_SCALAR = "SELECT count(hwr_recognize(img, 'bench')) FROM forms"
OURS_ARRAY = "SELECT sum(cardinality(hwr_recognize_batch(imgs, 'bench'))) FROM batches"
PEER_SCALAR = "SELECT count(peer_recognize(img, '{}', '{}')) FROM forms"
PEER_ARRAY = "SELECT sum(cardinality(peer_recognize(imgs, '{}', '{}'))) FROM batches"


def fill_database():
    """1,000 rows, and the same in arrays of 32.  The settings are explained in doc/performance.md."""
    s = Session(PSQL)
    s.query("CREATE EXTENSION hwr")
    shutil.copy(MODEL, f"{os.environ['PGHOST']}/bench.safetensors")
    s.query(f"SELECT hwr_import_model(pg_read_binary_file('{os.environ['PGHOST']}/bench.safetensors'), 'bench')")
    for table, options in (("forms", ", fillfactor = 10"), ("forms_dense", "")):
        s.query(f"CREATE TABLE {table} (id int, img bytea) WITH (parallel_workers = 1{options})")
    rows = read_labels()
    for i in range(ROWS):
        with open(f"{IMAGES}/{rows[i % len(rows)][0]}", "rb") as f:
            s.query(f"INSERT INTO forms VALUES ({i}, '\\x{f.read().hex()}')")
    s.query("INSERT INTO forms_dense SELECT * FROM forms ORDER BY id")
    s.query("CREATE VIEW batches AS SELECT id / 32 AS batch, array_agg(img ORDER BY id) AS imgs FROM forms GROUP BY id / 32")
    s.query("VACUUM ANALYZE forms, forms_dense")
    pages = s.query("SELECT string_agg(relname || ' ' || relpages, ', ' ORDER BY relname) FROM pg_class "
                    "WHERE relname IN ('forms', 'forms_dense')")
    say(f"\nin the database: {ROWS} rows from {len(rows)} images; pages of the heap: {pages}")
    s.close()


def serial_session(precision=PRECISION, batch="off"):
    s = Session(PSQL)
    s.query(f"SET max_parallel_workers_per_gather = 0; SET jit = off; SET hwr.precision = {precision}; SET hwr.batch = {batch}")
    return s


def parallel_session(batch):
    """Two processes: the leader and one worker."""
    s = Session(PSQL)
    s.query(f"SET max_parallel_workers_per_gather = 1; SET jit = off; SET hwr.precision = {PRECISION}; SET hwr.batch = {batch}")
    plan = s.query(f"EXPLAIN {OURS_SCALAR}")
    if "Workers Planned: 1" not in plan:
        raise Unavailable("the planner chose no parallel plan")
    return s


def load_plpython(session):
    if not PEERS:
        raise Unavailable("no Python with PyTorch")
    packages = os.environ.get("BENCH_PACKAGES", "")
    folder = os.environ["PGHOST"]
    shutil.copy(f"{HERE}/network.py", folder)
    session.query(f"\\set packages '{packages}'\n\\set bench '{folder}'\n\\set model '{folder}/bench.safetensors'\n"
                  f"\\set cache '{folder}/inductor'\n\\i {HERE}/plpython.sql\nSELECT 1")


def database_peers(session, query, order, batch):
    """The peers' fastest variants that work in the server, at all and in float32: (software, variant) -> query."""
    chosen = {}
    for software in ("torch", "onnx"):
        found = set()
        for variant in order.get((software, 1, batch), []):
            # found holds precisions; a slower variant of the same precision, or of less, is of no interest
            if "float32" in found or precision_of(variant) in found:
                continue
            try:
                session.query(query.format(software, variant))
            except Unavailable as e:
                say(f"  {software} {variant} in PL/Python: cannot be had ({reason(e)})")
                continue
            found.add(precision_of(variant))
            chosen[software, variant] = query.format(software, variant)
    return chosen


def measure_sql(order):
    fill_database()
    ours = {precision: serial_session(precision) for precision in {PRECISION, "float32"}}
    peers = serial_session()
    why = "no PyTorch that works in PL/Python"
    try:
        load_plpython(peers)
        usable = True
    except Unavailable as e:
        usable, why = False, reason(e)
    for case, our_query, peer_query, batch in (("sql-scalar-t1", OURS_SCALAR, PEER_SCALAR, 1),
                                               ("sql-array-t1", OURS_ARRAY, PEER_ARRAY, 32)):
        parties = {("hwr", precision): (s, our_query) for precision, s in ours.items()}
        if usable:
            parties.update({name: (peers, q) for name, q in database_peers(peers, peer_query, order, batch).items()})
        measure_sql_case(case, parties)
        if case not in ratios:
            miss(case, why)
        if batch == 1:
            cold = [name for name in parties if name[0] != "hwr" or name[1] == PRECISION]
    attempt("sql", ["sql-plain-over-array"], measure_plain)
    attempt("sql", ["sql-parallel2"], measure_parallel, parallel=True)
    if usable and ("torch", 1, 1) in order and ("torch", "eager") not in cold:
        cold.append(("torch", "eager"))
    measure_cold(cold)
    for s in {*ours.values(), peers}:
        s.close()


def measure_sql_case(case, parties):
    say(f"\n{case}, {ROWS} rows, milliseconds an image:")
    for session, query in parties.values():
        session.query(query)
    times = alternate({name: lambda p=p: p[0].time(p[1]) / ROWS for name, p in parties.items()}, REPETITIONS)
    for (software, variant), t in times.items():
        say(f"  {software:5} {variant:24} {t.ms()}")
    compare(case, times)


def measure_plain():
    """One row at a time as it is written, read in batches as it is planned, beside arrays."""
    say(f"\nsql-plain-over-array, {ROWS} rows, milliseconds an image:")
    plain, single = serial_session(batch="auto"), serial_session()
    for s in (plain, single):
        s.query(OURS_SCALAR + " WHERE id = 0")
    if "HwrBatch" not in plain.query(f"EXPLAIN {OURS_SCALAR}"):
        raise Unavailable("the planner chose no batches")
    times = alternate({"plain, in batches": lambda: plain.time(OURS_SCALAR) / ROWS,
                       "arrays of 32": lambda: plain.time(OURS_ARRAY) / ROWS,
                       "plain, one at a time": lambda: single.time(OURS_SCALAR) / ROWS}, REPETITIONS)
    for name, t in times.items():
        say(f"  {name:30} {t.ms()}")
    ratios["sql-plain-over-array"] = times["arrays of 32"].median / times["plain, in batches"].median
    for s in (plain, single):
        s.close()


def measure_parallel():
    """The statement as it is planned, in batches, in two processes and in one; and the same read one row at a time."""
    say(f"\nsql-parallel2, {ROWS} rows, milliseconds an image:")
    one, single = serial_session(batch="auto"), serial_session()
    two, single_two = parallel_session("auto"), parallel_session("off")
    sessions = (one, single, two, single_two)
    for s in sessions:
        s.query(OURS_SCALAR + " WHERE id = 0")
    dense = OURS_SCALAR.replace("forms", "forms_dense")
    times = alternate({"one process": lambda: one.time(OURS_SCALAR) / ROWS,
                       "two processes": lambda: two.time(OURS_SCALAR) / ROWS,
                       "two, few pages": lambda: two.time(dense) / ROWS,
                       "one, row by row": lambda: single.time(OURS_SCALAR) / ROWS,
                       "two, row by row": lambda: single_two.time(OURS_SCALAR) / ROWS}, REPETITIONS)
    for name, t in times.items():
        say(f"  {name:30} {t.ms()}")
    ratios["sql-parallel2"] = times["one process"].median / times["two processes"].median
    say(f"    row by row {times['one, row by row'].median / times['two, row by row'].median:.2f}")
    for s in sessions:
        s.close()


def measure_cold(parties):
    """The first call of a new session, and what the session holds then and after more calls of either form."""
    say("\nnew sessions: the first call, and the growth of the backend's own memory (RssAnon) after it and "
        "after 64 rows one by one and in arrays of 32:")
    for software, variant in parties:
        scalar, arrays = OURS_SCALAR, OURS_ARRAY
        if software != "hwr":
            scalar, arrays = PEER_SCALAR.format(software, variant), PEER_ARRAY.format(software, variant)
        first, after_first, after_all = [], [], []
        for _ in range(max(3, REPETITIONS // 2)):
            s = serial_session()
            before = s.memory()
            first.append(s.time(scalar + " WHERE id = 0"))
            after_first.append(s.memory() - before)
            s.query(scalar + " WHERE id < 64")
            s.query(arrays + " WHERE batch < 2")
            after_all.append(s.memory() - before)
            s.close()
        first.sort()
        say(f"  {software:5} {variant:24} {1e3 * first[len(first) // 2]:8.1f} ms "
            f"({1e3 * first[0]:.1f} to {1e3 * first[-1]:.1f}); "
            f"{max(after_first) / 1e6:.1f} MB, {max(after_all) / 1e6:.1f} MB")


#
# All of it
#

def attempt(part, cases, function, *args, parallel=False):
    if part not in PARTS:
        for case in cases:
            miss(case, "left out by BENCH_PARTS")
        return
    if parallel and CPU_CLOCK:
        for case in cases:
            miss(case, "BENCH_CLOCK=cpu says nothing about several threads")
        return
    try:
        function(*args)
    except Unavailable as e:
        for case in cases:
            if case not in ratios and case not in missing:
                miss(case, reason(e))


def start_all(threads, log):
    servers = {"hwr": start_core(threads)}
    for software in ("torch", "onnx"):
        try:
            server = start_peer(software, threads, log)
            version = server.ask("software")
            servers[software] = server
            if threads == 1:
                say(f"peer: {version}")
        except Unavailable as e:
            say(f"{software} cannot be had ({reason(e)})")
    return servers


def main():
    machine()
    say(f"{REPETITIONS} repetitions in turns, trials of {SECONDS:g} s or 3 calls; medians, +- half the range")
    if CPU_CLOCK:
        say("BENCH_CLOCK=cpu: all times are processor time, not elapsed time")
    log = open(f"{WORK}/peers.log", "w")
    source = prepare()
    order = {}
    servers = {threads: start_all(threads, log) for threads in (1, 2)}
    peers = {name: s for name, s in servers[1].items() if name != "hwr"}
    variants = check_outputs(servers[1]["hwr"], peers)
    check_loss(servers[1]["hwr"], peers)
    for threads in (1, 2):
        attempt("infer", [c for c in CASES if c.startswith("infer") and c.endswith(f"t{threads}")],
                measure_infer, servers[threads], variants, threads, order, parallel=threads > 1)
    attempt("train", ["train-b32-t2"], measure_train, servers[2], parallel=True)
    attempt("decode", ["decode-preprocess", "decode-large"], measure_decode, servers[1], source)
    for software in peers if "sql" in PARTS and PSQL else []:
        for batch in (1, 32):
            if (software, 1, batch) not in order:
                order[software, 1, batch] = fastest(servers[1][software], "infer", variants[software], batch)
    for group in servers.values():
        for server in group.values():
            server.close()
    sql_cases = [c for c in CASES if c.startswith("sql")]
    if PSQL:
        attempt("sql", sql_cases, measure_sql, order)
    else:
        for case in sql_cases:
            miss(case, "no server")
    say(f"\nload average at the end {os.getloadavg()[0]:.2f}")
    for case in CASES:
        if case in ratios:
            say(f"ratio {case} {ratios[case]:.2f}")
        else:
            say(f"not measured: {case} ({missing.get(case, 'nothing to compare with')})")


if __name__ == "__main__":
    main()
