//! Whole objects, and the lists of properties from Graph's published types.

use serde_json::{Value, json};

use super::sample::{interactive, managed_identity, time};
use super::*;

const V1_PROPERTIES: &str = "id createdDateTime appDisplayName appId \
    appliedConditionalAccessPolicies authenticationAppDeviceDetails clientAppUsed \
    conditionalAccessStatus correlationId deviceDetail homeTenantId ipAddress isInteractive \
    location resourceDisplayName resourceId resourceTenantId riskDetail riskEventTypes \
    riskEventTypes_v2 riskLevelAggregated riskLevelDuringSignIn riskState servicePrincipalId \
    servicePrincipalName status userAgent userDisplayName userId userPrincipalName";

const BETA_ADDS: &str = "agent appOwnerTenantId appTokenProtectionStatus appliedEventListeners \
    authenticationAppPolicyEvaluationDetails authenticationContextClassReferences \
    authenticationDetails authenticationMethodsUsed authenticationProcessingDetails \
    authenticationProtocol authenticationRequirement authenticationRequirementPolicies \
    autonomousSystemNumber azureResourceId clientCredentialType clientSessionId \
    conditionalAccessAudiences crossTenantAccessType federatedCredentialId flaggedForReview \
    globalSecureAccessIpAddress homeTenantName incomingTokenType ipAddressFromResourceProvider \
    isTenantRestricted isThroughGlobalSecureAccess managedServiceIdentity mfaDetail \
    networkLocationDetails originalRequestId originalTransferMethod privateLinkDetails \
    processingTimeInMilliseconds resourceOwnerTenantId resourceServicePrincipalId \
    servicePrincipalCredentialKeyId servicePrincipalCredentialThumbprint sessionId \
    sessionLifetimePolicies signInEventTypes signInIdentifier signInIdentifierType \
    signInTokenProtectionStatus tokenIssuerName tokenIssuerType tokenProtectionStatusDetails \
    uniqueTokenIdentifier userType";

fn written(event: &Event, options: &GraphOptions) -> Value {
    let mut out = String::new();
    write_sign_in(event, options, &mut out);
    serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}"))
}

fn names(value: &Value) -> std::collections::BTreeSet<String> {
    value.as_object().expect("an object").keys().cloned().collect()
}

#[test]
fn graph_2_each_version_has_exactly_its_declared_properties() {
    let split = |list: &str| -> std::collections::BTreeSet<String> {
        list.split_whitespace().map(str::to_owned).collect()
    };
    let v1 = split(V1_PROPERTIES);
    let mut beta = split(BETA_ADDS);
    beta.extend(v1.iter().filter(|name| *name != "riskEventTypes").cloned());
    assert_eq!((v1.len(), beta.len()), (30, 77));
    for event in [interactive(), managed_identity()] {
        assert_eq!(names(&written(&event, &GraphOptions::new(Version::V1))), v1);
        assert_eq!(names(&written(&event, &GraphOptions::new(Version::Beta))), beta);
    }
}

#[test]
fn an_interactive_sign_in_in_v1() {
    let mut out = String::new();
    write_sign_in(&interactive(), &GraphOptions::new(Version::V1), &mut out);
    assert_eq!(
        out,
        r#"{"id":"4b1d0c5e-9a77-4c1f-8a51-6f2f3a9c1200","createdDateTime":"2026-03-02T07:41:09.12345Z","correlationId":"c0ffee00-9a77-4c1f-8a51-6f2f3a9c1200","userId":"7f6a1c00-0000-4000-8000-000000000001","userDisplayName":"Ana \"A\" Ruiz","userPrincipalName":"ana.ruiz@fabrikam.example","homeTenantId":null,"servicePrincipalId":"","servicePrincipalName":null,"appId":"1fec8e78-bce4-4aaf-ab1b-5451cc387264","appDisplayName":"Lab Portal","resourceId":null,"resourceDisplayName":null,"resourceTenantId":null,"deviceDetail":{"deviceId":null,"displayName":null,"operatingSystem":"Windows10","browser":null,"isCompliant":true,"isManaged":null,"trustType":null},"userAgent":null,"clientAppUsed":null,"authenticationAppDeviceDetails":null,"ipAddress":"203.0.113.7","location":{"city":"Vigo","state":"Galicia","countryOrRegion":"ES","geoCoordinates":{"latitude":42.23,"longitude":-8.0,"altitude":null}},"status":{"errorCode":53003,"failureReason":"Other.","additionalDetails":null},"conditionalAccessStatus":"failure","appliedConditionalAccessPolicies":[{"id":"p1","displayName":"Block","enforcedGrantControls":["Block"],"enforcedSessionControls":[],"result":"failure"}],"isInteractive":true,"riskDetail":"none","riskLevelAggregated":null,"riskLevelDuringSignIn":null,"riskState":null,"riskEventTypes":["unfamiliarFeatures"],"riskEventTypes_v2":["unfamiliarFeatures"]}"#
    );
}

#[test]
fn an_interactive_sign_in_in_beta() {
    let value = written(&interactive(), &GraphOptions::new(Version::Beta));
    let expected = [
        ("createdDateTime", json!("2026-03-02T07:41:09.12345Z")),
        ("userPrincipalName", json!("ana.ruiz@fabrikam.example")),
        ("userType", json!("member")),
        ("crossTenantAccessType", json!("b2bCollaboration,unknownFutureValue")),
        ("incomingTokenType", json!(null)),
        ("mfaDetail", json!({"authMethod": "Mobile app notification", "authDetail": null})),
        ("tokenProtectionStatusDetails", json!(null)),
        ("signInEventTypes", json!(["interactiveUser"])),
        ("processingTimeInMilliseconds", json!(91)),
        ("networkLocationDetails", json!([])),
        ("agent", json!(null)),
    ];
    for (name, member) in expected {
        assert_eq!(value[name], member, "{name}");
    }
    assert_eq!(value["deviceDetail"]["browserId"], json!("b-1"));
    let policy = &value["appliedConditionalAccessPolicies"][0];
    assert_eq!(policy["conditionsSatisfied"], json!("application,users,clientType"));
    let all = GraphOptions::new(Version::Beta).include_unknown_members(true);
    let value = written(&interactive(), &all);
    assert_eq!(value["crossTenantAccessType"], json!("b2bCollaboration,passthrough"));
}

#[test]
fn a_managed_identity_in_beta() {
    let options = GraphOptions::new(Version::Beta);
    let value = written(&managed_identity(), &options);
    let expected = [
        ("id", json!("not-a-guid-7")),
        ("userId", json!("")),
        ("ipAddress", json!("")),
        ("userPrincipalName", json!(null)),
        ("signInEventTypes", json!(["managedIdentity"])),
        ("status", json!({"errorCode": 0, "failureReason": null, "additionalDetails": null})),
        (
            "location",
            json!({"city": "", "state": null, "countryOrRegion": null, "geoCoordinates":
                {"latitude": 0.0, "longitude": 0.0, "altitude": null}}),
        ),
        (
            "managedServiceIdentity",
            json!({"msiType": "systemAssigned", "associatedResourceId": "/subscriptions/s/vm",
                "federatedTokenId": null, "federatedTokenIssuer": null}),
        ),
    ];
    for (name, member) in expected {
        assert_eq!(value[name], member, "{name}");
    }
}

#[test]
fn only_what_is_selected_and_allowed_is_written() {
    let select = |version, names: &[&str]| GraphOptions::new(version).select(names.iter().copied());
    let mut out = String::new();
    let options =
        select(Version::Beta, &["id", "Location/City", "status", "location/geoCoordinates"])
            .expect("known");
    write_sign_in(&interactive(), &options, &mut out);
    assert_eq!(
        out,
        r#"{"id":"4b1d0c5e-9a77-4c1f-8a51-6f2f3a9c1200","location":{"city":"Vigo","geoCoordinates":{"latitude":42.23,"longitude":-8.0,"altitude":null}},"status":{"errorCode":53003,"failureReason":"Other.","additionalDetails":null}}"#
    );
    for (version, name) in [
        (Version::V1, "userType"),
        (Version::Beta, "riskEventTypes"),
        (Version::Beta, "tenantId"),
        (Version::Beta, "loc"),
        (Version::Beta, "location/"),
        (Version::Beta, ""),
    ] {
        let error = select(version, &["id", name]).expect_err(name);
        assert_eq!(error, UnknownProperty { name: name.to_owned() });
    }
    let options = select(Version::V1, &["*"]).expect("known").without_conditional_access();
    let value = written(&interactive(), &options);
    assert_eq!(names(&value).len(), 29);
    assert!(value.get("appliedConditionalAccessPolicies").is_none());
    assert!(!options.shows(FieldId::AppliedConditionalAccessPolicies));
    assert!(options.shows(FieldId::City));
}

#[test]
fn our_own_interface_adds_what_graph_has_no_place_for() {
    let options = GraphOptions::new(Version::Beta).select(["id"]).expect("known");
    let mut out = String::new();
    write_event(&interactive(), &options, &mut out);
    assert_eq!(
        out,
        r#"{"id":"4b1d0c5e-9a77-4c1f-8a51-6f2f3a9c1200","durward":{"status":"Failure","statusReason":"Conditional Access blocked token issuance","errorName":"BlockedByConditionalAccess","errorCategory":"conditional_access","log":"interactiveUser","tenantId":"2f3d0000-0000-4000-8000-000000000002","category":"SignInLogs","publishedDateTime":null,"receivedDateTime":"2026-03-02T07:45:00Z","durationMs":null,"revision":0}}"#
    );
    let nothing = GraphOptions::new(Version::Beta).select([]).expect("known");
    out.clear();
    write_event(&managed_identity(), &nothing, &mut out);
    assert!(out.starts_with(r#"{"durward":{"status":"Success","statusReason":null,"#), "{out}");
    serde_json::from_str::<Value>(&out).expect("JSON");
}

#[test]
fn a_record_of_another_log_is_given_whole() {
    let mut row = crate::Row::default();
    row.log = crate::Log::Audit;
    row.set(FieldId::Id, Cell::text("a-1"));
    row.set(FieldId::CreatedDateTime, Cell::Time(time("2026-03-02T07:41:09Z")));
    row.set(FieldId::Category, Cell::text("AuditLogs"));
    row.add_extra(None, r#"{"operationName":"Add user"}"#.to_owned());
    let mut shape = String::new();
    crate::shape::Mark::Extra(0).write(&mut shape);
    row.set(FieldId::Shape, Cell::text(&shape));
    let mut batch = crate::EventBatch::default();
    batch.push(&row, time("2026-03-02T07:45:00Z"));
    let mut out = String::new();
    write_event(&Event::of_batch(&batch, 0), &GraphOptions::new(Version::Beta), &mut out);
    let start = r#"{"id":"a-1","createdDateTime":"2026-03-02T07:41:09Z","record":{"operationName":"Add user"},"durward":{"status":null,"statusReason":null,"#;
    assert!(out.starts_with(start), "{out}");
    serde_json::from_str::<Value>(&out).expect("JSON");
}

#[test]
fn a_group_is_written_with_graphs_properties() {
    let window = time("2026-03-02T07:00:00Z");
    let mut group = SummarizedSignIn::of_member(&interactive(), 12, window, window);
    group.agent = Some(r#"{"agentType":"agentIDuser"}"#.to_owned());
    let mut out = String::new();
    group.write(false, &mut out);
    let value: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(
        value,
        json!({
            "id": "4b1d0c5e-9a77-4c1f-8a51-6f2f3a9c1200", "signInCount": 12,
            "aggregationDateTime": "2026-03-02T07:00:00Z",
            "firstSignInDateTime": "2026-03-02T07:00:00Z",
            "userPrincipalName": "ana.ruiz@fabrikam.example",
            "appId": "1fec8e78-bce4-4aaf-ab1b-5451cc387264", "appDisplayName": "Lab Portal",
            "ipAddress": "203.0.113.7", "conditionalAccessStatus": "failure",
            "resourceId": null, "resourceDisplayName": null,
            "tenantId": "2f3d0000-0000-4000-8000-000000000002",
            "servicePrincipalId": null, "servicePrincipalName": null, "tokenIssuerType": null,
            "status": {"errorCode": 53003, "failureReason": "Other.", "additionalDetails": null},
            "managedServiceIdentity": null,
            "agent": {"agentType": "unknownFutureValue", "agentSubjectType": null,
                "agentSubjectParentId": null, "parentAppId": null}
        })
    );
}
