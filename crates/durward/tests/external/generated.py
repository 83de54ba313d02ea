"""The generated diagnostic records, read without durward."""

import glob
import gzip
import json
import os

INTERACTIVE = "SignInLogs"
NON_INTERACTIVE = "NonInteractiveUserSignInLogs"
SERVICE_PRINCIPAL = "ServicePrincipalSignInLogs"
MANAGED_IDENTITY = "ManagedIdentitySignInLogs"


def read(folder):
    """Properties of every record by category, the latest delivery of each id only."""
    latest = {}
    for path in sorted(glob.glob(os.path.join(folder, "**", "*"), recursive=True)):
        if os.path.isdir(path) or "label" in os.path.basename(path):
            continue
        opened = gzip.open if path.endswith(".gz") else open
        with opened(path, "rt", encoding="utf-8") as lines:
            for line in filter(str.strip, lines):
                record = json.loads(line)
                properties = record["properties"]
                key = (record["category"], properties["id"])
                known = latest.get(key)
                if known is None or known[0] <= record["time"]:
                    latest[key] = (record["time"], properties)
    by_category = {}
    for (category, _), (_, properties) in latest.items():
        by_category.setdefault(category, []).append(properties)
    for records in by_category.values():
        records.sort(key=lambda record: (record["createdDateTime"], record["id"]), reverse=True)
    assert by_category.get(INTERACTIVE), f"nothing generated in {folder}"
    return by_category


def same(found, expected, what):
    """Fails with both values where they differ."""
    assert found == expected, f"{what}: found {str(found)[:500]}, expected {str(expected)[:500]}"
    print(f"ok - {what}")
