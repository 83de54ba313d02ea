"""DuckDB: loads the files with its own JSON reader into a native table and runs the tasks.

Settings, and why they are fair: 2 threads as everybody; the rest are defaults, except that the
insertion order is kept (the default), since rows then lie in order of time and its zone maps prune
every range of time. Types are given, which is faster than letting the reader guess them, and all
members are columns (see common.py). Identifiers are UUIDs (16 bytes). The status is computed once
at load, as durward does. No index on identifiers: an ART index of three columns takes longer to
build than the load and more memory than we allow ourselves.
"""

import time

import duckdb
import pyarrow.compute as pc

import common
from common import COLUMNS, DAY, LIST, USERS, micros

KINDS = {
    "time": "TIMESTAMP",
    "uuid": "VARCHAR",  # '' occurs and is no UUID; cast in the SELECT
    "int": "BIGINT",
    "float": "DOUBLE",
    "bool": "BOOLEAN",
    "text": "VARCHAR",
    "word": "VARCHAR",
    "json": "JSON",
}


def struct(node):
    if isinstance(node, str):
        return KINDS[node]
    fields = ", ".join(f'"{name}" {struct(inner)}' for name, inner in node.items())
    return f"STRUCT({fields})"


def connect(data, read_only=False):
    connection = duckdb.connect(str(data / "bench.duckdb"), read_only=read_only)
    connection.execute("SET threads = 2")
    return connection


def expression(path, kind):
    source = ".".join(f'"{part}"' for part in path.split("."))
    if kind == "uuid":
        return f"CAST(nullif({source}, '') AS UUID)"
    return f"CAST({source} AS VARCHAR)" if kind == "json" else source


def load(arguments):
    manifest, files = common.read_manifest(arguments.files)
    common.check_columns(files)
    arguments.data.mkdir(parents=True, exist_ok=True)
    interrupted = ", ".join(map(str, manifest["tasks"]["interrupted_codes"]))
    columns = ", ".join(f"'{name}': '{struct(inner)}'" for name, inner in common.tree().items())
    selected = ",\n".join(f'{expression(path, kind)} AS "{name}"' for path, name, kind in COLUMNS)
    code = 'properties.status."errorCode"'
    started = time.perf_counter()
    connection = connect(arguments.data)
    connection.execute(
        f"""CREATE TABLE sign_ins AS SELECT {selected},
        CAST(CASE WHEN {code} = 0 THEN 0 WHEN {code} IN ({interrupted}) THEN 2 ELSE 1 END
             AS UTINYINT) AS status
        FROM read_json({files!r}, format = 'newline_delimited', columns = {{{columns}}})"""
    )
    inserted = time.perf_counter()
    connection.execute("CHECKPOINT")
    sealed = time.perf_counter()
    events = connection.execute("SELECT count(*) FROM sign_ins").fetchone()[0]
    connection.close()
    assert events == manifest["events"], events
    common.finish(
        {
            "events": events,
            "durable_s": inserted - started,
            "sealed_s": sealed - started,
            "bytes": {"all": common.bytes_under(arguments.data)},
        }
    )


def instant(value):
    return f"make_timestamp({value})"


def between(end, span):
    return f'"createdDateTime" >= {instant(end - span)} AND "createdDateTime" < {instant(end)}'


def tasks(connection, p):
    def rows(sql):
        return connection.execute(sql).fetchall()

    def listed(where, limit=50):
        found = rows(
            f"SELECT {LIST} FROM sign_ins WHERE {where} "
            f"ORDER BY createdDateTime DESC, id DESC LIMIT {limit}"
        )
        return [[micros(row[0]), str(row[1])] for row in found]

    end, midnight = p["end_micros"], p["midnight_micros"]
    user = p["user"].replace("'", "''")
    keys = "time_bucket(INTERVAL 1 DAY, createdDateTime) AS day, appId, userId, ipAddress, status, resourceId"
    non_interactive = "FROM sign_ins WHERE category = 'NonInteractiveUserSignInLogs' AND "

    def grouped(days):
        return [
            [row[-1]]
            for row in rows(
                f"SELECT {keys}, count(*) AS n {non_interactive} {between(midnight, days * DAY)} "
                "GROUP BY ALL ORDER BY n DESC LIMIT 50"
            )
        ]

    # What a row of the grouped list shows besides its key.
    spans = (
        f"SELECT {keys}, count(*) AS n, min(createdDateTime) AS first, max(createdDateTime) AS last "
        f"{non_interactive} {between(midnight, 30 * DAY)} GROUP BY ALL"
    )

    def grouped_page():
        order = "day DESC, userId, appId, ipAddress, status, resourceId"
        return [[len(rows(f"{spans} ORDER BY {order} LIMIT 50"))]]

    def grouped_all():
        table = connection.sql(spans).to_arrow_table()
        return [[table.num_rows, pc.sum(table["n"]).as_py()]]

    return {
        "newest": lambda: listed(between(end, DAY)),
        "user": lambda: listed(f"userPrincipalName = '{user}' AND {between(end, 30 * DAY)}"),
        "address_failed": lambda: listed(
            f"starts_with(ipAddress, '{p['address_prefix']}') AND status = 1"
            f" AND {between(end, 7 * DAY)}"
        ),
        "request_id": lambda: listed(f"id = '{p['request_id']}'::UUID"),
        "correlation_id": lambda: listed(f"correlationId = '{p['correlation_id']}'::UUID"),
        "status_hours": lambda: [
            [micros(hour), status, count]
            for hour, status, count in rows(
                "SELECT date_trunc('hour', createdDateTime) AS hour, status, count(*) "
                f"FROM sign_ins WHERE {between(end, 7 * DAY)} GROUP BY ALL ORDER BY ALL"
            )
        ],
        "top_applications": lambda: [
            list(row)
            for row in rows(
                "SELECT appDisplayName, count(*) AS n, count(DISTINCT nullif(userId, '')) AS users "
                f"FROM sign_ins WHERE {USERS} AND {between(end, 30 * DAY)} GROUP BY ALL"
                " ORDER BY n DESC, 1 LIMIT 10"
            )
        ],
        "failure_reasons": lambda: [
            list(row)
            for row in rows(
                "SELECT errorCode, failureReason, count(*) AS n, count(DISTINCT nullif(userId, '')) AS users "
                f"FROM sign_ins WHERE status = 1 AND {USERS} AND {between(end, DAY)} "
                "GROUP BY ALL ORDER BY n DESC, 1 LIMIT 50"
            )
        ],
        "grouped_1d": lambda: grouped(1),
        "grouped_30d": lambda: grouped(30),
        "grouped_page": grouped_page,
        "grouped_all": grouped_all,
        "spray": lambda: [
            list(row)
            for row in rows(
                "SELECT ipAddress, count(DISTINCT nullif(userId, '')) AS users, count(*) AS n FROM sign_ins "
                "WHERE errorCode IN (50126, 50053, 50055, 50056) AND "
                f"{USERS} AND {between(end, DAY)} GROUP BY ALL HAVING users >= 5 ORDER BY users DESC, 1"
            )
        ],
        "name_contains": lambda: listed(
            f"contains(lower(userDisplayName), '{p['name_part']}') AND {between(end, 30 * DAY)}"
        ),
        "weekly_top": lambda: [
            [app, micros(week), count]
            for app, week, count in rows(
                f"""WITH top AS (SELECT appDisplayName, count(*) AS n FROM sign_ins
                WHERE appDisplayName <> '' AND {between(end, 30 * DAY)}
                GROUP BY ALL ORDER BY n DESC, 1 LIMIT 3)
                SELECT appDisplayName, date_trunc('week', createdDateTime) AS week, count(*)
                FROM sign_ins WHERE appDisplayName IN (SELECT appDisplayName FROM top)
                AND {USERS} AND {between(end, 30 * DAY)} GROUP BY ALL ORDER BY ALL"""
            )
        ],
    }


def main():
    arguments = common.arguments()
    if arguments.step == "version":
        return common.finish({"version": f"DuckDB {duckdb.__version__}"})
    if arguments.step == "load":
        return load(arguments)
    manifest, _ = common.read_manifest(arguments.files)
    started = time.perf_counter()
    connection = connect(arguments.data, read_only=True)
    all_tasks = tasks(connection, manifest["tasks"])
    open_ms = (time.perf_counter() - started) * 1000
    if arguments.step == "cold":
        result = common.run_cold(all_tasks, arguments.task)
    else:
        result = {"tasks": common.run_warm(all_tasks)}
    return common.finish({"open_ms": open_ms, **result})


if __name__ == "__main__":
    main()
