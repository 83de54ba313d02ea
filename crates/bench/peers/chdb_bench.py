"""ClickHouse (chdb, in process): loads the files into a MergeTree and runs the tasks.

Settings, and why they are fair: 2 threads for reading, parsing and inserting; the table is ordered
by time, as lists need it; texts with few distinct values are `LowCardinality`; identifiers are
UUIDs (16 bytes). The status is computed once at load, as durward does. `id` and `correlationId`
have Bloom filter indexes, ClickHouse's way to look a value up that the order does not serve.
Compression and everything else are defaults. Insertion does not sync (ClickHouse's default).
"""

import json
import time

import pyarrow as pa
import pyarrow.compute as pc
from chdb import session

import common
from common import COLUMNS, DAY, LIST, USERS

KINDS = {
    "time": "DateTime64(6, 'UTC')",
    "uuid": "UUID",
    "int": "Nullable(Int64)",
    "float": "Nullable(Float64)",
    "bool": "Nullable(Bool)",
    "text": "String",
    "word": "LowCardinality(String)",
    "json": "String",
}
# As they are read: '' occurs where an identifier is expected, and is none; null where a text is.
READ = {**KINDS, "uuid": "String", "text": "Nullable(String)", "word": "Nullable(String)",
        "json": "Nullable(String)"}
SETTINGS = "max_threads = 2, max_insert_threads = 2, max_parsing_threads = 2"


def tuple_type(node):
    if isinstance(node, str):
        return READ[node]
    return "Tuple(" + ", ".join(f"`{name}` {tuple_type(inner)}" for name, inner in node.items()) + ")"


def expression(path, kind):
    source = ".".join(f"`{part}`" for part in path.split("."))
    if kind == "uuid":
        return f"toUUIDOrZero({source})"
    return source if kind in ("time", "int", "float", "bool") else f"ifNull({source}, '')"


class Engine:
    def __init__(self, data):
        data.mkdir(parents=True, exist_ok=True)
        self.session = session.Session(str(data))

    def run(self, sql):
        self.session.query(sql)

    def rows(self, sql):
        answer = self.session.query(f"{sql} SETTINGS max_threads = 2", "JSONCompactEachRow")
        return [json.loads(line) for line in str(answer).splitlines() if line]

    def table(self, sql):
        answer = self.session.query(f"{sql} SETTINGS max_threads = 2", "ArrowStream")
        return pa.ipc.open_stream(pa.py_buffer(answer.bytes())).read_all()


def load(arguments):
    manifest, files = common.read_manifest(arguments.files)
    common.check_columns(files)
    interrupted = ", ".join(map(str, manifest["tasks"]["interrupted_codes"]))
    columns = ", ".join(f"`{name}` {KINDS[kind]}" for _, name, kind in COLUMNS)
    selected = ",\n".join(f"{expression(path, kind)} AS `{name}`" for path, name, kind in COLUMNS)
    read = ", ".join(f"`{name}` {tuple_type(inner)}" for name, inner in common.tree().items())
    structure = read.replace("'", "\\'")
    code = "properties.status.errorCode"
    started = time.perf_counter()
    engine = Engine(arguments.data)
    engine.run("CREATE DATABASE IF NOT EXISTS bench")
    engine.run(
        f"""CREATE TABLE bench.sign_ins ({columns}, status UInt8,
        INDEX by_id id TYPE bloom_filter GRANULARITY 1,
        INDEX by_correlation correlationId TYPE bloom_filter GRANULARITY 1)
        ENGINE = MergeTree ORDER BY createdDateTime"""
    )
    engine.run(
        f"""INSERT INTO bench.sign_ins SELECT {selected},
        multiIf({code} = 0, 0, {code} IN ({interrupted}), 2, 1) AS status
        FROM file('{arguments.files}/*.jsonl', 'JSONEachRow', '{structure}')
        SETTINGS {SETTINGS}, date_time_input_format = 'best_effort',
        input_format_json_read_objects_as_strings = 1, input_format_json_read_arrays_as_strings = 1,
        prefer_column_name_to_alias = 1"""
    )
    inserted = time.perf_counter()
    while engine.rows("SELECT count() FROM system.merges")[0][0] not in (0, "0"):
        time.sleep(0.05)
    sealed = time.perf_counter()
    events = int(engine.rows("SELECT count() FROM bench.sign_ins")[0][0])
    parts = engine.rows(
        "SELECT count(), sum(bytes_on_disk) FROM system.parts "
        "WHERE database = 'bench' AND table = 'sign_ins' AND active"
    )[0]
    assert events == manifest["events"], events
    common.finish(
        {
            "events": events,
            "durable_s": inserted - started,
            "sealed_s": sealed - started,
            "bytes": {"all": int(parts[1])},
            "parts": int(parts[0]),
        }
    )


def instant(value):
    return f"fromUnixTimestamp64Micro(toInt64({value}), 'UTC')"


def between(end, span):
    return f"createdDateTime >= {instant(end - span)} AND createdDateTime < {instant(end)}"


def tasks(engine, p):
    rows = engine.rows

    def listed(where, limit=50):
        found = rows(
            f"SELECT toUnixTimestamp64Micro(createdDateTime), {LIST} FROM bench.sign_ins "
            f"WHERE {where} ORDER BY createdDateTime DESC, id DESC LIMIT {limit}"
        )
        # UUIDs have an order of their own here; events of one microsecond are put in ours.
        return sorted(([int(row[0]), row[2]] for row in found), reverse=True)

    def numbers(found, *text):
        return [[v if i in text else int(v) for i, v in enumerate(row)] for row in found]

    end, midnight = p["end_micros"], p["midnight_micros"]
    user = p["user"].replace("'", "\\'")
    keys = "toStartOfDay(createdDateTime) AS day, appId, userId, ipAddress, status, resourceId"
    names = "day, appId, userId, ipAddress, status, resourceId"
    non_interactive = "FROM bench.sign_ins WHERE category = 'NonInteractiveUserSignInLogs' AND "

    def grouped(days):
        return [
            [int(row[-1])]
            for row in rows(
                f"SELECT {keys}, count() AS n {non_interactive} {between(midnight, days * DAY)} "
                f"GROUP BY {names} ORDER BY n DESC LIMIT 50"
            )
        ]

    # What a row of the grouped list shows besides its key.
    spans = (
        f"SELECT {keys}, count() AS n, min(createdDateTime) AS first, max(createdDateTime) AS last "
        f"{non_interactive} {between(midnight, 30 * DAY)} GROUP BY {names}"
    )

    def grouped_page():
        order = "day DESC, userId, appId, ipAddress, status, resourceId"
        return [[len(rows(f"{spans} ORDER BY {order} LIMIT 50"))]]

    def grouped_all():
        table = engine.table(spans)
        return [[table.num_rows, pc.sum(table["n"]).as_py()]]

    return {
        "newest": lambda: listed(between(end, DAY)),
        "user": lambda: listed(f"userPrincipalName = '{user}' AND {between(end, 30 * DAY)}"),
        "address_failed": lambda: listed(
            f"startsWith(ipAddress, '{p['address_prefix']}') AND status = 1"
            f" AND {between(end, 7 * DAY)}"
        ),
        "request_id": lambda: listed(f"id = toUUID('{p['request_id']}')"),
        "correlation_id": lambda: listed(f"correlationId = toUUID('{p['correlation_id']}')"),
        "status_hours": lambda: numbers(
            rows(
                "SELECT toUnixTimestamp(toStartOfHour(createdDateTime)) * 1000000 AS hour, status, "
                f"count() FROM bench.sign_ins WHERE {between(end, 7 * DAY)} "
                "GROUP BY hour, status ORDER BY hour, status"
            )
        ),
        "top_applications": lambda: numbers(
            rows(
                "SELECT appDisplayName, count() AS n, uniqExactIf(userId, userId <> '') AS users "
                f"FROM bench.sign_ins WHERE {USERS} AND {between(end, 30 * DAY)} "
                "GROUP BY appDisplayName "
                "ORDER BY n DESC, appDisplayName LIMIT 10"
            ),
            0,
        ),
        "failure_reasons": lambda: numbers(
            rows(
                "SELECT errorCode, failureReason, count() AS n, uniqExactIf(userId, userId <> '') AS users "
                f"FROM bench.sign_ins WHERE status = 1 AND {USERS} AND {between(end, DAY)} "
                "GROUP BY errorCode, failureReason ORDER BY n DESC, errorCode LIMIT 50"
            ),
            1,
        ),
        "grouped_1d": lambda: grouped(1),
        "grouped_30d": lambda: grouped(30),
        "grouped_page": grouped_page,
        "grouped_all": grouped_all,
        "spray": lambda: numbers(
            rows(
                "SELECT ipAddress, uniqExactIf(userId, userId <> '') AS users, count() AS n FROM bench.sign_ins "
                "WHERE errorCode IN (50126, 50053, 50055, 50056) AND "
                f"{USERS} AND {between(end, DAY)} GROUP BY ipAddress HAVING users >= 5 "
                "ORDER BY users DESC, ipAddress"
            ),
            0,
        ),
        "name_contains": lambda: listed(
            f"positionUTF8(lowerUTF8(userDisplayName), '{p['name_part']}') > 0"
            f" AND {between(end, 30 * DAY)}"
        ),
        "weekly_top": lambda: numbers(
            rows(
                f"""SELECT appDisplayName,
                toUnixTimestamp(toDateTime(toStartOfWeek(createdDateTime, 1), 'UTC')) * 1000000 AS week,
                count() FROM bench.sign_ins WHERE appDisplayName IN (
                    SELECT appDisplayName FROM bench.sign_ins WHERE {USERS}
                    AND {between(end, 30 * DAY)} GROUP BY appDisplayName
                    ORDER BY count() DESC, appDisplayName LIMIT 3)
                AND {USERS} AND {between(end, 30 * DAY)}
                GROUP BY appDisplayName, week ORDER BY appDisplayName, week"""
            ),
            0,
        ),
    }


def main():
    arguments = common.arguments()
    if arguments.step == "version":
        import chdb

        version = f"ClickHouse {chdb.engine_version} (chdb {chdb.__version__})"
        return common.finish({"version": version})
    if arguments.step == "load":
        return load(arguments)
    manifest, _ = common.read_manifest(arguments.files)
    started = time.perf_counter()
    engine = Engine(arguments.data)
    engine.rows("SELECT count() FROM bench.sign_ins")
    all_tasks = tasks(engine, manifest["tasks"])
    open_ms = (time.perf_counter() - started) * 1000
    if arguments.step == "cold":
        result = common.run_cold(all_tasks, arguments.task)
    else:
        result = {"tasks": common.run_warm(all_tasks)}
    return common.finish({"open_ms": open_ms, **result})


if __name__ == "__main__":
    main()
