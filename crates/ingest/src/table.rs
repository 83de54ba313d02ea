//! Which member of a record means what.
//!
//! Three tables, one for each way sign-in records are laid out: Graph objects (also the
//! `properties` of diagnostic records), diagnostic envelopes and Log Analytics rows. They are made
//! from the field catalogue; only what differs between the layouts is written here. A fourth is
//! made for each CSV file from its header. Names are found in any case (quirk 1).
//!
//! Each table knows the names of the others too: collectors flatten and mix layouts, and a member
//! under an unexpected name must not be lost to queries.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

use durward_model::field::{FIELDS, FieldId};

/// What to do with a member's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// It is the value of this field.
    Field(FieldId),
    /// It repeats this field: its value only where the field has none of its own.
    Weak(FieldId),
    /// It repeats the display name of the user or service principal.
    Identity,
    /// The same with every record of a source: kept as it stands.
    Constant,
    /// Like a constant, and names the tenant: `/tenants/{id}/providers/…`.
    ResourcePath,
    /// Like a constant, and names the Log Analytics table.
    TableName,
    /// Like a constant, and says `Sign-in activity` for all sign-ins.
    OperationName,
    /// The record proper inside an envelope.
    Properties,
    /// A list of records: the object around it is no record.
    Container,
    /// When something happened, in the records of other logs.
    ActivityTime,
    /// A place as one text: city, state, country.
    Place,
    /// The result as a word.
    StatusWord,
    /// Nothing that is known.
    Unknown,
}

/// What the presence of members says about a record; bits.
pub(crate) mod facts {
    /// It is an envelope around `properties`.
    pub(crate) const PROPERTIES: u16 = 1;
    /// It has a column that only Log Analytics has.
    pub(crate) const LOG_ANALYTICS: u16 = 2;
    /// It has an envelope's member.
    pub(crate) const ENVELOPE: u16 = 4;
    /// A known name starts with a capital.
    pub(crate) const PASCAL: u16 = 8;
    /// It has a member of directory audits.
    pub(crate) const AUDIT: u16 = 16;
    /// It has a member of provisioning records.
    pub(crate) const PROVISIONING: u16 = 32;
    /// It has a member of risk detections.
    pub(crate) const RISK: u16 = 64;
    /// It is the state of a risky user or workload, whose `id` is not the record's own.
    pub(crate) const RISKY_ENTITY: u16 = 128;
    /// It has a member that only sign-ins have.
    pub(crate) const SIGN_IN: u16 = 256;
}

/// The meaning of one name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    /// What to do with the value.
    pub(crate) action: Action,
    /// The table for its members, if it is an object (or a string with one in it).
    pub(crate) group: Option<u8>,
    /// Facts that follow from its presence.
    pub(crate) facts: u16,
}

/// The entry of names in no table.
pub(crate) const UNKNOWN: Entry = Entry { action: Action::Unknown, group: None, facts: 0 };

/// Names and their meanings; found in any case.
#[derive(Debug, Default)]
pub(crate) struct Node {
    /// Differs from that of every other table; zero for one without names.
    number: u32,
    entries: Vec<(Box<str>, Entry)>,
    /// Positions in `entries` plus one, by hash; zero where free.
    buckets: Vec<u16>,
}

impl Node {
    /// A table without names yet.
    pub(crate) fn new() -> Node {
        static NUMBERS: AtomicU32 = AtomicU32::new(1);
        Node { number: NUMBERS.fetch_add(1, Ordering::Relaxed), ..Node::default() }
    }

    /// The meaning of this name.
    #[inline]
    pub(crate) fn find(&self, name: &str) -> Entry {
        let Some(mask) = self.buckets.len().checked_sub(1) else { return UNKNOWN };
        let mut bucket = hash(name.as_bytes()) as usize & mask;
        // At least half of the buckets are free, so a free one is met.
        while let Some(position) = self.buckets[bucket].checked_sub(1) {
            let (known, entry) = &self.entries[usize::from(position)];
            if known.eq_ignore_ascii_case(name) {
                return *entry;
            }
            bucket = (bucket + 1) & mask;
        }
        UNKNOWN
    }

    /// Is the name known?
    pub(crate) fn contains(&self, name: &str) -> bool {
        self.entries.iter().any(|(known, _)| known.eq_ignore_ascii_case(name))
    }

    /// Adds a name unless it is there.
    pub(crate) fn add(&mut self, name: &str, entry: Entry) {
        if self.contains(name) || self.entries.len() >= usize::from(u16::MAX / 4) {
            return;
        }
        self.entries.push((name.into(), entry));
        self.buckets = vec![0; (self.entries.len() * 4).next_power_of_two()];
        let mask = self.buckets.len() - 1;
        for (position, (name, _)) in self.entries.iter().enumerate() {
            let mut bucket = hash(name.as_bytes()) as usize & mask;
            while self.buckets[bucket] != 0 {
                bucket = (bucket + 1) & mask;
            }
            self.buckets[bucket] = position as u16 + 1;
        }
    }

    fn act(&mut self, name: &str, action: Action) {
        self.add(name, Entry { action, group: None, facts: 0 });
    }

    fn fact(&mut self, name: &str, action: Action, facts: u16) {
        self.add(name, Entry { action, group: None, facts });
    }
}

/// The names of the last record in the order in which they came. Records of one source have the
/// same names in the same order, and comparing with the expected one is faster than finding it.
#[derive(Debug, Default)]
pub(crate) struct NameOrder {
    names: Vec<(u32, Box<str>, Entry)>,
    next: usize,
}

impl NameOrder {
    /// More names than this are looked up.
    const NAMES_MAX: usize = 1024;
    /// Longer names are looked up too: they are not remembered, which bounds the memory.
    const NAME_BYTES_MAX: usize = 128;

    /// Begins a record.
    pub(crate) fn restart(&mut self) {
        self.next = 0;
    }

    /// The meaning of the next name; as [`Node::find`].
    #[inline]
    pub(crate) fn find(&mut self, node: &Node, name: &str) -> Entry {
        // A member that this record does not have is stepped over.
        for at in [self.next, self.next + 1] {
            match self.names.get(at) {
                Some((number, known, entry)) if *number == node.number && **known == *name => {
                    self.next = at + 1;
                    return *entry;
                }
                Some(_) => {}
                None => break,
            }
        }
        let entry = node.find(name);
        if name.len() > Self::NAME_BYTES_MAX {
            self.next += 1;
            return entry;
        }
        let expected = (node.number, Box::from(name), entry);
        if let Some(wrong) = self.names.get_mut(self.next) {
            *wrong = expected;
        } else if self.next < Self::NAMES_MAX {
            self.names.push(expected);
        }
        self.next += 1;
        entry
    }
}

/// A hash that is the same for upper and lower case ASCII letters.
#[inline]
fn hash(bytes: &[u8]) -> u32 {
    const FOLD: u64 = 0x2020_2020_2020_2020;
    let mut sum = bytes.len() as u64;
    let mut mix = |word: u64| {
        sum = (sum.rotate_left(5) ^ (word | FOLD)).wrapping_mul(0x517c_c1b7_2722_0a95);
    };
    if let Some(last) = bytes.last_chunk::<8>() {
        for chunk in bytes.chunks_exact(8) {
            if let Some(chunk) = chunk.first_chunk::<8>() {
                mix(u64::from_le_bytes(*chunk));
            }
        }
        mix(u64::from_le_bytes(*last));
    } else {
        mix(bytes.iter().fold(0, |word, &byte| word << 8 | u64::from(byte)));
    }
    (sum >> 32) as u32
}

/// All tables.
#[derive(Debug)]
pub(crate) struct Tables {
    nodes: Vec<Node>,
    pub(crate) graph: u8,
    pub(crate) diagnostic: u8,
    pub(crate) log_analytics: u8,
}

/// The tables that do not depend on a file.
pub(crate) static TABLES: LazyLock<Tables> = LazyLock::new(Tables::new);

/// Fields that no source has under their own name: a member of that name is not theirs.
const OURS: [FieldId; 4] =
    [FieldId::PublishedDateTime, FieldId::ReceivedDateTime, FieldId::Shape, FieldId::MfaResult];

/// Members that tell a sign-in from other objects with users and times.
const SIGN_IN_NAMES: [FieldId; 9] = [
    FieldId::IsInteractive,
    FieldId::ConditionalAccessStatus,
    FieldId::SignInEventTypes,
    FieldId::ClientAppUsed,
    FieldId::AppliedConditionalAccessPolicies,
    FieldId::AuthenticationDetails,
    FieldId::AppDisplayName,
    FieldId::ResourceDisplayName,
    FieldId::IpAddress,
];

impl Tables {
    /// The table with this number.
    pub(crate) fn node(&self, number: u8) -> &Node {
        &self.nodes[usize::from(number)]
    }

    fn new() -> Tables {
        let mut tables = Tables { nodes: Vec::new(), graph: 0, diagnostic: 0, log_analytics: 0 };
        let groups = tables.groups();
        let graph = graph_table(&groups);
        let mut diagnostic = diagnostic_table(&groups);
        let mut log_analytics = log_analytics_table(&groups);
        for (name, entry) in &graph.entries {
            diagnostic.add(name, *entry);
            log_analytics.add(name, *entry);
        }
        tables.graph = tables.push(graph);
        tables.diagnostic = tables.push(diagnostic);
        tables.log_analytics = tables.push(log_analytics);
        tables
    }

    fn push(&mut self, node: Node) -> u8 {
        self.nodes.push(node);
        (self.nodes.len() - 1) as u8
    }

    /// A table for each object whose members are fields (`status`, `location`, …).
    fn groups(&mut self) -> Groups {
        let mut groups: Groups = Vec::new();
        for field in FIELDS {
            let Some((group, rest)) = field.name.split_once('/') else { continue };
            let number = match groups.iter().find(|(name, _)| *name == group) {
                Some((_, number)) => *number,
                None => {
                    let number = self.push(Node::new());
                    groups.push((group, number));
                    number
                }
            };
            let (inner, leaf) = match rest.split_once('/') {
                None => (number, rest),
                Some((inner, leaf)) => {
                    let known = self.nodes[usize::from(number)].find(inner).group;
                    let inner_number = known.unwrap_or_else(|| self.push(Node::new()));
                    let entry =
                        Entry { action: Action::Unknown, group: Some(inner_number), facts: 0 };
                    self.nodes[usize::from(number)].add(inner, entry);
                    (inner_number, leaf)
                }
            };
            self.nodes[usize::from(inner)].act(leaf, Action::Field(field.id));
        }
        groups
    }
}

type Groups = Vec<(&'static str, u8)>;

fn add_groups(node: &mut Node, groups: &Groups) {
    for (name, number) in groups {
        // `location` may also be a country code.
        let action = match *name {
            "location" => Action::Weak(FieldId::CountryOrRegion),
            _ => Action::Unknown,
        };
        node.add(name, Entry { action, group: Some(*number), facts: 0 });
    }
}

fn field_facts(field: FieldId) -> u16 {
    if SIGN_IN_NAMES.contains(&field) { facts::SIGN_IN } else { 0 }
}

/// Names that tell which log a record is of, in any layout.
fn add_telling_names(node: &mut Node) {
    use facts::{AUDIT, ENVELOPE, LOG_ANALYTICS, PROPERTIES, PROVISIONING, RISK, RISKY_ENTITY};
    node.fact("properties", Action::Properties, PROPERTIES);
    node.fact("time", Action::Field(FieldId::PublishedDateTime), ENVELOPE);
    node.fact("TimeGenerated", Action::Field(FieldId::PublishedDateTime), LOG_ANALYTICS);
    node.fact("TimeGenerated [UTC]", Action::Field(FieldId::PublishedDateTime), LOG_ANALYTICS);
    node.fact("AADTenantId", Action::Field(FieldId::TenantId), LOG_ANALYTICS);
    node.act("records", Action::Container);
    node.act("value", Action::Container);
    node.act("tables", Action::Container);
    node.fact("activityDateTime", Action::ActivityTime, 0);
    for name in ["activityDisplayName", "loggedByService", "targetResources", "resultReason"] {
        node.fact(name, Action::Unknown, AUDIT);
    }
    for name in ["provisioningAction", "provisioningSteps", "provisioningStatusInfo", "cycleId"] {
        node.fact(name, Action::Unknown, PROVISIONING);
    }
    for name in ["riskEventType", "riskType", "detectionTimingType", "detectedDateTime"] {
        node.fact(name, Action::Unknown, RISK);
    }
    for name in ["riskLastUpdatedDateTime", "riskLastModifiedDateTime"] {
        node.fact(name, Action::Unknown, RISKY_ENTITY);
    }
}

fn graph_table(groups: &Groups) -> Node {
    let mut node = Node::new();
    node.act("tenantId", Action::Weak(FieldId::TenantId));
    node.act("category", Action::Weak(FieldId::Category));
    for field in FIELDS {
        if !field.name.contains('/') && !OURS.contains(&field.id) {
            node.fact(field.name, Action::Field(field.id), field_facts(field.id));
        }
    }
    add_groups(&mut node, groups);
    node.act("operationName", Action::OperationName);
    add_telling_names(&mut node);
    node
}

fn add_constants(node: &mut Node) {
    for name in [
        "operationVersion",
        "level",
        "Resource",
        "ResourceGroup",
        "ResourceProvider",
        "SourceSystem",
        "_ResourceId",
        "_SubscriptionId",
        "_IsBillable",
    ] {
        node.act(name, Action::Constant);
    }
    node.act("operationName", Action::OperationName);
    node.act("resourceId", Action::ResourcePath);
    node.act("resultType", Action::Weak(FieldId::ErrorCode));
    node.act("resultDescription", Action::Weak(FieldId::FailureReason));
    node.act("identity", Action::Identity);
}

fn diagnostic_table(groups: &Groups) -> Node {
    let mut node = Node::new();
    add_constants(&mut node);
    node.act("category", Action::Field(FieldId::Category));
    node.act("tenantId", Action::Field(FieldId::TenantId));
    node.act("callerIpAddress", Action::Weak(FieldId::IpAddress));
    node.act("correlationId", Action::Weak(FieldId::CorrelationId));
    node.act("id", Action::Weak(FieldId::Id));
    node.act("createdDateTime", Action::Weak(FieldId::CreatedDateTime));
    add_groups(&mut node, groups);
    add_telling_names(&mut node);
    node
}

fn log_analytics_table(groups: &Groups) -> Node {
    let mut node = Node::new();
    add_constants(&mut node);
    // The workspace, not the tenant.
    node.act("TenantId", Action::Constant);
    node.act("Type", Action::TableName);
    node.act("Location", Action::Weak(FieldId::CountryOrRegion));
    node.act("ProcessingTimeInMs", Action::Field(FieldId::ProcessingTimeInMilliseconds));
    add_telling_names(&mut node);
    for field in FIELDS {
        let column = field.log_analytics;
        match column.split_once('/') {
            _ if column.is_empty() => {}
            None => node.fact(column, Action::Field(field.id), field_facts(field.id)),
            Some((column, _)) => {
                let group = field.name.split('/').next().unwrap_or_default();
                let number = groups.iter().find(|(name, _)| *name == group);
                let group = number.map(|(_, number)| *number);
                node.add(column, Entry { action: Action::Unknown, group, facts: 0 });
            }
        }
    }
    let policies = Action::Field(FieldId::AppliedConditionalAccessPolicies);
    node.act("AppliedConditionalAccessPolicies", policies);
    node
}

#[cfg(test)]
mod tests {
    use super::*;

    fn action(table: u8, name: &str) -> Action {
        TABLES.node(table).find(name).action
    }

    #[test]
    fn quirk_1_names_are_found_in_any_case() {
        let t = &*TABLES;
        for name in ["callerIpAddress", "calleripaddress", "CallerIpAddress", "CALLERIPADDRESS"] {
            assert_eq!(action(t.diagnostic, name), Action::Weak(FieldId::IpAddress), "{name}");
        }
        assert_eq!(action(t.graph, "RiskEventTypes_V2"), Action::Field(FieldId::RiskEventTypesV2));
        assert_eq!(
            action(t.graph, "riskLevelDuringsignIn"),
            Action::Field(FieldId::RiskLevelDuringSignIn)
        );
        assert_eq!(action(t.graph, "nothing"), Action::Unknown);
        assert_eq!(action(t.graph, ""), Action::Unknown);
    }

    #[test]
    fn quirk_1_log_analytics_renames_are_known() {
        let t = &*TABLES;
        for (column, field) in [
            ("ConditionalAccessPolicies", FieldId::AppliedConditionalAccessPolicies),
            ("ResourceIdentity", FieldId::ResourceId),
            ("IPAddress", FieldId::IpAddress),
            ("AADTenantId", FieldId::TenantId),
            ("ProcessingTimeInMs", FieldId::ProcessingTimeInMilliseconds),
        ] {
            assert_eq!(action(t.log_analytics, column), Action::Field(field), "{column}");
        }
        assert_eq!(action(t.log_analytics, "ResourceId"), Action::ResourcePath);
        assert_eq!(action(t.log_analytics, "TenantId"), Action::Constant);
        let group = |table, name| TABLES.node(table).find(name).group;
        assert_eq!(group(t.log_analytics, "LocationDetails"), group(t.graph, "location"));
        assert_eq!(group(t.log_analytics, "MfaDetail"), group(t.graph, "mfaDetail"));
        assert!(group(t.graph, "location").is_some());
    }

    #[test]
    fn every_field_of_a_source_can_be_found() {
        for field in FIELDS.iter().filter(|field| !OURS.contains(&field.id)) {
            let mut node = TABLES.graph;
            let mut found = UNKNOWN;
            for part in field.name.split('/') {
                found = TABLES.node(node).find(part);
                node = found.group.unwrap_or(node);
            }
            let weak = matches!(field.id, FieldId::TenantId | FieldId::Category);
            let wanted = if weak { Action::Weak(field.id) } else { Action::Field(field.id) };
            assert_eq!(found.action, wanted, "{}", field.name);
        }
    }
}
