//! Grouped sign-ins as Graph's `summarizedSignIn` objects (beta).

use crate::enums;
use crate::event::Event;
use crate::field::FieldId;
use crate::shape::write_string;
use crate::time::Timestamp;

use super::nested::{self, Rules};
use super::{write_member, write_optional, write_scalar};
use crate::cell::Cell;

/// Sign-ins of one window that agree in the log's grouping keys. A value that differs within the
/// group is that of the member whose `id` this carries, or `None`.
#[derive(Clone, Debug, Default, PartialEq)]
#[allow(missing_docs, reason = "named after Graph's properties")]
pub struct SummarizedSignIn {
    /// Of one member; leads to its details.
    pub id: String,
    /// How many sign-ins.
    pub sign_in_count: u64,
    /// When the window begins.
    pub aggregation_date_time: Timestamp,
    /// The time of the first of them.
    pub first_sign_in_date_time: Timestamp,
    pub user_principal_name: Option<String>,
    pub app_id: Option<String>,
    pub app_display_name: Option<String>,
    pub ip_address: Option<String>,
    pub conditional_access_status: Option<String>,
    pub resource_id: Option<String>,
    pub resource_display_name: Option<String>,
    pub tenant_id: Option<String>,
    pub service_principal_id: Option<String>,
    pub service_principal_name: Option<String>,
    pub token_issuer_type: Option<String>,
    pub error_code: Option<i64>,
    pub failure_reason: Option<String>,
    pub additional_details: Option<String>,
    /// A JSON object.
    pub managed_service_identity: Option<String>,
    /// A JSON object.
    pub agent: Option<String>,
}

impl SummarizedSignIn {
    /// A group with the values of one of its members.
    pub fn of_member(
        event: &Event,
        sign_in_count: u64,
        aggregation_date_time: Timestamp,
        first_sign_in_date_time: Timestamp,
    ) -> SummarizedSignIn {
        let text = |field| match event.cell(field) {
            Cell::Text(text) => Some(text.into_owned()),
            _ => None,
        };
        SummarizedSignIn {
            id: text(FieldId::Id).unwrap_or_default(),
            sign_in_count,
            aggregation_date_time,
            first_sign_in_date_time,
            user_principal_name: text(FieldId::UserPrincipalName),
            app_id: text(FieldId::AppId),
            app_display_name: text(FieldId::AppDisplayName),
            ip_address: text(FieldId::IpAddress),
            conditional_access_status: text(FieldId::ConditionalAccessStatus),
            resource_id: text(FieldId::ResourceId),
            resource_display_name: text(FieldId::ResourceDisplayName),
            tenant_id: text(FieldId::TenantId),
            service_principal_id: text(FieldId::ServicePrincipalId),
            service_principal_name: text(FieldId::ServicePrincipalName),
            token_issuer_type: text(FieldId::TokenIssuerType),
            error_code: event.cell(FieldId::ErrorCode).as_int(),
            failure_reason: text(FieldId::FailureReason),
            additional_details: text(FieldId::AdditionalDetails),
            managed_service_identity: text(FieldId::ManagedServiceIdentity),
            agent: text(FieldId::Agent),
        }
    }

    /// Appends the object. `include_unknown` as in
    /// [`super::GraphOptions::include_unknown_members`].
    pub fn write(&self, include_unknown: bool, out: &mut String) {
        out.push_str("{\"id\":");
        write_string(&self.id, out);
        out.push_str(&format!(",\"signInCount\":{}", self.sign_in_count));
        out.push_str(&format!(",\"aggregationDateTime\":\"{}\"", self.aggregation_date_time));
        out.push_str(&format!(",\"firstSignInDateTime\":\"{}\"", self.first_sign_in_date_time));
        let lower = self.user_principal_name.as_deref().map(str::to_lowercase);
        let status = self.conditional_access_status.as_deref();
        write_texts(
            &[
                ("userPrincipalName", lower.as_deref()),
                ("appId", self.app_id.as_deref()),
                ("appDisplayName", self.app_display_name.as_deref()),
                ("ipAddress", self.ip_address.as_deref()),
            ],
            out,
        );
        out.push_str(",\"conditionalAccessStatus\":");
        let member = status.unwrap_or_default();
        write_member(&enums::CONDITIONAL_ACCESS_STATUS, member, include_unknown, out);
        write_texts(
            &[
                ("resourceId", self.resource_id.as_deref()),
                ("resourceDisplayName", self.resource_display_name.as_deref()),
                ("tenantId", self.tenant_id.as_deref()),
                ("servicePrincipalId", self.service_principal_id.as_deref()),
                ("servicePrincipalName", self.service_principal_name.as_deref()),
            ],
            out,
        );
        out.push_str(",\"tokenIssuerType\":");
        let member = self.token_issuer_type.as_deref().unwrap_or_default();
        write_member(&enums::TOKEN_ISSUER_TYPE, member, include_unknown, out);
        out.push_str(",\"status\":{\"errorCode\":");
        write_scalar(&self.error_code.map_or(Cell::Null, Cell::Int), out);
        write_texts(
            &[
                ("failureReason", self.failure_reason.as_deref()),
                ("additionalDetails", self.additional_details.as_deref()),
            ],
            out,
        );
        out.push('}');
        let rules = Rules { beta: true, include_unknown };
        for (name, field, json) in [
            (
                "managedServiceIdentity",
                FieldId::ManagedServiceIdentity,
                &self.managed_service_identity,
            ),
            ("agent", FieldId::Agent, &self.agent),
        ] {
            out.push_str(&format!(",\"{name}\":"));
            let json = json.as_deref().unwrap_or("null");
            nested::write(json, nested::of_field(field), rules, out);
        }
        out.push('}');
    }
}

/// Appends members of an object, each after a comma.
fn write_texts(members: &[(&str, Option<&str>)], out: &mut String) {
    for (name, text) in members {
        out.push_str(",\"");
        out.push_str(name);
        out.push_str("\":");
        write_optional(*text, out);
    }
}
