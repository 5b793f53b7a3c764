"""What the documents show of each benchmark: its tables, and its chart."""

from chart import Bar, Chart, Cluster, Group

NEXTID = "nextid"


class Results:
    """A benchmark's file."""

    def __init__(self, fields):
        self.fields = fields

    def __getitem__(self, field):
        return self.fields[field]

    def figure(self, what, **labels):
        """The one with these labels, whatever others it has."""
        wanted = {"what": what, **labels}
        found = [each for each in self["figures"] if wanted.items() <= each.items()]
        if len(found) != 1:
            raise SystemExit(f"script/report: the results of '{self['benchmark']}' have {len(found)} figures of "
                             f"{wanted}, not one; measure it again with script/bench.")
        return found[0]

    def median(self, what, **labels):
        return self.figure(what, **labels)["median"]

    def clients(self):
        """In order."""
        return sorted({each["clients"] for each in self["figures"] if each["what"] == "rate"})

    def how(self):
        """The sentence above its table."""
        rounds = self["rounds"]
        runs = f"Medians of {rounds} interleaved runs" if rounds > 1 else "One run"
        return f"{runs} of about {self['seconds']} s, {self['date']}."


# ---- Words and numbers

def thousands(value):
    return f"{value:,.0f}"


def ratio(ours, theirs):
    """With as many digits as matter."""
    value = ours / theirs
    return f"{value:.2f}" if value < 1.995 else f"{value:.1f}" if value < 9.95 else f"{value:,.0f}"


def clients_of(count):
    return "1 client" if count == 1 else f"{count} clients"


def per(value):
    """A fraction: 1/80 of a commit."""
    share = 1 / value
    return "1" if share < 1.05 else f"1/{share:.1f}" if share < 10 else f"1/{share:,.0f}"


def table(head, rows):
    return [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}", *(f"| {' | '.join(row)} |" for row in rows)]


# ---- Strict ids, by store

class Side:
    """One way to take ids of a store."""

    def __init__(self, series, legend, head, **labels):
        self.series, self.legend, self.head, self.labels = series, legend, head, labels


# Series of charts. The peer is what a user would write.
NEXT, INCR, PEER, OTHER_PEER = range(4)
SIDES = {
    "sqlite": [Side(NEXT, "nextid /next", "nextid `/next`", of=NEXTID),
               Side(PEER, "Redis INCR", "Redis `INCR`", of="redis")],
    "postgres": [Side(NEXT, "nextid /next", "nextid `/next`", of=NEXTID, load="/next"),
                 Side(INCR, "nextid INCR", "nextid `INCR`", of=NEXTID, load="INCR"),
                 Side(PEER, "UPDATE", "`UPDATE … RETURNING`", of="UPDATE"),
                 Side(OTHER_PEER, "nextval", "`nextval`", of="nextval")],
    "mysql": [Side(NEXT, "nextid /next", "nextid `/next`", of=NEXTID, load="/next"),
              Side(INCR, "nextid INCR", "nextid `INCR`", of=NEXTID, load="INCR"),
              Side(PEER, "LAST_INSERT_ID(v + 1)", "`LAST_INSERT_ID(v + 1)`", of="UPDATE")],
    "etcd": [Side(NEXT, "nextid /next", "nextid `/next`", of=NEXTID, load="/next"),
             Side(INCR, "nextid INCR", "nextid `INCR`", of=NEXTID, load="INCR"),
             Side(PEER, "compare-and-swap", "compare-and-swap", of="compare-and-swap")],
    "dynamodb": [Side(NEXT, "nextid /next", "nextid `/next`", of=NEXTID),
                 Side(PEER, "FastAPI and boto3", "FastAPI and boto3", of="baseline")],
}
STRICT = tuple(SIDES)
ALL = (*STRICT, "server", "threads")

PRODUCTS = {"sqlite": "SQLite", "postgres": "PostgreSQL", "mysql": "MariaDB", "etcd": "etcd", "dynamodb": "dynalite"}
PEERS = {"sqlite": "Redis `INCR`, `appendfsync always`", "postgres": "prepared `UPDATE … RETURNING`",
         "mysql": "`LAST_INSERT_ID(v + 1)`", "etcd": "a loop of compare-and-swap",
         "dynamodb": "FastAPI and boto3"}
PER_SECOND = "ids per second"


def peer_of(store):
    return next(side for side in SIDES[store] if side.labels["of"] != NEXTID)


WAITS = "wait for `/next`, median and p99, ms"


def waits(results, clients):
    """Of nextid's clients."""
    return ", ".join(f"{results.median(what, of=NEXTID, clients=clients):.2f}" for what in ("median wait", "p99 wait"))


def rate(results, side, clients):
    return results.median("rate", **side.labels, clients=clients)


def bar(results, what, colour, note="", **labels):
    found = results.figure(what, **labels)
    return Bar(colour, found["median"], min(found["values"]), max(found["values"]), note)


def bars_of(store, results, sides, clients):
    """nextid's with how many times the first peer they are."""
    theirs = rate(results, peer_of(store), clients)
    for side in sides:
        is_ours = side.labels["of"] == NEXTID
        note = f"{ratio(rate(results, side, clients), theirs)}×" if is_ours else ""
        yield bar(results, "rate", side.series, note, **side.labels, clients=clients)


def clusters_of(store, results, sides, label):
    return [Cluster(label(clients), list(bars_of(store, results, sides, clients))) for clients in results.clients()]


def store_chart(store):
    def made(results):
        sides = SIDES[store]
        return Chart(f"Strict ids on {PRODUCTS[store]}", PER_SECOND, f"× compared with {peer_of(store).legend}",
                     {side.series: side.legend for side in sides},
                     [Group("", "", clusters_of(store, results[store], sides, clients_of))])
    return made


def overview_chart(results):
    groups = [Group(product_of(store, results[store]), f"peer: {PEERS[store].replace('`', '')}",
                    clusters_of(store, results[store], [SIDES[store][0], peer_of(store)], str)) for store in STRICT]
    return Chart("Strict, durable ids by number of clients", PER_SECOND, "× compared with the peer",
                 {NEXT: "nextid /next", PEER: "the peer: what a user would write"}, groups)


def overview_table(results):
    def cell(store, results, clients):
        ours, theirs = (rate(results, side, clients) for side in (SIDES[store][0], peer_of(store)))
        return f"{thousands(ours)} \\| {thousands(theirs)}"

    def row(store):
        cells = [cell(store, results[store], clients) for clients in results[store].clients()]
        if store == "sqlite":
            cells[1] += f" ({results[store].clients()[1]})"
        return [product_of(store, results[store]), PEERS[store], *cells]

    return table(["store", "peer", "1 client", "32 clients", "256 clients"], map(row, STRICT))


def product_of(store, results):
    """With its version, as far as people name it."""
    if store == "dynamodb":
        return "dynalite (speaks DynamoDB)"
    version = results["versions"].get(PRODUCTS[store])
    short = version and (version.split(".")[0] if store == "postgres" else ".".join(version.split(".")[:2]))
    return " ".join(filter(None, [PRODUCTS[store], short]))


def sqlite_table(results):
    of = results["sqlite"]
    ours, theirs = SIDES["sqlite"]
    rows = [[str(c), thousands(rate(of, ours, c)), thousands(rate(of, theirs, c)),
             ratio(rate(of, ours, c), rate(of, theirs, c)), waits(of, c)] for c in of.clients()]
    return [of.how(), "", *table(["clients", f"{ours.head}, ids/s", f"{theirs.head}, ids/s", "ratio", WAITS], rows), "",
            f"From the start to the first id: {of.median('start to first id'):.1f} ms. Resident memory after the load: "
            f"{of.median('resident memory'):.1f} MB."]


def database_tables(store):
    def made(results):
        of, sides = results[store], SIDES[store]
        return [of.how(), "", *rates_table(of, sides), "", "`/next` of several nodes on one counter, in sum, ids/s:", "", *nodes_table(of)]
    return made


def rates_table(of, sides):
    """Each peer with the ratio of /next to it."""
    ours = [side for side in sides if side.labels["of"] == NEXTID]
    peers = [side for side in sides if side.labels["of"] != NEXTID]
    head = ["clients", *(side.head for side in ours)]
    for side in peers:
        head += [side.head, "ratio"]

    def row(clients):
        cells = [str(clients), *(thousands(rate(of, side, clients)) for side in ours)]
        for side in peers:
            theirs = rate(of, side, clients)
            cells += [thousands(theirs), ratio(rate(of, ours[0], clients), theirs)]
        return [*cells, per(of.median("commits per id", load="/next", clients=clients)), waits(of, clients)]

    return table([*head, "commits per id", WAITS], map(row, of.clients()))


def nodes_table(of):
    sums = [each for each in of["figures"] if each["what"] == "rate of several nodes"]
    counts = sorted({each["nodes"] for each in sums})
    rows = []
    for clients, share in dict.fromkeys((each["clients"], each["share"]) for each in sums):
        one = of.median("rate", load="/next", clients=clients)
        row = [f"{clients}, {share}", thousands(one)]
        for nodes in counts:
            several = of.median("rate of several nodes", clients=clients, share=share, nodes=nodes)
            row.append(f"{thousands(several)} ({ratio(several, one)})")
        rows.append(row)
    return table(["clients of the one node", "1 node", *(f"{nodes} nodes (ratio)" for nodes in counts)], rows)


def dynamodb_table(results):
    of = results["dynamodb"]
    ours, theirs = SIDES["dynamodb"]
    price = of.median("price of a million writes")

    def row(clients):
        writes = of.median("writes per id", clients=clients)
        return [str(clients), thousands(rate(of, ours, clients)), thousands(rate(of, theirs, clients)),
                ratio(rate(of, ours, clients), rate(of, theirs, clients)), per(writes), f"${price * writes:.3f}",
                waits(of, clients)]

    head = ["clients", f"{ours.head}, ids/s", f"{theirs.head}, ids/s", "ratio", "store writes per id",
            "cost per million ids", WAITS]
    return [f"{of.how()[:-1]}; costs at ${price:g} per million write units:", "", *table(head, map(row, of.clients()))]


# ---- One I/O thread

# How the peers of bench/server_speed.py are called here.
SERVER_PEERS = {"nginx return 200": "nginx, a constant", "Redis volatile": "Redis, no persistence",
                "Redis durable": "Redis, appendfsync always"}


def server_loads(of):
    """In the order in which they were measured."""
    labels = ("load", "peer", "clients", "pipeline")
    return [dict(zip(labels, each)) for each in
            dict.fromkeys(tuple(each[label] for label in labels) for each in of["figures"])]


def load_words(load):
    pipeline = f", pipeline {load['pipeline']}" if load["pipeline"] > 1 else ""
    return f"{load['load']}, {load['clients']} clients{pipeline}"


def server_chart(results):
    of = results["server"]

    def group(load):
        ours, theirs = (of.median("rate", of=who, **load) for who in (NEXTID, load["peer"]))
        return Group(load_words(load), f"peer: {SERVER_PEERS[load['peer']]}",
                     [Cluster("", [bar(of, "rate", NEXT, f"{ratio(ours, theirs)}×", of=NEXTID, **load),
                                   bar(of, "rate", PEER, "", of=load["peer"], **load)])])

    return Chart("One I/O thread", "requests per second", "× compared with the peer", {NEXT: NEXTID, PEER: "the peer"},
                 list(map(group, server_loads(of))))


def server_table(results):
    of = results["server"]

    def row(load):
        rates, cpu = ([of.median(what, of=who, **load) for who in (NEXTID, load["peer"])]
                      for what in ("rate", "CPU time per request"))
        words = load_words(load).replace(load["load"], load["load"].replace("/next", "`/next`").replace("INCR", "`INCR`"))
        return [words, SERVER_PEERS[load["peer"]], *map(thousands, rates), ratio(*rates), ratio(*cpu)]

    return [of.how(), "", *table(["load", "peer", "nextid, per second", "peer, per second", "ratio", "CPU time, ratio"],
                                 map(row, server_loads(of)))]


def cached_sentences(results):
    of, start = results["server"], results["sqlite"]
    http = next(load for load in server_loads(of) if load["load"] == "cached /next")
    deep = max((load for load in server_loads(of) if load["load"] == "cached INCR"), key=lambda load: load["pipeline"])
    ours, nginx = (of.median("rate", of=who, **http) for who in (NEXTID, http["peer"]))
    return [f"Cached ids need no write: {thousands(round(ours, -3))} requests per second on one thread, where nginx "
            f"answers {thousands(round(nginx, -3))}",
            f"with a constant; pipelined `INCR`, {of.median('rate', of=NEXTID, **deep) / 1e6:.1f} million. The first id "
            f"comes {start.median('start to first id'):.0f} ms",
            f"after the start; the server takes {start.median('resident memory'):.0f} MB."]


def threads_table(results):
    of = results["threads"]

    def row(pipeline):
        rates, cpu = ([of.median(what, threads=threads, pipeline=pipeline) for threads in (1, 2)]
                      for what in ("rate", "CPU time per id"))
        return [f"cached `INCR`, pipeline {pipeline}", *map(thousands, rates), ratio(rates[1], rates[0]),
                ratio(cpu[1], cpu[0])]

    pipelines = sorted({each["pipeline"] for each in of["figures"]})
    return [of.how(), "", *table(["load", "1 thread, ids/s", "2 threads, ids/s", "ratio", "CPU time per id, ratio"],
                                 map(row, pipelines))]


# ---- What was measured on what

def machine_words(machine):
    return (f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_gib']} GiB of memory, {machine['file_system']}; "
            f"Linux {machine['kernel']}, {machine['system']}")


def runs_table(results):
    by_machine = {}
    for name in ALL:
        by_machine.setdefault(machine_words(results[name]["machine"]), []).append(name)
    where = [f"Measured on: {words}" + ("." if len(by_machine) == 1 else f" ({', '.join(names)}).")
             for words, names in by_machine.items()]

    def row(name):
        of = results[name]
        versions = ", ".join(f"{peer} {version}" for peer, version in of["versions"].items())
        commit = (of["commit"] or "")[:12] + (", changed" if of["changed"] else "")
        return [f"`script/bench {name}`", of["date"], f"{of['rounds']} × {of['seconds']} s", of["nextid"], commit, versions]

    return [*where, "", *table(["command", "date", "runs", "nextid", "commit", "compared with"], map(row, ALL))]
