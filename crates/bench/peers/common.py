"""What both peers share: the columns of the table, parameters, times and memory.

Every member that the records have becomes a column: values that people filter, group or read as
typed columns, nested lists and objects as JSON text, so that nothing of a record is lost. Only the
spelling of times (seventh digit, zone) is not kept by the peers.
"""

import argparse
import datetime
import json
import os
import resource
import statistics
import time
from pathlib import Path

# Members of the envelope and, after a dot, of `properties`; the column; the kind of value.
#   time, uuid, int, float, bool; text (many distinct values), word (few), json (nested, as text)
COLUMNS = [
    ("time", "publishedDateTime", "time"),
    ("resourceId", "envelopeResourceId", "word"),
    ("operationName", "operationName", "word"),
    ("operationVersion", "operationVersion", "word"),
    ("category", "category", "word"),
    ("tenantId", "envelopeTenantId", "word"),
    ("resultType", "resultType", "word"),
    ("resultSignature", "resultSignature", "word"),
    ("resultDescription", "resultDescription", "word"),
    ("durationMs", "durationMs", "int"),
    ("callerIpAddress", "callerIpAddress", "text"),
    ("correlationId", "envelopeCorrelationId", "uuid"),
    ("identity", "identity", "text"),
    ("Level", "level", "int"),
    ("location", "envelopeLocation", "word"),
    ("properties.id", "id", "uuid"),
    ("properties.createdDateTime", "createdDateTime", "time"),
    ("properties.userDisplayName", "userDisplayName", "text"),
    ("properties.userPrincipalName", "userPrincipalName", "text"),
    ("properties.userId", "userId", "text"),
    ("properties.appId", "appId", "word"),
    ("properties.appDisplayName", "appDisplayName", "word"),
    ("properties.ipAddress", "ipAddress", "text"),
    ("properties.status.errorCode", "errorCode", "int"),
    ("properties.status.failureReason", "failureReason", "word"),
    ("properties.status.additionalDetails", "additionalDetails", "word"),
    ("properties.clientAppUsed", "clientAppUsed", "word"),
    ("properties.userAgent", "userAgent", "word"),
    ("properties.deviceDetail.deviceId", "deviceId", "text"),
    ("properties.deviceDetail.displayName", "deviceDisplayName", "text"),
    ("properties.deviceDetail.operatingSystem", "operatingSystem", "word"),
    ("properties.deviceDetail.browser", "browser", "word"),
    ("properties.deviceDetail.isCompliant", "isCompliant", "bool"),
    ("properties.deviceDetail.isManaged", "isManaged", "bool"),
    ("properties.deviceDetail.trustType", "trustType", "word"),
    ("properties.location.city", "city", "word"),
    ("properties.location.state", "state", "word"),
    ("properties.location.countryOrRegion", "countryOrRegion", "word"),
    ("properties.location.geoCoordinates.latitude", "latitude", "float"),
    ("properties.location.geoCoordinates.longitude", "longitude", "float"),
    ("properties.networkLocationDetails", "networkLocationDetails", "json"),
    ("properties.correlationId", "correlationId", "uuid"),
    ("properties.conditionalAccessStatus", "conditionalAccessStatus", "word"),
    ("properties.appliedConditionalAccessPolicies", "appliedConditionalAccessPolicies", "json"),
    ("properties.authenticationContextClassReferences", "authenticationContextClassReferences", "json"),
    ("properties.originalRequestId", "originalRequestId", "uuid"),
    ("properties.isInteractive", "isInteractive", "bool"),
    ("properties.signInEventTypes", "signInEventTypes", "json"),
    ("properties.tokenIssuerName", "tokenIssuerName", "word"),
    ("properties.tokenIssuerType", "tokenIssuerType", "word"),
    ("properties.processingTimeInMilliseconds", "processingTimeInMilliseconds", "int"),
    ("properties.riskDetail", "riskDetail", "word"),
    ("properties.riskLevelAggregated", "riskLevelAggregated", "word"),
    ("properties.riskLevelDuringSignIn", "riskLevelDuringSignIn", "word"),
    ("properties.riskState", "riskState", "word"),
    ("properties.riskEventTypes", "riskEventTypes", "json"),
    ("properties.riskEventTypes_v2", "riskEventTypesV2", "json"),
    ("properties.resourceDisplayName", "resourceDisplayName", "word"),
    ("properties.resourceId", "resourceId", "word"),
    ("properties.resourceTenantId", "resourceTenantId", "word"),
    ("properties.homeTenantId", "homeTenantId", "word"),
    ("properties.resourceServicePrincipalId", "resourceServicePrincipalId", "word"),
    ("properties.appOwnerTenantId", "appOwnerTenantId", "word"),
    ("properties.resourceOwnerTenantId", "resourceOwnerTenantId", "word"),
    ("properties.conditionalAccessAudiences", "conditionalAccessAudiences", "json"),
    ("properties.crossTenantAccessType", "crossTenantAccessType", "word"),
    ("properties.userType", "userType", "word"),
    ("properties.autonomousSystemNumber", "autonomousSystemNumber", "int"),
    ("properties.mfaDetail.authMethod", "mfaAuthMethod", "word"),
    ("properties.mfaDetail.authDetail", "mfaAuthDetail", "word"),
    ("properties.authenticationDetails", "authenticationDetails", "json"),
    ("properties.authenticationRequirementPolicies", "authenticationRequirementPolicies", "json"),
    ("properties.sessionLifetimePolicies", "sessionLifetimePolicies", "json"),
    ("properties.authenticationRequirement", "authenticationRequirement", "word"),
    ("properties.authenticationProcessingDetails", "authenticationProcessingDetails", "json"),
    ("properties.incomingTokenType", "incomingTokenType", "word"),
    ("properties.authenticationProtocol", "authenticationProtocol", "word"),
    ("properties.originalTransferMethod", "originalTransferMethod", "word"),
    ("properties.signInTokenProtectionStatus", "signInTokenProtectionStatus", "word"),
    ("properties.tokenProtectionStatusDetails.signInSessionStatus", "tokenProtectionStatus", "word"),
    ("properties.tokenProtectionStatusDetails.signInSessionStatusCode", "tokenProtectionStatusCode", "int"),
    ("properties.clientCredentialType", "clientCredentialType", "word"),
    ("properties.uniqueTokenIdentifier", "uniqueTokenIdentifier", "text"),
    ("properties.sessionId", "sessionId", "uuid"),
    ("properties.flaggedForReview", "flaggedForReview", "bool"),
    ("properties.isTenantRestricted", "isTenantRestricted", "bool"),
    ("properties.isThroughGlobalSecureAccess", "isThroughGlobalSecureAccess", "bool"),
    ("properties.globalSecureAccessIpAddress", "globalSecureAccessIpAddress", "word"),
    ("properties.privateLinkDetails", "privateLinkDetails", "json"),
    ("properties.servicePrincipalId", "servicePrincipalId", "word"),
    ("properties.servicePrincipalName", "servicePrincipalName", "word"),
    ("properties.servicePrincipalCredentialKeyId", "servicePrincipalCredentialKeyId", "word"),
    ("properties.servicePrincipalCredentialThumbprint", "servicePrincipalCredentialThumbprint", "word"),
    ("properties.federatedCredentialId", "federatedCredentialId", "word"),
    ("properties.managedServiceIdentity", "managedServiceIdentity", "json"),
    ("properties.agent", "agent", "json"),
    ("properties.signInIdentifier", "signInIdentifier", "text"),
    ("properties.alternateSignInName", "alternateSignInName", "text"),
    ("properties.tenantId", "tenantId", "word"),
    ("properties.ssoExtensionVersion", "ssoExtensionVersion", "word"),
    ("properties.authenticationStrengths", "authenticationStrengths", "json"),
    ("properties.appServicePrincipalId", "appServicePrincipalId", "word"),
    ("properties.rngcStatus", "rngcStatus", "int"),
]

# What a page of the list shows: the same twelve for every engine.
LIST = (
    "createdDateTime, id, userDisplayName, userPrincipalName, appDisplayName, "
    "resourceDisplayName, ipAddress, city, countryOrRegion, clientAppUsed, errorCode, "
    "conditionalAccessStatus"
)

# Sign-ins of users: what is counted by user or application.
USERS = "category IN ('SignInLogs', 'NonInteractiveUserSignInLogs')"

EPOCH = datetime.datetime(1970, 1, 1)
DAY = 86_400_000_000
WARM_RUNS = 15


def tree(columns=COLUMNS):
    """The members as nested dictionaries; leaves are kinds."""
    root = {}
    for path, _, kind in columns:
        *parents, leaf = path.split(".")
        node = root
        for parent in parents:
            node = node.setdefault(parent, {})
        node[leaf] = kind
    return root


def members(value, prefix=""):
    """The members of a record down to where a column holds the rest."""
    for key, inner in value.items():
        path = f"{prefix}{key}"
        if any(path == column[0] for column in COLUMNS):
            continue
        if isinstance(inner, dict):
            yield from members(inner, f"{path}.")
        else:
            yield path


def check_columns(files, lines_each=200):
    """Fails if a record has a member that no column takes: the comparison would be unfair."""
    missing = set()
    for file in files:
        with open(file, "rb") as lines:
            for line, _ in zip(lines, range(lines_each)):
                missing.update(members(json.loads(line)))
    if missing:
        raise SystemExit(f"no column for: {', '.join(sorted(missing))}")


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("step", choices=["load", "tasks", "cold", "version"])
    parser.add_argument("--files", type=Path, help="the folder that `prepare` wrote")
    parser.add_argument("--data", type=Path, help="the engine's own files")
    parser.add_argument("--task", help="with cold: the one task to run")
    return parser.parse_args()


def read_manifest(folder):
    manifest = json.loads((folder / "manifest.json").read_text())
    files = sorted(manifest["files"], key=lambda name: (name[-16:], name))
    return manifest, [str(folder / name) for name in files]


def peak_memory_bytes():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def bytes_under(path):
    if path.is_file():
        return path.stat().st_size
    return sum(
        os.path.getsize(os.path.join(folder, name))
        for folder, _, names in os.walk(path)
        for name in names
        if not os.path.islink(os.path.join(folder, name))
    )


def micros(value):
    """A `datetime` without zone (UTC) as microseconds since 1970."""
    return round((value - EPOCH) / datetime.timedelta(microseconds=1))


def spread(values):
    """Median and the largest, in ms."""
    return {"median_ms": statistics.median(values), "max_ms": max(values)}


def run_warm(tasks):
    """Each task once to warm up, then `WARM_RUNS` times; times and the answer."""
    results = {}
    for name, task in tasks.items():
        answer = task()
        times = []
        for _ in range(WARM_RUNS):
            started = time.perf_counter()
            again = task()
            times.append((time.perf_counter() - started) * 1000)
            assert again == answer, f"{name}: two answers"
        results[name] = {**spread(times), "answer": answer}
    return results


def run_cold(tasks, name):
    started = time.perf_counter()
    answer = tasks[name]()
    return {"ms": (time.perf_counter() - started) * 1000, "answer": answer}


def finish(result):
    print(json.dumps({**result, "peak_memory_bytes": peak_memory_bytes()}))
