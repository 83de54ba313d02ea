//! Records of every source as restricted callers see them.

use durward_ingest::{Collected, Decoder, Options};
use durward_model::columns::{self, csv, text};
use durward_model::graph::{GraphOptions, Version, write_event, write_sign_in};
use durward_model::{Event, FieldId, Log};
use durward_query::{Filter, Mask, Sight, SightGrant};

use crate::sample::hour;
use crate::sight::pseudonyms;

const POLICY: &str = "Secret policy";
const NAMES: [&str; 4] = ["Ana Ruiz", "ana.ruiz@", "7f6a1c00-0000-4000-8000-000000000001", "+34 6"];
const ADDRESSES: [&str; 4] = ["203.0.113.7", "198.51.100.9", "Vigo", "42.23"];

fn graph() -> String {
    r#"{"id":"4b1d0c5e-9a77-4c1f-8a51-6f2f3a9c1200","createdDateTime":"2026-03-02T07:41:09Z","userDisplayName":"Ana Ruiz","userPrincipalName":"ana.ruiz@fabrikam.example","userId":"7f6a1c00-0000-4000-8000-000000000001","signInIdentifier":"ana.ruiz@fabrikam.example","appDisplayName":"Lab","ipAddress":"203.0.113.7","ipAddressFromResourceProvider":"198.51.100.9","isInteractive":true,"conditionalAccessStatus":"failure","appliedConditionalAccessPolicies":[{"id":"p1","displayName":"Secret policy","result":"failure","at DateTime":"2026-03-02T07:41:00Z"}],"conditionalAccessAudiences":["Secret policy"],"status":{"errorCode":53003,"failureReason":"Ana Ruiz at 203.0.113.7","additionalDetails":"ana.ruiz@fabrikam.example from 203.0.113.7"},"location":{"city":"Vigo","state":"Galicia","countryOrRegion":"ES","geoCoordinates":{"latitude":42.23,"longitude":-8.7}},"authenticationDetails":[{"authenticationStepDateTime":"2026-03-02T07:41:09Z","authenticationMethodDetail":"+34 600 for Ana Ruiz"}],"mfaDetail":{"authMethod":"Text message","authDetail":"+34 600"},"networkLocationDetails":[{"networkType":"namedNetwork","networkNames":["203.0.113.7 Vigo"]}],"authenticationProcessingDetails":[{"key":"hint","value":"ana.ruiz@fabrikam.example 203.0.113.7"}],"invented":{"who":"Ana Ruiz","from":"203.0.113.7"}}"#
        .to_owned()
}

fn diagnostic() -> String {
    let graph = graph();
    let inner =
        graph.replace("\"conditionalAccessStatus\":\"failure\"", "\"conditionalAccessStatus\":1");
    format!(
        r#"{{"time":"2026-03-02T07:44:00Z","resourceId":"/tenants/t-1/providers/Microsoft.aadiam","category":"SignInLogs","resultType":"53003","resultDescription":"Ana Ruiz at 203.0.113.7","callerIpAddress":"203.0.113.7","identity":"Ana Ruiz","location":"ES","properties":{inner}}}"#
    )
}

/// A diagnostic record with its properties in a string.
fn diagnostic_in_text() -> String {
    let inner = serde_json::to_string(&graph()).unwrap();
    format!(r#"{{"time":"2026-03-02T07:44:00Z","category":"SignInLogs","properties":{inner}}}"#)
}

fn log_analytics() -> String {
    let policies = r#"[{\"id\":\"p1\",\"displayName\":\"Secret policy\",\"result\":\"failure\"}]"#;
    format!(
        r#"{{"TimeGenerated":"2026-03-02T07:44:00Z","Type":"SigninLogs","Id":"4b1d0c5e-9a77-4c1f-8a51-6f2f3a9c1200","CreatedDateTime":"2026-03-02T07:41:09Z","Identity":"Ana Ruiz","UserDisplayName":"Ana Ruiz","UserPrincipalName":"ana.ruiz@fabrikam.example","UserId":"7f6a1c00-0000-4000-8000-000000000001","AlternateSignInName":"ana.ruiz@fabrikam.example","IPAddress":"203.0.113.7","ConditionalAccessStatus":"failure","ConditionalAccessPolicies":"{policies}","ConditionalAccessPoliciesV2":"{policies}","LocationDetails":{{"city":"Vigo","state":"Galicia","countryOrRegion":"ES","geoCoordinates":{{"latitude":42.23}}}},"ResultDescription":"Ana Ruiz at 203.0.113.7"}}"#
    )
}

fn portal_csv() -> String {
    "Date (UTC),Request ID,User,Username,User ID,Application,IP address,Location,Status,Sign-in error code,Conditional Access,Applied Conditional Access policies\r\n\
     2026-03-02T07:41:09Z,4b1d0c5e-9a77-4c1f-8a51-6f2f3a9c1200,Ana Ruiz,ana.ruiz@fabrikam.example,7f6a1c00-0000-4000-8000-000000000001,Lab,203.0.113.7,\"Vigo, Galicia, ES\",Failure,53003,Failure,Secret policy\r\n"
        .to_owned()
}

fn decode(name: &str, text: &str) -> Event {
    let mut collected = Collected::default();
    let mut decoder = Decoder::new(Options::new(hour(60)));
    decoder.decode_bytes(name, text.as_bytes(), &mut collected).unwrap();
    assert!(collected.rejections.is_empty(), "{name}: {:?}", collected.rejections);
    Event::of_batch(&collected.batches[0], 0)
}

fn sources() -> Vec<(&'static str, Event)> {
    [
        ("graph.json", graph()),
        ("diagnostic.json", diagnostic()),
        ("text.json", diagnostic_in_text()),
        ("analytics.json", log_analytics()),
        ("portal.csv", portal_csv()),
    ]
    .into_iter()
    .map(|(name, text)| (name, decode(name, &text)))
    .collect()
}

fn sight(conditional_access: bool, mask: Mask) -> Sight {
    let grant =
        SightGrant { logs: Log::ALL.to_vec(), filter: Filter::All, conditional_access, mask };
    Sight::new(vec![grant], pseudonyms())
}

fn outputs(event: &Event) -> String {
    let mut out = event.original();
    for version in [Version::V1, Version::Beta] {
        write_sign_in(event, &GraphOptions::new(version), &mut out);
    }
    write_event(event, &GraphOptions::new(Version::Beta), &mut out);
    for layout in [csv::Layout::Portal, csv::Layout::AllFields] {
        for column in csv::columns(layout, event.row().log) {
            out.push_str(&column.cell(event));
        }
    }
    for column in columns::all() {
        out.push_str(&text::short(column, event));
    }
    out + &format!("{:?}", event.row())
}

#[test]
fn sight_1_no_policy_is_named_without_the_right_to_see_it() {
    let sight = sight(false, Mask::NONE);
    for (name, event) in sources() {
        let all = outputs(&event);
        assert!(all.contains(POLICY), "{name}: the test tests something");
        let shown = sight.show(event.clone()).unwrap();
        let out = outputs(&shown);
        assert!(!out.contains(POLICY), "{name}: {out}");
        assert!(out.contains("Ana Ruiz") && out.contains("203.0.113.7"), "{name}");
        assert_eq!(
            shown.cell(FieldId::ConditionalAccessStatus),
            event.cell(FieldId::ConditionalAccessStatus)
        );
        // All that is left of the record is as it was.
        let original: serde_json::Value = serde_json::from_str(&shown.original()).unwrap();
        let before: serde_json::Value = serde_json::from_str(&event.original()).unwrap();
        let status = ["conditionalAccessStatus", "ConditionalAccessStatus", "Conditional Access"];
        let kept = |name: &String| !name.contains("onditional") || status.contains(&&**name);
        for (name, value) in before.as_object().unwrap().iter().filter(|(name, _)| kept(name)) {
            if name != "properties" {
                assert_eq!(original.get(name), Some(value), "{name}");
            }
        }
        assert!(original.as_object().unwrap().keys().all(kept), "{original}");
    }
}

#[test]
fn sight_1_no_name_and_no_address_is_shown_under_a_mask() {
    for (names, addresses) in [(true, false), (false, true), (true, true)] {
        let sight = sight(true, Mask { names, addresses });
        for (name, event) in sources() {
            let all = outputs(&event);
            let shown = sight.show(event).unwrap();
            assert!(!shown.has_original() && shown.original().is_empty());
            let out = outputs(&shown);
            for (hidden, words) in [(names, NAMES), (addresses, ADDRESSES)] {
                for word in words.into_iter().filter(|_| hidden) {
                    assert!(!out.contains(word), "{name}: {word} in {out}");
                }
            }
            assert!(all.contains("Ana Ruiz") && all.contains("Vigo"), "{name}");
            assert_eq!(out.contains("Ana Ruiz"), !names, "{name}: only what has to be is hidden");
            assert_eq!(out.contains("Vigo"), !addresses, "{name}: only what has to be is hidden");
            assert_eq!(out.contains("user-"), names, "{name}");
            assert_eq!(out.contains("ip-"), addresses, "{name}");
            assert!(out.contains("ES"), "{name}: the country stays");
        }
    }
}

#[test]
fn a_person_has_the_same_pseudonym_whatever_the_source() {
    let sight = sight(true, Mask { names: true, addresses: true });
    let shown: Vec<Event> = sources().into_iter().filter_map(|(_, e)| sight.show(e)).collect();
    for field in [FieldId::UserId, FieldId::UserDisplayName, FieldId::IpAddress] {
        let texts: Vec<String> = shown.iter().map(|event| event.cell(field).to_string()).collect();
        assert!(texts.iter().all(|text| *text == texts[0] && !text.is_empty()), "{texts:?}");
    }
    let name = shown[0].cell(FieldId::UserDisplayName).to_string();
    let principal = shown[0].cell(FieldId::UserPrincipalName).to_string();
    assert_eq!(principal, format!("{name}@masked.invalid"));
}

#[test]
fn records_of_other_logs_are_whole_or_not_there() {
    let audit = r#"{"id":"Directory_1","category":"Policy","activityDateTime":"2026-03-02T07:41:09Z","activityDisplayName":"Update conditional access policy","initiatedBy":{"user":{"displayName":"Ana Ruiz"}},"targetResources":[{"displayName":"Secret policy"}]}"#;
    let audit = decode("audit.json", audit);
    assert_eq!(audit.row().log, Log::Audit);
    let shown = sight(false, Mask::NONE).show(audit.clone()).unwrap();
    assert_eq!(shown.original(), audit.original());
    assert!(sight(true, Mask { names: true, addresses: false }).show(audit.clone()).is_none());
    assert!(sight(true, Mask { names: false, addresses: true }).show(audit).is_none());
    // A kind of sign-in that is not known is kept as a record of no known log.
    let other = diagnostic().replace("\"SignInLogs\"", "\"HologramSignInLogs\"");
    let other = decode("other.json", &other);
    assert_eq!(other.row().log, Log::Other);
    let shown = sight(false, Mask::NONE).show(other).unwrap();
    assert!(!outputs(&shown).contains(POLICY) && outputs(&shown).contains("Ana Ruiz"));
}
