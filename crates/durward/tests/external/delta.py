"""The Delta table in DuckDB, delta-rs and PyArrow while durward runs and takes in more.

Environment: DURWARD_TOKEN.

usage: delta.py URL FOLDER-OF-GENERATED-FILES DATA-DIRECTORY
"""

import copy
import json
import os
import sys
import time
import urllib.parse
import urllib.request
import uuid

import duckdb
import pyarrow.dataset
import pyarrow.parquet
from deltalake import DeltaTable

import generated
from generated import same

LOGS = {
    generated.INTERACTIVE: "interactiveUser",
    generated.NON_INTERACTIVE: "nonInteractiveUser",
    generated.SERVICE_PRINCIPAL: "servicePrincipal",
    generated.MANAGED_IDENTITY: "managedIdentity",
}
BEARER = {"Authorization": f"Bearer {os.environ['DURWARD_TOKEN']}"}
PUSHED = 250
SEALED_WITHIN_SECONDS = 60


def count_by_api(url, event_type, extra=""):
    """What durward itself counts, through the Graph list."""
    text = f"signInEventTypes/any(t: t eq '{event_type}'){extra}"
    query = urllib.parse.urlencode({"$filter": text, "$count": "true", "$top": 1})
    request = urllib.request.Request(f"{url}/beta/auditLogs/signIns?{query}", headers=BEARER)
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)["@odata.count"]


def push(url, records):
    body = json.dumps({"records": records}).encode()
    request = urllib.request.Request(
        f"{url}/api/ingest/diagnostic", body, {"Content-Type": "application/json", **BEARER}
    )
    with urllib.request.urlopen(request) as answer:
        assert answer.status in (200, 202, 204), answer.status


def another(category, properties, number):
    """A record that is new: the template's, under another id."""
    fresh = copy.deepcopy(properties)
    fresh["id"] = str(uuid.uuid5(uuid.NAMESPACE_URL, f"durward/{category}/{number}"))
    fresh["originalRequestId"] = fresh["id"]
    return {
        "time": fresh["createdDateTime"],
        "tenantId": "0b7c2a6e-51d5-4f0c-9a55-3d3c6f6c8a10",
        "category": category,
        "operationName": "Sign-in activity",
        "properties": fresh,
    }


def counts_by_log(con):
    """Latest revisions by log, with the view that docs/format.md gives."""
    rows = con.execute(
        """
        with latest as (
          select s.log from sign_ins s
          left join entity source on source."group" = 0 and source.key = s.sourceKey
          qualify row_number() over (
            partition by source.tenantId, s.id
            order by coalesce(s.publishedDateTime, s.receivedDateTime) desc, s.revision desc) = 1)
        select log, count(*) from latest group by log
        """
    ).fetchall()
    return dict(rows)


def failures(con):
    """Interactive failures with code 50126, joined to the entities."""
    return con.execute(
        """
        with latest as (
          select s.log, outcome.status_errorCode as code from sign_ins s
          left join entity source on source."group" = 0 and source.key = s.sourceKey
          left join entity outcome on outcome."group" = 7 and outcome.key = s.outcomeKey
          qualify row_number() over (
            partition by source.tenantId, s.id
            order by coalesce(s.publishedDateTime, s.receivedDateTime) desc, s.revision desc) = 1)
        select count(*) from latest where log = 'interactiveUser' and code = 50126
        """
    ).fetchone()[0]


def tables(data):
    """A DuckDB connection with both tables as they are committed now."""
    con = duckdb.connect()
    for name, as_name in (("sign_ins", "sign_ins"), ("entities", "entities")):
        table = DeltaTable(os.path.join(data, "tables", name))
        con.register(as_name, table.to_pyarrow_dataset())
    con.execute(
        'create view entity as select * from entities '
        'qualify row_number() over (partition by "group", key) = 1'
    )
    return con


def main(url, folder, data):
    expected = generated.read(folder)
    by_log = {LOGS[category]: len(records) for category, records in expected.items()}
    # Signing in to durward is in the log too; the checks before this one did.
    for log in by_log:
        by_log[log] += count_by_api(url, log, " and resourceDisplayName eq 'durward'")
    for log, count in by_log.items():
        same(count_by_api(url, log), count, f"durward's own count of {log}")

    con = tables(data)
    same(counts_by_log(con), by_log, "DuckDB counts the same events by log")
    code = " and status/errorCode eq 50126"
    same(failures(con), count_by_api(url, "interactiveUser", code), "DuckDB joins the entities")

    table = DeltaTable(os.path.join(data, "tables", "sign_ins"))
    files = table.file_uris()
    rows = sum(pyarrow.parquet.ParquetFile(path).metadata.num_rows for path in files)
    arrow = pyarrow.dataset.dataset(files, format="parquet").count_rows()
    same(arrow, rows, "PyArrow reads every row of the listed files")
    assert rows >= sum(by_log.values()), "rows include earlier revisions"
    same(
        table.to_pyarrow_dataset().count_rows(),
        rows,
        "delta-rs reads the transaction log to the same files",
    )
    listed = con.execute("select count(*) from read_parquet(?)", [files]).fetchone()[0]
    same(listed, rows, "DuckDB reads those files by itself")

    # More comes in while the table is being read.
    template = expected[generated.INTERACTIVE][0]
    push(url, [another(generated.INTERACTIVE, template, number) for number in range(PUSHED)])
    by_log["interactiveUser"] += PUSHED
    same(count_by_api(url, "interactiveUser"), by_log["interactiveUser"], "visible at the answer")
    deadline = time.monotonic() + SEALED_WITHIN_SECONDS
    while (found := counts_by_log(tables(data))) != by_log:
        assert time.monotonic() < deadline, f"not sealed: {found}, expected {by_log}"
        time.sleep(0.2)
    print("ok - sealed while open, and DuckDB counts the same again")


main(*sys.argv[1:4])
