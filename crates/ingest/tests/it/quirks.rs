//! The quirks of real files, each by its number.
//!
//! 1 casing, 2 types, 3 JSON inside strings, 4 missing values, 5 dates, 6 the same thing twice,
//! 7 categories, 8 identities, 9 network, 10 containers, 11 names.

use durward_model::{Cell, FieldId, Log};

use crate::support::{assert_same, cell, decode, one, text};

const ID: &str = "4b1d0c5e-9a77-4c1f-8a51-6f2f3a9c1200";
const OTHER_ID: &str = "c0ffee00-9a77-4c1f-8a51-6f2f3a9c1200";

/// A diagnostic record with these envelope members and properties.
fn diagnostic(envelope: &str, properties: &str) -> String {
    format!(
        r#"{{"time":"2026-03-02T07:44:00.5Z",{envelope}"category":"SignInLogs","properties":{{"id":"{ID}","createdDateTime":"2026-03-02T07:41:09.1234567+00:00"{properties}}}}}"#
    )
}

#[test]
fn quirk_1_casing_of_envelopes() {
    for name in ["callerIpAddress", "calleripaddress", "CallerIpAddress"] {
        let event =
            one(&diagnostic(&format!(r#""{name}":"203.0.113.7","Level":4,"level":"4","#), ""));
        assert_eq!(text(&event, FieldId::IpAddress), "203.0.113.7", "{name}");
    }
    let event = one(
        r#"{"Time":"2026-03-02T07:44:00Z","Category":"NonInteractiveUserSignInLogs","CorrelationId":"c-1","properties":{"id":"x","CreatedDateTime":"2026-03-02T07:41:09Z"}}"#,
    );
    assert_eq!(event.row().log, Log::NonInteractiveUser);
    assert_eq!(text(&event, FieldId::CorrelationId), "c-1");
    assert_eq!(text(&event, FieldId::CreatedDateTime), "2026-03-02T07:41:09Z");
}

#[test]
fn quirk_1_log_analytics_renames_fields() {
    let event = one(&format!(
        r#"{{"TimeGenerated":"2026-03-02T07:44:00Z","Type":"AADNonInteractiveUserSignInLogs","CreatedDateTime":"2026-03-02T07:41:09Z","Id":"{ID}","ConditionalAccessPolicies":[{{"id":"p","result":"success"}}],"LocationDetails":{{"city":"Vigo","countryOrRegion":"ES","geoCoordinates":{{"latitude":42.23}}}},"Location":"ES","RiskEventTypes_V2":["anonymizedIPAddress"],"ResourceIdentity":"00000003-0000-0000-c000-000000000000","ResourceId":"/tenants/t-1/providers/Microsoft.aadiam","IPAddress":"203.0.113.7","Status":{{"errorCode":50126,"failureReason":"Wrong."}},"ResultType":"50126","ResultDescription":"Wrong.","MfaDetail":{{"authMethod":"SMS"}},"TenantId":"workspace"}}"#
    ));
    assert_eq!(event.row().log, Log::NonInteractiveUser);
    for (field, expected) in [
        (FieldId::AppliedConditionalAccessPolicies, r#"[{"id":"p","result":"success"}]"#),
        (FieldId::City, "Vigo"),
        (FieldId::CountryOrRegion, "ES"),
        (FieldId::Latitude, "42.23"),
        (FieldId::RiskEventTypesV2, r#"["anonymizedIPAddress"]"#),
        (FieldId::ResourceId, "00000003-0000-0000-c000-000000000000"),
        (FieldId::IpAddress, "203.0.113.7"),
        (FieldId::ErrorCode, "50126"),
        (FieldId::FailureReason, "Wrong."),
        (FieldId::MfaAuthMethod, "SMS"),
        (FieldId::TenantId, "t-1"),
        (FieldId::PublishedDateTime, "2026-03-02T07:44:00Z"),
    ] {
        assert_eq!(text(&event, field), expected, "{field:?}");
    }
}

#[test]
fn quirk_2_types_differ_from_record_to_record() {
    for (envelope, code, duration) in [
        (
            r#""resultType":"50158","durationMs":0,"Level":4,"operationVersion":"1.0","#,
            50158,
            Some(0),
        ),
        (
            r#""resultType":50158,"durationMs":"12","Level":"4","operationVersion":1,"#,
            50158,
            Some(12),
        ),
        (r#""resultType":"0","Level":"Informational","#, 0, None),
    ] {
        let event = one(&diagnostic(envelope, ""));
        assert_eq!(cell(&event, FieldId::ErrorCode), Cell::Int(code), "{envelope}");
        assert_eq!(event.row().duration_ms, duration, "{envelope}");
    }
    let event = one(&diagnostic("", r#","status":{"errorCode":0,"failureReason":null}"#));
    assert_eq!(cell(&event, FieldId::FailureReason), Cell::Null);
    let event = one(&diagnostic("", r#","status":{"errorCode":0,"failureReason":"Other."}"#));
    assert_eq!(text(&event, FieldId::FailureReason), "Other.");
    let skipped = one(
        r#"{"time":"2026-03-02T07:41:09Z","category":"ProvisioningLogs","resultType":"Skipped","properties":{"id":"p-1"}}"#,
    );
    assert_eq!(
        (skipped.row().log, text(&skipped, FieldId::Id)),
        (Log::Provisioning, "p-1".to_owned())
    );
}

#[test]
fn quirk_3_json_inside_strings() {
    let event = one(&format!(
        r#"{{"TimeGenerated":"2026-03-02T07:44:00Z","Type":"AADNonInteractiveUserSignInLogs","CreatedDateTime":"2026-03-02T07:41:09.25Z","Id":"{ID}","ConditionalAccessPolicies":"[{{\"id\":\"p\",\"result\":\"success\"}}]","LocationDetails":"{{\"city\":\"Vigo\",\"geoCoordinates\":{{\"latitude\":42.23}}}}","Status":"{{\r\n  \"errorCode\": 50126\r\n}}","DeviceDetail":"","MfaDetail":null,"RiskEventTypes":"[]","NetworkLocationDetails":{{}},"AuthenticationDetails":"[\r\n  {{\r\n    \"authenticationStepDateTime\": \"2026-03-02T07:41:09.25Z\",\r\n    \"RequestSequence\": 1692199690724\r\n  }}\r\n]","AuthenticationProcessingDetails":"[{{\"key\":\"a\",\"value\":\"{{\\\"b\\\":1}}\"}}]"}}"#
    ));
    for (field, expected) in [
        (FieldId::AppliedConditionalAccessPolicies, r#"[{"id":"p","result":"success"}]"#),
        (FieldId::City, "Vigo"),
        (FieldId::Latitude, "42.23"),
        (FieldId::ErrorCode, "50126"),
        (FieldId::RiskEventTypes, "[]"),
        (
            FieldId::AuthenticationDetails,
            r#"[{"authenticationStepDateTime":"2026-03-02T07:41:09.25Z","RequestSequence":1692199690724}]"#,
        ),
        (FieldId::AuthenticationProcessingDetails, r#"[{"key":"a","value":"{\"b\":1}"}]"#),
    ] {
        assert_eq!(text(&event, field), expected, "{field:?}");
    }
    assert_eq!(cell(&event, FieldId::Browser), Cell::Null);
    // What was minified costs nothing beside the event; the printed forms are kept.
    let extra = event.row().extra.clone().unwrap();
    assert!(!extra.contains("Vigo") && !extra.contains("success") && extra.contains("\\r\\n"));
}

#[test]
fn quirk_3_strings_that_are_no_json_stay_texts() {
    let event = one(&diagnostic(
        "",
        r#","conditionalAccessAudiences":"aud","appliedConditionalAccessPolicies":"{broken","status":"Success","deviceDetail":"[1]""#,
    ));
    assert_eq!(text(&event, FieldId::ConditionalAccessAudiences), r#"["aud"]"#);
    assert_eq!(cell(&event, FieldId::AppliedConditionalAccessPolicies), Cell::Null);
    assert_eq!(cell(&event, FieldId::ErrorCode), Cell::Null);
}

#[test]
fn quirk_3_other_logs_keep_their_strings_in_strings() {
    let record = r#"{"time":"3/24/2026 2:42:35 PM","category":"UserRiskEvents","properties":{"id":"r-1","additionalInfo":"[{\"Key\":\"userAgent\",\"Value\":\"x\"}]","modified":[{"newValue":"\"[\\\"a\\\"]\""}]}}"#;
    let event = one(record);
    assert_eq!(event.row().log, Log::Risk);
    assert_eq!(text(&event, FieldId::CreatedDateTime), "2026-03-24T14:42:35Z");
}

#[test]
fn quirk_4_missing_values_are_kept_apart() {
    let event = one(&diagnostic(
        "",
        r#","userId":null,"sessionId":"","servicePrincipalId":"","riskState":"none","riskDetail":"hidden","mfaDetail":{},"networkLocationDetails":[],"privateLinkDetails":{},"ipAddress":"0.0.0.0","location":{"city":"","geoCoordinates":{"latitude":0,"longitude":0.0,"altitude":"-0.000000"}}"#,
    ));
    for (field, expected) in [
        (FieldId::UserId, Cell::Null),
        (FieldId::SessionId, Cell::Null),
        (FieldId::ServicePrincipalId, Cell::text("")),
        (FieldId::RiskState, Cell::text("none")),
        (FieldId::RiskDetail, Cell::text("hidden")),
        (FieldId::MfaAuthMethod, Cell::Null),
        (FieldId::NetworkLocationDetails, Cell::text("[]")),
        (FieldId::PrivateLinkDetails, Cell::text("{}")),
        (FieldId::IpAddress, Cell::text("0.0.0.0")),
        (FieldId::City, Cell::text("")),
        (FieldId::Latitude, Cell::Float(0.0)),
        (FieldId::Longitude, Cell::Float(0.0)),
        (FieldId::Altitude, Cell::Float(0.0)),
        (FieldId::UserAgent, Cell::Null),
    ] {
        assert_eq!(cell(&event, field), expected, "{field:?}");
    }
}

#[test]
fn quirk_5_dates_in_all_spellings() {
    for (spelling, expected) in [
        ("2022-03-30T14:52:21.7062186Z", "2022-03-30T14:52:21.7062186Z"),
        ("2022-03-30T14:52:21.7062186+00:00", "2022-03-30T14:52:21.7062186Z"),
        ("2022-03-30T09:52:21-05:00", "2022-03-30T14:52:21Z"),
        ("2022-03-30T14:52:21", "2022-03-30T14:52:21Z"),
        ("2022-03-30 14:52:21.123456789", "2022-03-30T14:52:21.123456789Z"),
        ("8/22/2022 6:07:16 PM", "2022-08-22T18:07:16Z"),
        ("1/9/2007 10:41:00 AM +01:00", "2007-01-09T09:41:00Z"),
        ("4/28/2021, 2:08:45.221 PM", "2021-04-28T14:08:45.221Z"),
        ("2022-09-09T8:48:50.361Z", "2022-09-09T08:48:50.361Z"),
    ] {
        let event = one(&format!(
            r#"{{"time":"{spelling}","category":"SignInLogs","properties":{{"id":"{ID}","createdDateTime":"{spelling}"}}}}"#
        ));
        assert_eq!(text(&event, FieldId::CreatedDateTime), expected, "{spelling}");
        assert_eq!(text(&event, FieldId::PublishedDateTime), expected, "{spelling}");
    }
    let without_time = one(&format!(
        r#"{{"category":"SignInLogs","properties":{{"id":"{ID}","CreatedDateTime":"2026-03-02T07:41:09Z"}}}}"#
    ));
    assert_eq!(without_time.row().published, None);
    let only_envelope = one(r#"{"time": "01/09/2007 09:41:00", "category": "SignInLogs"}"#);
    assert_eq!(text(&only_envelope, FieldId::CreatedDateTime), "2007-01-09T09:41:00Z");
}

#[test]
fn quirk_5_instants_in_steps_do_not_multiply_what_is_stored() {
    let record = |minute: u32| {
        let time = format!("2026-03-02T07:{minute:02}:09.1234567+00:00");
        format!(
            r#"{{"time":"2026-03-02T08:00:00Z","category":"SignInLogs","properties":{{"id":"id-{minute}","createdDateTime":"{time}","authenticationDetails":[{{"authenticationStepDateTime":"{time}","succeeded":true,"RequestSequence":16921996907{minute:02}}},{{"authenticationStepDateTime":"2026-03-02T06:{minute:02}:00+02:00"}}]}}}}"#
        )
    };
    let lines: Vec<String> = (0..50).map(record).collect();
    let decoded = decode("lines.json", lines.join("\n"));
    let stored: std::collections::HashSet<String> = decoded
        .events
        .iter()
        .map(|event| {
            let cell = durward_model::shape::Values::value(event, FieldId::AuthenticationDetails);
            cell.to_string()
        })
        .collect();
    assert_eq!(stored.len(), 1, "{stored:?}");
    for (event, line) in decoded.events.iter().zip(&lines) {
        assert_same(&event.original(), line);
    }
}

#[test]
fn quirk_6_the_same_thing_twice() {
    let envelope = |correlation: &str, result: &str| {
        format!(
            r#""resultType":"{result}","resultDescription":"Wrong.","callerIpAddress":"203.0.113.7","correlationId":"{correlation}","identity":"Ana Ruiz","location":"ES","tenantId":"t-1","#
        )
    };
    let properties = format!(
        r#","correlationId":"{OTHER_ID}","ipAddress":"203.0.113.7","userDisplayName":"Ana Ruiz","tenantId":"t-2","location":{{"countryOrRegion":"ES"}},"status":{{"errorCode":50126,"failureReason":"Wrong."}}"#
    );
    let agrees = one(&diagnostic(&envelope(OTHER_ID, "50126"), &properties));
    // Only the tenants disagree.
    assert_eq!(agrees.row().extra.as_deref(), Some(r#"{"":["t-2"]}"#));
    assert_eq!(text(&agrees, FieldId::TenantId), "t-1");
    let disagrees = one(&diagnostic(&envelope(ID, "0"), &properties));
    assert_eq!(text(&disagrees, FieldId::CorrelationId), OTHER_ID);
    assert_eq!(cell(&disagrees, FieldId::ErrorCode), Cell::Int(50126));
    let alone = one(&diagnostic(&envelope(ID, "50126"), ""));
    for (field, expected) in [
        (FieldId::CorrelationId, ID),
        (FieldId::ErrorCode, "50126"),
        (FieldId::FailureReason, "Wrong."),
        (FieldId::IpAddress, "203.0.113.7"),
        (FieldId::UserDisplayName, "Ana Ruiz"),
        (FieldId::CountryOrRegion, "ES"),
    ] {
        assert_eq!(text(&alone, field), expected, "{field:?}");
    }
    assert_eq!(alone.row().extra, None);
    // A member that is written twice comes back twice.
    let twice = decode(
        "x.json",
        format!(
            r#"{{"id":"{ID}","createdDateTime":"2026-03-02T07:41:09Z","isInteractive":true,"userId":"a","userId":"b","userId":"a"}}"#
        ),
    );
    let original = twice.events[0].original();
    assert!(original.ends_with(r#""userId":"a","userId":"b","userId":"a"}"#), "{original}");
}

#[test]
fn quirk_7_categories() {
    for (category, log) in [
        ("SignInLogs", Log::InteractiveUser),
        ("signinlogs", Log::InteractiveUser),
        ("NonInteractiveUserSignInLogs", Log::NonInteractiveUser),
        ("ServicePrincipalSignInLogs", Log::ServicePrincipal),
        ("ManagedIdentitySignInLogs", Log::ManagedIdentity),
        ("MicrosoftServicePrincipalSignInLogs", Log::ServicePrincipal),
        ("ADFSSignInLogs", Log::InteractiveUser),
        ("AuditLogs", Log::Audit),
        ("ProvisioningLogs", Log::Provisioning),
        ("RiskyUsers", Log::Risk),
        ("UserRiskEvents", Log::Risk),
        ("Policy", Log::Other),
    ] {
        let event = one(&format!(
            r#"{{"time":"2026-03-02T07:44:00Z","category":"{category}","properties":{{"id":"{ID}","createdDateTime":"2026-03-02T07:41:09Z","isInteractive":false,"signInEventTypes":["interactiveUser"]}}}}"#
        ));
        assert_eq!(event.row().log, log, "{category}");
        assert_eq!(text(&event, FieldId::Category), category);
    }
    let audit = one(
        r#"{"time":"2026-03-02T07:44:00Z","category":"AuditLogs","properties":{"id":"a-1","category":"Policy","activityDisplayName":"Update policy","activityDateTime":"2026-03-02T07:41:09Z"}}"#,
    );
    assert_eq!(text(&audit, FieldId::Category), "AuditLogs");
    assert_eq!(text(&audit, FieldId::CreatedDateTime), "2026-03-02T07:41:09Z");
    let policy = one(
        r#"{"time":"2026-03-02T07:44:00Z","category":"Policy","properties":{"activityDisplayName":"Update policy","activityDateTime":"2026-03-02T07:41:09Z"}}"#,
    );
    assert_eq!(
        (policy.row().log, text(&policy, FieldId::Category)),
        (Log::Audit, "Policy".to_owned())
    );
}

#[test]
fn quirk_7_graph_objects_say_their_log_otherwise() {
    for (members, log) in [
        (r#""userId":"u","isInteractive":false"#, Log::InteractiveUser),
        (r#""userId":"u","signInEventTypes":["nonInteractiveUser"]"#, Log::NonInteractiveUser),
        (r#""signInEventTypes":["servicePrincipal"]"#, Log::ServicePrincipal),
        (r#""userId":"","servicePrincipalId":"s","isInteractive":false"#, Log::ServicePrincipal),
        (
            r#""isInteractive":false,"servicePrincipalId":"s","managedServiceIdentity":{"msiType":"userAssigned"}"#,
            Log::ManagedIdentity,
        ),
        (
            r#""isInteractive":false,"servicePrincipalId":"s","managedServiceIdentity":{"msiType":"none"}"#,
            Log::ServicePrincipal,
        ),
        (
            r#""activityDisplayName":"Add user","activityDateTime":"2026-03-02T07:41:09Z""#,
            Log::Audit,
        ),
        (
            r#""provisioningAction":"create","activityDateTime":"2026-03-02T07:41:09Z""#,
            Log::Provisioning,
        ),
        (r#""riskEventType":"unfamiliarFeatures","ipAddress":"203.0.113.7""#, Log::Risk),
        (r#""userPrincipalName":"ana@fabrikam.example","accountEnabled":true"#, Log::Other),
    ] {
        let event =
            one(&format!(r#"{{"id":"{ID}","createdDateTime":"2026-03-02T07:41:09Z",{members}}}"#));
        assert_eq!(event.row().log, log, "{members}");
    }
}

#[test]
fn quirk_7_a_risky_users_identifier_is_not_the_records() {
    let state = |level: &str, day: u32| {
        format!(
            r#"{{"id":"{ID}","riskLevel":"{level}","riskLastUpdatedDateTime":"2026-03-{day:02}T07:41:09Z"}}"#
        )
    };
    let (first, second) = (one(&state("high", 2)), one(&state("none", 3)));
    assert_eq!((first.row().log, second.row().log), (Log::Risk, Log::Risk));
    assert_ne!(text(&first, FieldId::Id), text(&second, FieldId::Id));
}

#[test]
fn quirk_8_identities() {
    let workload = one(&diagnostic(
        r#""identity":"backup-job","#,
        r#","userId":"","userPrincipalName":"","servicePrincipalId":"s-1""#,
    ));
    assert_eq!(text(&workload, FieldId::ServicePrincipalName), "backup-job");
    assert_eq!(cell(&workload, FieldId::UserDisplayName), Cell::Null);
    let named = one(&diagnostic(
        r#""identity":"backup-job","#,
        r#","userId":null,"servicePrincipalName":"backup-job","servicePrincipalId":"s-1""#,
    ));
    assert_eq!(named.row().extra, None);
    let guid = one(&diagnostic("", &format!(r#","userPrincipalName":"{OTHER_ID}""#)));
    assert_eq!(text(&guid, FieldId::UserPrincipalName), OTHER_ID);
    let managed = one(&format!(
        r#"{{"time":"2026-03-02T07:44:00Z","category":"ManagedIdentitySignInLogs","properties":{{"id":"{ID}","createdDateTime":"2026-03-02T07:41:09Z","ipAddress":"","servicePrincipalId":"s-1"}}}}"#
    ));
    assert_eq!(cell(&managed, FieldId::IpAddress), Cell::text(""));
}

#[test]
fn quirk_9_network() {
    for address in ["2001:db8::7", "1:2:3:4:5:6:7:8:9", "10.205.19.37", "", "0.0.0.0", "not one"] {
        let event = one(&diagnostic("", &format!(r#","ipAddress":"{address}""#)));
        assert_eq!(text(&event, FieldId::IpAddress), address);
    }
    for number in ["8075", "\"8075\""] {
        let event = one(&diagnostic("", &format!(r#","autonomousSystemNumber":{number}"#)));
        assert_eq!(cell(&event, FieldId::AutonomousSystemNumber), Cell::Int(8075));
    }
    let region = one(
        r#"{"time":"2026-03-02T07:44:00Z","category":"RiskyUsers","location":"weu","properties":{"riskLastUpdatedDateTime":"2026-03-02T07:41:09Z"}}"#,
    );
    assert_eq!(cell(&region, FieldId::CountryOrRegion), Cell::Null);
}

#[test]
fn quirk_10_containers() {
    let record = |id: &str| {
        format!(
            r#"{{"id":"{id}","createdDateTime":"2026-03-02T07:41:09Z","isInteractive":true,"p_event_time":"x"}}"#
        )
    };
    let (a, b) = (record("a"), record("b"));
    let printed = a.replace(',', ",\n  ").replace('{', "{\n  ");
    for input in [
        format!("{a}\n{b}\n"),
        format!("{a}\r\n\r\n{b}"),
        format!("{a}{b}"),
        format!("{printed}\n{b}"),
        format!("[{a},{b}]"),
        format!("[\n  {printed},\n  {b}\n]\n"),
        format!(r#"{{"@odata.context":"x","value":[{a},{b}],"@odata.nextLink":"y"}}"#),
        format!(r#"{{"records":[{a}]}}{{"Records": [ {b} ] }}"#),
        format!(r#"[{{"records":[{a}]}},{{"records":[{b}]}}]"#),
        format!("\u{feff}{a}\n{b}"),
        format!("{{\"value\":[]}}\n{{\"value\":[{a},\n{b}]}}"),
    ] {
        let decoded = decode("x.json", &input);
        assert_eq!(decoded.rejections, [], "{input}");
        let ids: Vec<_> = decoded.events.iter().map(|event| text(event, FieldId::Id)).collect();
        assert_eq!(ids, ["a", "b"], "{input}");
        assert_same(&decoded.events[0].original(), &a);
    }
    // One identifier for several records is the store's to judge.
    assert_eq!(decode("x.json", format!("{a}\n{a}")).events.len(), 2);
}

#[test]
fn quirk_11_names() {
    let record = r#"{"TimeGenerated":"2026-03-02T07:44:00Z","Type":"AuditLogs","OperationName":"Update application – Certificates and secrets management ","Id":"a"}"#;
    let event = one(record);
    assert_eq!(event.row().log, Log::Audit);
    assert!(event.original().contains("application – Certificates and secrets management \""));
    let sign_in = one(&diagnostic(r#""operationName":"Sign-in activity – ünïcode ","#, ""));
    assert!(sign_in.original().contains("ünïcode \""));
}
