//! The addresses of risk.

use axum::http::{Method, StatusCode};
use axum::routing::{get, post};
use durward_access::Right;
use durward_journal::Action;

use super::actions::{decide, decide_on_sign_ins};
use super::{history, history_item, list, one};
use crate::openapi::{Operation, Parameter};
use crate::routes::{Endpoint, endpoint, right};

const READ: &[Right] = &[Right::ReadRisk];
const DECIDE_USERS: &[Right] = &[Right::DecideUserRisk];
const DECIDE_WORKLOADS: &[Right] = &[Right::DecideWorkloadRisk];

/// Makes the endpoints of any collection, in one version.
macro_rules! collection {
    ($all:ident, $version:literal, $name:literal) => {
        $all.push(endpoint(
            Method::GET,
            concat!("/", $version, "/identityProtection/", $name),
            right(READ, Action::List),
            get(list),
            Operation::new("graph", concat!("List ", $name, " as Microsoft Graph ", $version))
                .parameters(&options())
                .answer("application/json", "RiskPage"),
        ));
        $all.push(endpoint(
            Method::GET,
            concat!("/", $version, "/identityProtection/", $name, "/{id}"),
            right(READ, Action::Read),
            get(one),
            Operation::new("graph", concat!("One of ", $name, " as Microsoft Graph ", $version))
                .parameters(&[
                    Parameter::path("id", "Identifier"),
                    Parameter::query("$select", "Properties to give"),
                ])
                .answer("application/json", "Risk"),
        ));
    };
}

/// Makes the endpoints of a collection with subjects, in one version.
macro_rules! subjects {
    ($all:ident, $version:literal, $name:literal, $rights:expr, [$($decision:literal),+]) => {
        collection!($all, $version, $name);
        let id = Parameter::path("id", "Object identifier");
        let item = Parameter::path("item", "Identifier of the line");
        let what = concat!("Risk history in ", $name, " of ", $version);
        $all.push(endpoint(
            Method::GET,
            concat!("/", $version, "/identityProtection/", $name, "/{id}/history"),
            right(READ, Action::Read),
            get(history),
            Operation::new("graph", what)
                .parameters(&[id.clone(), Parameter::query("$top", "Lines at most")])
                .answer("application/json", "RiskPage"),
        ));
        $all.push(endpoint(
            Method::GET,
            concat!("/", $version, "/identityProtection/", $name, "/{id}/history/{item}"),
            right(READ, Action::Read),
            get(history_item),
            Operation::new("graph", concat!("One line of risk history in ", $name))
                .parameters(&[id, item])
                .answer("application/json", "Risk"),
        ));
        $($all.push(endpoint(
            Method::POST,
            concat!("/", $version, "/identityProtection/", $name, "/", $decision),
            right($rights, Action::Change),
            post(decide),
            decision(concat!($decision, " in ", $name, " of ", $version)),
        ));)+
    };
}

/// Makes the endpoints of decisions about sign-ins, in one version.
macro_rules! sign_ins {
    ($all:ident, $version:literal, [$($decision:literal),+]) => {
        $($all.push(endpoint(
            Method::POST,
            concat!("/", $version, "/auditLogs/signIns/", $decision),
            right(DECIDE_USERS, Action::Change),
            post(decide_on_sign_ins),
            decision(concat!($decision, " for sign-ins of ", $version)),
        ));)+
    };
}

fn options() -> Vec<Parameter> {
    vec![
        Parameter::query("$filter", "OData filter"),
        Parameter::query("$top", "Rows of a page, 1 to 500 (default 20)"),
        Parameter::query("$orderby", "A time, asc or desc (default: the newest first)"),
        Parameter::query("$select", "Properties to give"),
        Parameter::query("$count", "true adds @odata.count, the exact number of matches"),
        Parameter::query("$skiptoken", "From @odata.nextLink"),
    ]
}

fn decision(what: &'static str) -> Operation {
    Operation::new("graph", what)
        .body("application/json", "RiskDecision")
        .status(StatusCode::NO_CONTENT)
        .answer("application/json", "Any")
}

/// All endpoints of risk.
pub(crate) fn endpoints() -> Vec<Endpoint> {
    let mut all = Vec::new();
    subjects!(
        all,
        "v1.0",
        "riskyUsers",
        DECIDE_USERS,
        ["confirmCompromised", "confirmSafe", "dismiss"]
    );
    subjects!(
        all,
        "beta",
        "riskyUsers",
        DECIDE_USERS,
        ["confirmCompromised", "confirmSafe", "dismiss"]
    );
    subjects!(
        all,
        "v1.0",
        "riskyServicePrincipals",
        DECIDE_WORKLOADS,
        ["confirmCompromised", "dismiss"]
    );
    subjects!(
        all,
        "beta",
        "riskyServicePrincipals",
        DECIDE_WORKLOADS,
        ["confirmCompromised", "dismiss"]
    );
    subjects!(
        all,
        "beta",
        "riskyAgents",
        DECIDE_WORKLOADS,
        ["confirmCompromised", "confirmSafe", "dismiss"]
    );
    collection!(all, "v1.0", "riskDetections");
    collection!(all, "beta", "riskDetections");
    collection!(all, "v1.0", "servicePrincipalRiskDetections");
    collection!(all, "beta", "servicePrincipalRiskDetections");
    collection!(all, "beta", "agentRiskDetections");
    sign_ins!(all, "v1.0", ["confirmCompromised", "confirmSafe", "dismiss"]);
    sign_ins!(all, "beta", ["confirmCompromised", "confirmSafe", "dismiss"]);
    all
}
