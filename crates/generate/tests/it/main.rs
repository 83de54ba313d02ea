//! The tenant as a whole.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

mod decode;
mod files;
mod records;
mod stream;

use durward_generate::{GeneratedEvent, Moment, Noise, Tenant, TenantOptions};
use std::sync::Arc;

/// 2026-03-02, a Monday.
const MONDAY: Moment = Moment(20_514 * 864_000_000_000);

fn tenant(users: u32) -> Arc<Tenant> {
    Arc::new(Tenant::new(42, TenantOptions { users, ..TenantOptions::demo() }))
}

/// The events of so many days from [`MONDAY`] on.
fn days(tenant: &Arc<Tenant>, count: i64) -> Vec<GeneratedEvent> {
    tenant.events(MONDAY..MONDAY.plus_days(count)).collect()
}

fn noisy() -> Noise {
    Noise { duplicate_per_mille: 30, revised_per_mille: 20, late_per_mille: 20 }
}

fn bench(users: u32) -> Arc<Tenant> {
    Arc::new(Tenant::new(42, TenantOptions { users, ..TenantOptions::bench() }))
}
