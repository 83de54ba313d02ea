//! How fast diagnostic records of 4 KB are decoded, on one core and in memory.
//!
//! `cargo run --release -p durward-ingest --example decode_speed [records]`

use std::fmt::Write as _;
use std::time::Instant;

use durward_ingest::{Decoder, Options, Rejection, Sink, SinkError};
use durward_model::{EventBatch, Timestamp};

/// Counts and drops.
#[derive(Default)]
struct Drain {
    events: usize,
    entities: usize,
}

impl Sink for Drain {
    fn batch(&mut self, batch: EventBatch) -> Result<(), SinkError> {
        self.events += batch.len();
        self.entities += batch.entities.iter().map(|list| list.len()).sum::<usize>();
        Ok(())
    }
    fn reject(&mut self, rejection: Rejection) -> Result<(), SinkError> {
        Err(rejection.reason.into())
    }
}

/// A number that looks random and is the same each time.
fn mix(number: usize) -> u64 {
    let mut value = number as u64 ^ 0x9e37_79b9_7f4a_7c15;
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

fn guid(number: usize) -> String {
    let (a, b) = (mix(number), mix(number ^ 0xffff_0000));
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        a >> 32,
        a >> 16 & 0xffff,
        a & 0xffff,
        b >> 48,
        b & 0xffff_ffff_ffff
    )
}

/// What Conditional Access said, one of a few dozen texts of a tenant.
fn policies(kind: usize) -> String {
    let mut out = String::from("[");
    for policy in 0..9 {
        let result = ["success", "notApplied", "failure", "reportOnlyNotApplied"];
        let result = result[mix(kind * 16 + policy) as usize % 4];
        let comma = if policy > 0 { "," } else { "" };
        let _ = write!(
            out,
            r#"{comma}{{"id":"{}","displayName":"CA{policy:03}: Require something of everybody","enforcedGrantControls":["Mfa"],"enforcedSessionControls":[],"result":"{result}","conditionsSatisfied":3,"conditionsNotSatisfied":0}}"#,
            guid(9_000_000 + policy)
        );
    }
    out.push(']');
    out
}

fn record(number: usize, policies: &str, out: &mut String) {
    let random = mix(number) as usize;
    let (user, app, id) = (random % 5000, random / 7 % 60, guid(number));
    let (user_id, app_id) = (guid(1_000_000 + user), guid(2_000_000 + app));
    let (hour, minute, second) = (number / 3600 % 24, number / 60 % 60, number % 60);
    let created =
        format!("2026-03-02T{hour:02}:{minute:02}:{second:02}.{:07}+00:00", random % 10_000_000);
    let address = format!("203.0.{}.{}", user % 200, random / 11 % 250);
    let correlation = guid(3_000_000 + number);
    let code = if random.is_multiple_of(10) { 50126 } else { 0 };
    let _ = writeln!(
        out,
        r#"{{"time":"2026-03-02T{hour:02}:{minute:02}:59.1234567Z","resourceId":"/tenants/2f3d7c1e-0d4a-4b7e-9a77-1c5e0a9b6d21/providers/Microsoft.aadiam","operationName":"Sign-in activity","operationVersion":"1.0","category":"NonInteractiveUserSignInLogs","tenantId":"2f3d7c1e-0d4a-4b7e-9a77-1c5e0a9b6d21","resultType":"{code}","resultSignature":"None","durationMs":0,"callerIpAddress":"{address}","correlationId":"{correlation}","identity":"User Number {user}","Level":4,"location":"ES","properties":{{"id":"{id}","createdDateTime":"{created}","userDisplayName":"User Number {user}","userPrincipalName":"user.number.{user}@fabrikam.example","userId":"{user_id}","appId":"{app_id}","appDisplayName":"Application {app}","ipAddress":"{address}","status":{{"errorCode":{code}}},"clientAppUsed":"Mobile Apps and Desktop clients","userAgent":"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/132.0.0.0 Safari/537.36","deviceDetail":{{"deviceId":"{}","displayName":"PC-{user}","operatingSystem":"Windows10","browser":"Chrome 132.0.0","isCompliant":true,"isManaged":true,"trustType":"Azure AD joined"}},"location":{{"city":"Vigo","state":"Galicia","countryOrRegion":"ES","geoCoordinates":{{"latitude":42.23{},"longitude":-8.72}}}},"correlationId":"{correlation}","conditionalAccessStatus":"success","appliedConditionalAccessPolicies":{policies},"authenticationContextClassReferences":[],"originalRequestId":"{id}","isInteractive":false,"tokenIssuerName":"","tokenIssuerType":"AzureAD","authenticationProcessingDetails":[{{"key":"Legacy TLS (TLS 1.0, 1.1, 3DES)","value":"False"}},{{"key":"Is CAE Token","value":"False"}}],"networkLocationDetails":[{{"networkType":"trustedNamedLocation","networkNames":["Head office"]}}],"clientCredentialType":"none","processingTimeInMilliseconds":{},"riskDetail":"none","riskLevelAggregated":"none","riskLevelDuringSignIn":"none","riskState":"none","riskEventTypes":[],"riskEventTypes_v2":[],"resourceDisplayName":"Microsoft Graph","resourceId":"00000003-0000-0000-c000-000000000000","resourceTenantId":"2f3d7c1e-0d4a-4b7e-9a77-1c5e0a9b6d21","homeTenantId":"2f3d7c1e-0d4a-4b7e-9a77-1c5e0a9b6d21","tenantId":"2f3d7c1e-0d4a-4b7e-9a77-1c5e0a9b6d21","authenticationDetails":[{{"authenticationStepDateTime":"{created}","authenticationMethod":"Previously satisfied","succeeded":true,"authenticationStepResultDetail":"First factor requirement satisfied by claim in the token","authenticationStepRequirement":"Primary authentication","StatusSequence":0,"RequestSequence":0}}],"authenticationRequirementPolicies":[],"sessionLifetimePolicies":[],"authenticationRequirement":"singleFactorAuthentication","alternateSignInName":"","signInIdentifier":"","servicePrincipalId":"","userType":"Member","flaggedForReview":false,"isTenantRestricted":false,"autonomousSystemNumber":64500,"crossTenantAccessType":"none","privateLinkDetails":{{}},"ssoExtensionVersion":"","uniqueTokenIdentifier":"{}","authenticationStrengths":[],"incomingTokenType":"primaryRefreshToken","authenticationProtocol":"none","appServicePrincipalId":null,"resourceServicePrincipalId":"{}","rngcStatus":0,"signInTokenProtectionStatus":"none","originalTransferMethod":"none","isThroughGlobalSecureAccess":false,"conditionalAccessAudiences":["00000003-0000-0000-c000-000000000000"],"sessionId":"{}"}}}}"#,
        guid(4_000_000 + user),
        user % 100,
        random % 400,
        &guid(5_000_000 + number)[..22],
        guid(6_000_000),
        guid(7_000_000 + number / 20),
    );
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let count: usize = std::env::args().nth(1).map_or(Ok(40_000), |text| text.parse())?;
    let policies: Vec<String> = (0..24).map(policies).collect();
    let mut text = String::new();
    for number in 0..count {
        record(number, &policies[mix(number + 77) as usize % policies.len()], &mut text);
    }
    let mut best = f64::INFINITY;
    let mut drain = Drain::default();
    for _ in 0..5 {
        drain = Drain::default();
        let mut decoder = Decoder::new(Options::new(Timestamp::now()));
        let started = Instant::now();
        decoder.decode_bytes("lines.json", text.as_bytes(), &mut drain)?;
        best = best.min(started.elapsed().as_secs_f64());
    }
    assert_eq!(drain.events, count);
    let line = format!(
        "{} records of {} bytes: {:.2} µs each, {:.0} MB/s, {} entities\n",
        count,
        text.len() / count,
        best * 1e6 / count as f64,
        text.len() as f64 / best / 1e6,
        drain.entities
    );
    std::io::Write::write_all(&mut std::io::stdout(), line.as_bytes())?;
    Ok(())
}
