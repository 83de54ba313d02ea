"""The Microsoft Graph SDK for Python with azure-identity, unchanged, against durward.

The only settings that differ from Graph's own are the host names of the authority and the API.
Environment: DURWARD_TOKEN (reads everything), DURWARD_TOKEN_PLAIN (without Conditional Access),
DURWARD_TOKEN_INGEST (reads nothing); each is the client secret of a client of its name.

usage: graph_sdk.py URL FOLDER-OF-GENERATED-FILES
"""

import asyncio
import os
import sys
from urllib.parse import urlsplit

from azure.core.exceptions import ClientAuthenticationError
from azure.identity.aio import ClientSecretCredential
from kiota_abstractions.base_request_configuration import RequestConfiguration
from kiota_authentication_azure.azure_identity_authentication_provider import (
    AzureIdentityAuthenticationProvider,
)
from msgraph import GraphRequestAdapter, GraphServiceClient
from msgraph.generated.audit_logs.sign_ins.sign_ins_request_builder import SignInsRequestBuilder
from msgraph.generated.models.o_data_errors.o_data_error import ODataError

import generated
from generated import same

PAGE = 50


TENANT = "11111111-2222-4333-8444-555555555555"


def client(url, name, secret):
    """A Graph client that gets its tokens from durward by client credentials."""
    credential = ClientSecretCredential(
        TENANT, name, secret, authority=url, disable_instance_discovery=True
    )
    host = urlsplit(url).hostname
    provider = AzureIdentityAuthenticationProvider(
        credential, scopes=[f"{url}/.default"], allowed_hosts=[host]
    )
    adapter = GraphRequestAdapter(provider)
    adapter.base_url = url + "/v1.0"
    return GraphServiceClient(request_adapter=adapter), credential


async def permissions(url, event):
    """What tokens with fewer permissions get."""
    graph, credential = client(url, "plain", os.environ["DURWARD_TOKEN_PLAIN"])
    async with credential:
        one = await graph.audit_logs.sign_ins.by_sign_in_id(event["id"]).get()
        same(one.id, event["id"], "a token of AuditLog.Read.All reads")
        same(one.applied_conditional_access_policies, None, "but no Conditional Access details")

    graph, credential = client(url, "ingest", os.environ["DURWARD_TOKEN_INGEST"])
    async with credential:
        try:
            await graph.audit_logs.sign_ins.get()
            raise AssertionError("a token without the permission read the log")
        except ODataError as error:
            same(error.response_status_code, 403, "a token without the permission is refused")
            same(error.error.code, "Authentication_MSGraphPermissionMissing", "as Graph does it")
            assert error.error.inner_error.request_id, "Graph's errors name the request"

    graph, credential = client(url, "plain", "dwd_wrong")
    async with credential:
        try:
            await graph.audit_logs.sign_ins.get()
            raise AssertionError("a wrong secret was accepted")
        except ClientAuthenticationError as error:
            assert "AADSTS7000215" in str(error), error
            print("ok - a wrong secret is refused in Entra's words")


def query(**parameters):
    names = SignInsRequestBuilder.SignInsRequestBuilderGetQueryParameters
    return RequestConfiguration(query_parameters=names(**parameters))


async def all_pages(graph, **parameters):
    """Every sign-in the list gives, following the links the SDK hands out."""
    found, pages = [], 0
    builder = graph.audit_logs.sign_ins
    page = await builder.get(request_configuration=query(**parameters))
    while True:
        pages += 1
        assert pages < 10_000, "the list does not end"
        found.extend(page.value)
        if not page.odata_next_link:
            return found, pages
        page = await builder.with_url(page.odata_next_link).get()


async def main(url, folder):
    expected = generated.read(folder)[generated.INTERACTIVE]
    graph, credential = client(url, "everything", os.environ["DURWARD_TOKEN"])

    first = await graph.audit_logs.sign_ins.get(request_configuration=query(top=5))
    same([one.id for one in first.value], [one["id"] for one in expected[:5]], "the newest five")

    found, pages = await all_pages(graph, top=PAGE)
    same(pages, -(-len(expected) // PAGE), f"pages of {PAGE}")
    same([one.id for one in found], [one["id"] for one in expected], "every sign-in, newest first")

    failed, _ = await all_pages(graph, top=PAGE, filter="status/errorCode ne 0")
    wanted = [one["id"] for one in expected if one["status"]["errorCode"] != 0]
    assert wanted, "no failure was generated"
    same([one.id for one in failed], wanted, "failures only")

    user = expected[0]["userPrincipalName"]
    since = expected[len(expected) // 2]["createdDateTime"]
    text = f"userPrincipalName eq '{user}' and createdDateTime ge {since}"
    theirs, _ = await all_pages(graph, filter=text)
    wanted = [
        one["id"]
        for one in expected
        if one["userPrincipalName"] == user and one["createdDateTime"] >= since
    ]
    same([one.id for one in theirs], wanted, "one user from a moment on")

    one = await graph.audit_logs.sign_ins.by_sign_in_id(expected[3]["id"]).get()
    same(one.user_principal_name, expected[3]["userPrincipalName"], "one fetched: user")
    same(one.app_display_name, expected[3]["appDisplayName"], "one fetched: application")
    same(one.status.error_code, expected[3]["status"]["errorCode"], "one fetched: error code")
    same(one.ip_address, expected[3]["ipAddress"], "one fetched: address")
    same(
        [policy.display_name for policy in one.applied_conditional_access_policies],
        [policy["displayName"] for policy in expected[3]["appliedConditionalAccessPolicies"]],
        "one fetched: policies",
    )

    picked = await graph.audit_logs.sign_ins.get(
        request_configuration=query(top=1, select=["id", "userPrincipalName"])
    )
    same(picked.value[0].app_display_name, None, "what was not selected is left out")

    try:
        await graph.audit_logs.sign_ins.get(
            request_configuration=query(filter="createdDateTime ge '2026-01-01'")
        )
        raise AssertionError("a quoted date was accepted")
    except ODataError as error:
        same(error.response_status_code, 400, "a quoted date is refused")
        assert error.error.code == "BadRequest" and error.error.message, error.error
    try:
        await graph.audit_logs.sign_ins.by_sign_in_id("00000000-0000-0000-0000-000000000000").get()
        raise AssertionError("an unknown id was found")
    except ODataError as error:
        same(error.response_status_code, 404, "an unknown id is not found")
    await credential.close()
    await permissions(url, expected[3])


asyncio.run(main(*sys.argv[1:3]))
