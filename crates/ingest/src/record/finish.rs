//! The end of a record: what needed all of it.

use std::borrow::Cow;

use durward_model::cell::Cell;
use durward_model::field::{FieldId, Log};
use durward_model::id::Id;
use durward_model::shape::Mark;
use durward_model::time::Timestamp;

use crate::reading::Spelling;
use crate::record::FileContext;
use crate::record::log::{Signs, of_record};
use crate::record::walk::{Hole, Walk};
use crate::scan::minify;
use crate::table::{TABLES, facts};

/// The member to blame and the reason.
type Refusal = (Option<&'static str>, &'static str);

impl<'a> Walk<'_, 'a> {
    /// Settles what is open and makes the row complete. `record` is its text, `log` its log where
    /// the file says so.
    pub(crate) fn finish(
        mut self,
        record: &str,
        layout: u8,
        log: Option<Log>,
        file: &FileContext,
    ) -> Result<(), Refusal> {
        self.settle_holes();
        let signs = Signs {
            facts: self.facts,
            table: self.table_log,
            called_sign_in: self.called_sign_in,
            hint: file.log_hint,
            has_envelope: layout == TABLES.diagnostic,
        };
        let log = log.unwrap_or_else(|| of_record(&signs, self.row));
        if self.row.get(FieldId::TenantId).as_text().is_none_or(str::is_empty) {
            let tenant = self.path_tenant.take().or_else(|| file.tenant.clone().map(Cow::Owned));
            if let Some(tenant) = tenant {
                self.row.set(FieldId::TenantId, Cell::Text(tenant));
            }
        }
        if !file.only_tenants.is_empty() {
            let tenant = self.row.get(FieldId::TenantId).as_text().unwrap_or_default();
            if !file.only_tenants.iter().any(|only| only.eq_ignore_ascii_case(tenant)) {
                return Err((Some("tenantId"), "a record of a tenant that is not the sender's"));
            }
        }
        if log.is_sign_in() {
            self.finish_sign_in(log, record)
        } else {
            self.finish_other(log, layout, record)
        }
    }

    /// Sets cells that only a repeating member fills, and writes the marks of all of them.
    fn settle_holes(&mut self) {
        if self.holes.is_empty() {
            return;
        }
        let holes = std::mem::take(&mut self.holes);
        let written = std::mem::take(&mut self.shape);
        self.shape = String::with_capacity(written.len() + holes.len() * 8);
        let mut from = 0;
        for hole in holes {
            if let Some(at) = hole.at {
                self.shape.push_str(written.get(from..at).unwrap_or_default());
                from = at;
            }
            self.settle_hole(hole);
        }
        self.shape.push_str(written.get(from..).unwrap_or_default());
    }

    fn settle_hole(&mut self, hole: Hole<'a>) {
        let Hole { at, field, reading, raw } = hole;
        let (field, spelling) = match field {
            Some(field) => (field, self.fill(field, reading.cell, reading.spelling)),
            None => self.fill_identity(reading.cell, reading.spelling),
        };
        if at.is_some() {
            self.write(field, spelling, &raw);
        }
    }

    /// Sets the cell if it has no value; gives how the repeated value is to be written.
    fn fill(&mut self, field: FieldId, cell: Cell<'a>, spelling: Spelling) -> Spelling {
        let known = self.row.get(field);
        if known.is_null() {
            self.row.set(field, cell);
            spelling
        } else if *known == cell {
            spelling
        } else {
            Spelling::Kept
        }
    }

    /// The display name in an envelope is the user's or the service principal's.
    fn fill_identity(&mut self, cell: Cell<'a>, spelling: Spelling) -> (FieldId, Spelling) {
        let names = [FieldId::UserDisplayName, FieldId::ServicePrincipalName];
        for name in names {
            if *self.row.get(name) == cell {
                return (name, spelling);
            }
        }
        let filled = |field| matches!(self.row.get(field), Cell::Text(text) if !text.is_empty());
        let workload = filled(FieldId::ServicePrincipalId)
            && !filled(FieldId::UserId)
            && !filled(FieldId::UserPrincipalName);
        let name = names[usize::from(workload)];
        (name, self.fill(name, cell, spelling))
    }

    fn published(&self) -> Option<Timestamp> {
        self.row.get(FieldId::PublishedDateTime).as_time()
    }

    fn finish_sign_in(self, log: Log, record: &str) -> Result<(), Refusal> {
        let created = self.row.get(FieldId::CreatedDateTime).as_time();
        let Some(created) = created.or_else(|| self.published()) else {
            return Err((Some("createdDateTime"), "a sign-in without a time"));
        };
        self.row.set(FieldId::CreatedDateTime, Cell::Time(created));
        for pending in &self.pending {
            let text = pending.fill(Some(created), &mut self.row.extras);
            self.row.set(pending.field, Cell::Text(text.into()));
        }
        if self.row.get(FieldId::Id).is_null() {
            self.row.set(FieldId::Id, id_of(record)?);
        }
        self.row.set(FieldId::Shape, Cell::Text(self.shape.into()));
        self.row.log = log;
        Ok(())
    }

    /// Records of other logs are kept whole, with just enough to find them.
    fn finish_other(self, log: Log, layout: u8, record: &str) -> Result<(), Refusal> {
        let own = self.row.get(FieldId::CreatedDateTime).as_time();
        let time = self.activity.or(own).or_else(|| self.published()).or(self.other_time);
        let Some(created) = time else {
            let known = self.facts != 0 || !self.row.get(FieldId::Category).is_null();
            return Err(match known {
                true => (Some("time"), "a record without a time"),
                false => (None, "an object that is no log record: it has no time"),
            });
        };
        let whole = minify(record).map_err(|_| (None, "a value that cannot be kept"))?;
        let id = self.row.get(FieldId::Id).clone();
        // The state of a risky user carries the user's identifier, not one of its own.
        let own_id = self.facts & facts::RISKY_ENTITY == 0 && !id.is_null();
        let id = if own_id { id } else { hashed(&whole) };
        let tenant = self.row.get(FieldId::TenantId).clone();
        let category = match (self.row.get(FieldId::Category).clone(), log) {
            (category, _) if layout == TABLES.diagnostic => category,
            (_, Log::Audit) => Cell::text("AuditLogs"),
            (_, Log::Provisioning) => Cell::text("ProvisioningLogs"),
            (category, _) => category,
        };
        self.row.clear();
        self.row.set(FieldId::Id, id);
        self.row.set(FieldId::CreatedDateTime, Cell::Time(created));
        for (field, cell) in [(FieldId::TenantId, tenant), (FieldId::Category, category)] {
            if !cell.is_null() {
                self.row.set(field, cell);
            }
        }
        self.row.extras.push((None, whole));
        let mut shape = String::new();
        Mark::Extra(0).write(&mut shape);
        self.row.set(FieldId::Shape, Cell::Text(shape.into()));
        self.row.log = log;
        Ok(())
    }
}

/// An identifier for a record without one: the same for the same record, however it is spaced.
fn id_of(record: &str) -> Result<Cell<'static>, Refusal> {
    let text = minify(record).map_err(|_| (None, "a value that cannot be kept"))?;
    Ok(hashed(&text))
}

fn hashed(text: &str) -> Cell<'static> {
    Cell::Text(Id::hash(text.as_bytes()).to_string().into())
}
