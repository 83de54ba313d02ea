//! The tenants of the log, and the way to look at one of them.

use axum::http::HeaderMap;
use durward_model::{FieldId, Log};
use durward_query::{Filter, Reader};
use maud::{Markup, html};

use crate::error::ApiError;
use crate::page::scope::Scope;
use crate::page::state::grouped;
use crate::params::{Params, query_string};

/// Tenants to choose from at most, the largest ones.
const TENANTS_MAX: usize = 50;

/// A tenant, and how many sign-ins it has.
pub(super) type Tenant = (String, u64);

pub(super) fn look(reader: &Reader) -> Result<Vec<Tenant>, ApiError> {
    let facet = reader.facet(FieldId::TenantId, &Filter::All, &Log::SIGN_INS, TENANTS_MAX, None)?;
    let tenants = facet.values.into_iter().filter(|(tenant, _)| !tenant.is_empty());
    Ok(tenants.map(|(tenant, sums)| (tenant, sums.iter().sum())).collect())
}

/// The picker for the bar at the top, where there is something to pick. It leads to the page that
/// asked, which its request names.
pub(super) fn picker(tenants: &[Tenant], scope: &Scope, headers: &HeaderMap) -> Markup {
    let page = headers.get("hx-current-url").and_then(|url| url.to_str().ok()).unwrap_or("/");
    html! {
        div #tenant hx-swap-oob="true" {
            @if tenants.len() > 1 || scope.tenant.is_some() {
                details .menu-button .tenant {
                    summary .button {
                        span { (scope.tenant.as_deref().unwrap_or("All tenants")) } " ▾"
                    }
                    div .menu {
                        a href=(of_tenant(page, None))
                            aria-current=[scope.tenant.is_none().then_some("true")] {
                            "All tenants"
                        }
                        @for (tenant, count) in tenants {
                            @let is_chosen = scope.tenant.as_ref() == Some(tenant);
                            a href=(of_tenant(page, Some(tenant)))
                                aria-current=[is_chosen.then_some("true")] {
                                (tenant) " " span .muted { (grouped(*count)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The address of a page with another tenant; of its path and parameters, no other server's.
fn of_tenant(url: &str, tenant: Option<&str>) -> String {
    let local = url
        .split_once("://")
        .map_or(url, |(_, rest)| rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/"));
    let local = local.split('#').next().unwrap_or("/");
    let (path, query) = local.split_once('?').unwrap_or((local, ""));
    let path = if path.starts_with('/') && !path.starts_with("//") { path } else { "/" };
    let params = Params::parse(Some(query)).unwrap_or_default();
    // What belongs to events of the other tenant does not go with it.
    let goes = |name: &str| !matches!(name, "tenant" | "at" | "row" | "tab");
    let kept = params.0.iter().filter(|(name, _)| goes(name));
    let kept = kept.map(|(name, value)| (name.as_str(), value.as_str()));
    let query = query_string(kept.chain(tenant.map(|tenant| ("tenant", tenant))));
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

/// All tenants with their sign-ins, for the page.
pub(super) fn list(tenants: &[Tenant], scope: &Scope) -> Markup {
    let of = |tenant: Option<String>| Scope { tenant, ..scope.clone() }.href("/completeness", &[]);
    html! {
        @if tenants.len() > 1 || scope.tenant.is_some() {
            section .panel .part {
                h2 { "Tenants" }
                ul {
                    li { a href=(of(None)) { "All tenants" } }
                    @for (tenant, count) in tenants {
                        li {
                            a href=(of(Some(tenant.clone()))) { (tenant) }
                            " " span .muted { (grouped(*count)) " sign-ins" }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::of_tenant;

    #[test]
    fn the_picker_stays_on_the_page() {
        let page = "https://x.example/signins?type=n&tenant=a&row=1&f=app%3Db#top";
        assert_eq!(of_tenant(page, Some("c d")), "/signins?type=n&f=app%3Db&tenant=c%20d");
        assert_eq!(of_tenant(page, None), "/signins?type=n&f=app%3Db");
        assert_eq!(of_tenant("https://x.example", None), "/");
        for elsewhere in ["javascript:alert(1)", "//other.example/x", "https:////other.example"] {
            assert_eq!(of_tenant(elsewhere, None), "/", "{elsewhere}");
        }
    }
}
