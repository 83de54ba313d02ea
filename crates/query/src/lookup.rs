//! Events by their request identifier.

use std::cmp::Reverse;

use arrow_array::Array;
use durward_model::field::Group;
use durward_model::{FieldId, Id};
use durward_store::{RowRef, View};

use crate::budget::{Budget, Meter};
use crate::engine::Engine;
use crate::error::QueryError;
use crate::fold::{fold, guid};

impl Engine {
    /// The latest revision of the event with this identifier, in any log. Where several tenants
    /// have one, `tenant` decides; without it the newest is given.
    pub fn get(
        &self,
        view: &View,
        tenant: Option<&str>,
        id: &str,
        budget: &Budget,
    ) -> Result<Option<RowRef>, QueryError> {
        let found = find(view, id, &Meter::start(budget))?;
        let wanted = tenant.map(fold);
        for row in found {
            let chunk = &view.chunks[row.chunk as usize];
            if chunk.superseded().is_some_and(|gone| gone.contains(row.row)) {
                continue;
            }
            let Some(wanted) = &wanted else { return Ok(Some(row)) };
            let source = chunk.keys(Group::Source)?.value(row.row as usize);
            let tenant = view.entities(Group::Source).cell(source as u32, FieldId::TenantId);
            if tenant.as_text().is_some_and(|tenant| fold(tenant) == *wanted) {
                return Ok(Some(row));
            }
        }
        Ok(None)
    }

    /// All revisions of the events with this identifier, the latest first.
    pub fn revisions(
        &self,
        view: &View,
        id: &str,
        budget: &Budget,
    ) -> Result<Vec<RowRef>, QueryError> {
        let mut rows = Vec::new();
        for row in find(view, id, &Meter::start(budget))? {
            let chunk = &view.chunks[row.chunk as usize];
            let revision = chunk.revisions()?.value(row.row as usize);
            let replaced = chunk.superseded().is_some_and(|gone| gone.contains(row.row));
            let created = chunk.created()?.value(row.row as usize);
            rows.push((replaced, Reverse(revision), Reverse(created), chunk.log(), row));
        }
        rows.sort_unstable();
        Ok(rows.into_iter().map(|(.., row)| row).collect())
    }
}

/// All rows with this identifier, chunk by chunk.
fn find(view: &View, id: &str, meter: &Meter<'_>) -> Result<Vec<RowRef>, QueryError> {
    // 32 digits can be a GUID without hyphens, or an identifier of another kind.
    let mut these = vec![Id::from_text(id).0];
    these.extend(guid(id).map(|guid| Id::from_text(&guid).0));
    these.dedup();
    let mut rows = Vec::new();
    for (index, chunk) in view.chunks.iter().enumerate() {
        let mut possible = false;
        for id in &these {
            possible = possible || chunk.may_contain(FieldId::Id, id)?;
        }
        if !possible {
            continue;
        }
        meter.spend(chunk.rows())?;
        let ids = chunk.ids(FieldId::Id)?;
        let all = ids.value_data().chunks_exact(16).enumerate();
        let found = all.filter(|(_, own)| these.iter().any(|id| *own == id.0));
        rows.extend(
            found
                .filter(|(row, _)| ids.is_valid(*row))
                .map(|(row, _)| RowRef { chunk: index as u32, row: row as u32 }),
        );
    }
    Ok(rows)
}
