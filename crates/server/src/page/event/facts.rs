//! What one sign-in says, in Graph's form whatever its source: read once, then asked by everything
//! that explains it.

use durward_model::errors::{self, Category, ErrorCode, Status};
use durward_model::graph::{self, GraphOptions, Version};
use durward_model::{Event, Log};
use serde_json::Value;

/// One sign-in.
#[derive(Clone, Debug)]
pub(in crate::page) struct Facts {
    pub(in crate::page) log: Log,
    pub(in crate::page) code: Option<i64>,
    pub(in crate::page) status: Status,
    /// Why it did not succeed, in the source's words or else ours.
    pub(in crate::page) reason: Option<String>,
    pub(in crate::page) steps: Vec<Step>,
    /// `None` where the caller may not see them.
    pub(in crate::page) policies: Option<Vec<Policy>>,
    graph: Value,
}

/// One step of authentication.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::page) struct Step {
    /// RFC 3339; empty where the source gives none.
    pub(in crate::page) at: String,
    pub(in crate::page) method: String,
    pub(in crate::page) detail: String,
    pub(in crate::page) succeeded: Option<bool>,
    pub(in crate::page) result: String,
    pub(in crate::page) requirement: String,
}

/// One policy of Conditional Access, as it judged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::page) struct Policy {
    pub(in crate::page) id: String,
    pub(in crate::page) name: String,
    pub(in crate::page) result: String,
    pub(in crate::page) grants: Vec<String>,
    pub(in crate::page) sessions: Vec<String>,
    pub(in crate::page) met: Vec<String>,
    pub(in crate::page) unmet: Vec<String>,
    /// Conditions and the rules of the policy that made them match, or left somebody out.
    pub(in crate::page) included: Vec<(String, String)>,
    pub(in crate::page) excluded: Vec<(String, String)>,
    /// Authentication strength that it asks for, and what came of it.
    pub(in crate::page) strength: Option<(String, String)>,
    pub(in crate::page) sessions_unmet: Vec<String>,
}

impl Policy {
    pub(in crate::page) fn is_report_only(&self) -> bool {
        self.result.starts_with("reportOnly")
    }

    /// Did it take part in the decision?
    pub(in crate::page) fn applied(&self) -> bool {
        matches!(
            self.result.as_str(),
            "success"
                | "failure"
                | "reportOnlySuccess"
                | "reportOnlyFailure"
                | "reportOnlyInterrupted"
        )
    }

    pub(in crate::page) fn failed(&self) -> bool {
        self.result == "failure"
    }

    /// Does it ask for this control?
    pub(in crate::page) fn asks(&self, control: &str) -> bool {
        self.grants.iter().any(|grant| grant.eq_ignore_ascii_case(control))
    }
}

impl Step {
    pub(in crate::page) fn is_password(&self) -> bool {
        self.method == "Password"
    }

    /// Was it taken over from an earlier sign-in?
    pub(in crate::page) fn is_by_claim(&self) -> bool {
        self.method == "Previously satisfied"
            || self.method == "Satisfied by token"
            || self.result.contains("by claim in the token")
    }

    /// Is it about a second factor?
    pub(in crate::page) fn is_second(&self) -> bool {
        let requirement = self.requirement.to_ascii_lowercase();
        requirement.contains("multi") || self.result.starts_with("MFA")
    }
}

impl Facts {
    pub(in crate::page) fn of(event: &Event) -> Facts {
        let mut json = String::new();
        let options = GraphOptions::new(Version::Beta).include_unknown_members(true);
        graph::write_sign_in(event, &options, &mut json);
        let value = serde_json::from_str(&json).unwrap_or_default();
        let mut facts = Facts::of_graph(event.row().log, value);
        facts.reason = graph::status_reason(event);
        if !event.shows_conditional_access() {
            facts.policies = None;
        }
        facts
    }

    /// From a `signIn` object.
    pub(in crate::page) fn of_graph(log: Log, graph: Value) -> Facts {
        let code = graph["status"]["errorCode"].as_i64();
        let reason = graph["status"]["failureReason"].as_str().map(str::to_owned);
        let known = || code.and_then(errors::lookup).map(|known| known.reason.to_owned());
        let list = |name: &str| graph[name].as_array().cloned().unwrap_or_default();
        Facts {
            log,
            code,
            status: errors::status_of(code),
            reason: reason.or_else(known).filter(|_| code != Some(0)),
            steps: list("authenticationDetails").iter().map(step).collect(),
            policies: Some(list("appliedConditionalAccessPolicies").iter().map(policy).collect()),
            graph,
        }
    }

    /// The text of a property, `deviceDetail/browser`; empty where there is none.
    pub(in crate::page) fn text(&self, path: &str) -> &str {
        self.at(path).as_str().unwrap_or_default()
    }

    pub(in crate::page) fn flag(&self, path: &str) -> Option<bool> {
        self.at(path).as_bool()
    }

    pub(in crate::page) fn number(&self, path: &str) -> Option<f64> {
        self.at(path).as_f64()
    }

    /// The objects of a list.
    pub(in crate::page) fn list(&self, path: &str) -> &[Value] {
        self.at(path).as_array().map(Vec::as_slice).unwrap_or_default()
    }

    /// A property, as JSON.
    pub(in crate::page) fn at(&self, path: &str) -> &Value {
        path.split('/').fold(&self.graph, |value, name| &value[name])
    }

    pub(in crate::page) fn known(&self) -> Option<&'static ErrorCode> {
        self.code.and_then(errors::lookup)
    }

    pub(in crate::page) fn category(&self) -> Option<Category> {
        self.known().map(|known| known.category)
    }

    pub(in crate::page) fn is_workload(&self) -> bool {
        matches!(self.log, Log::ServicePrincipal | Log::ManagedIdentity)
    }

    /// Who signed in.
    pub(in crate::page) fn actor(&self) -> &str {
        let user = ["userDisplayName", "userPrincipalName", "userId"];
        let workload = ["servicePrincipalName", "servicePrincipalId", "appDisplayName"];
        let names = if self.is_workload() { workload } else { user };
        let found = names.into_iter().map(|name| self.text(name)).find(|name| !name.is_empty());
        found.unwrap_or("Somebody")
    }

    /// To what: the application for users, the resource for workloads.
    pub(in crate::page) fn target(&self) -> &str {
        let app = self.text("appDisplayName");
        let resource = self.text("resourceDisplayName");
        match self.is_workload() || app.is_empty() {
            true => resource,
            false => app,
        }
    }

    /// `Lagos, NG`
    pub(in crate::page) fn place(&self) -> String {
        let parts = ["location/city", "location/countryOrRegion"].map(|name| self.text(name));
        let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        parts.join(", ")
    }

    /// A client that cannot be asked for a second factor.
    pub(in crate::page) fn legacy_client(&self) -> Option<&str> {
        let client = self.text("clientAppUsed");
        let modern =
            ["", "browser", "mobile apps and desktop clients", "modern clients", "unknown"];
        let is_modern = modern.iter().any(|name| name.eq_ignore_ascii_case(client));
        (!is_modern).then_some(client)
    }

    /// Latitude and longitude, unless they stand for nowhere.
    pub(in crate::page) fn coordinates(&self) -> Option<(f64, f64)> {
        let latitude = self.number("location/geoCoordinates/latitude")?;
        let longitude = self.number("location/geoCoordinates/longitude")?;
        let is_somewhere = latitude != 0.0 || longitude != 0.0;
        let is_on_earth = latitude.abs() <= 90.0 && longitude.abs() <= 180.0;
        (is_somewhere && is_on_earth).then_some((latitude, longitude))
    }

    /// The policies that decide, or those that only report.
    pub(in crate::page) fn policies_that(&self, report_only: bool) -> Vec<&Policy> {
        let all = self.policies.iter().flatten();
        all.filter(|policy| policy.is_report_only() == report_only).collect()
    }

    /// The policies in the way of this sign-in.
    pub(in crate::page) fn blocking(&self) -> Vec<&Policy> {
        self.policies.iter().flatten().filter(|policy| policy.failed()).collect()
    }
}

fn step(value: &Value) -> Step {
    let text = |name: &str| value[name].as_str().unwrap_or_default().trim().to_owned();
    Step {
        at: text("authenticationStepDateTime"),
        method: text("authenticationMethod"),
        detail: text("authenticationMethodDetail"),
        succeeded: value["succeeded"].as_bool(),
        result: text("authenticationStepResultDetail"),
        requirement: text("authenticationStepRequirement"),
    }
}

fn policy(value: &Value) -> Policy {
    let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
    let list = |name: &str| -> Vec<String> {
        let items = value[name].as_array().map(Vec::as_slice).unwrap_or_default();
        items.iter().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    // Flags are one text, by commas.
    let flags = |name: &str| -> Vec<String> {
        let parts = value[name].as_str().unwrap_or_default().split(',').map(str::trim);
        parts.filter(|part| !part.is_empty() && *part != "none").map(str::to_owned).collect()
    };
    let rules = |name: &str| -> Vec<(String, String)> {
        let items = value[name].as_array().map(Vec::as_slice).unwrap_or_default();
        let member = |item: &Value, name: &str| item[name].as_str().unwrap_or_default().to_owned();
        let rule =
            |item| (member(item, "conditionalAccessCondition"), member(item, "ruleSatisfied"));
        items.iter().map(rule).collect()
    };
    let strength = &value["authenticationStrength"];
    let strength = strength["displayName"].as_str().map(|name| {
        let result = strength["authenticationStrengthResult"].as_str().unwrap_or_default();
        (name.to_owned(), result.to_owned())
    });
    Policy {
        id: text("id"),
        name: text("displayName"),
        result: text("result"),
        grants: list("enforcedGrantControls"),
        sessions: list("enforcedSessionControls"),
        met: flags("conditionsSatisfied"),
        unmet: flags("conditionsNotSatisfied"),
        included: rules("includeRulesSatisfied"),
        excluded: rules("excludeRulesSatisfied"),
        strength,
        sessions_unmet: list("sessionControlsNotSatisfied"),
    }
}

/// A control of a policy as the portal writes it.
pub(in crate::page) fn control(name: &str) -> &str {
    match name {
        "Mfa" => "Require MFA",
        "Block" => "Block",
        "RequireCompliantDevice" => "Require compliant device",
        "RequireDomainJoinedDevice" => "Require hybrid joined device",
        "RequireApprovedApp" => "Require approved app",
        "RequireCompliantApp" => "Require app protection",
        "SignInFrequency" => "Sign-in frequency",
        "CloudAppSecurity" => "App control",
        "PersistentBrowserSession" => "Persistent browser session",
        "SignInTokenProtection" | "Binding" => "Token protection",
        other => other,
    }
}
