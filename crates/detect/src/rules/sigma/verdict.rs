//! Which rules can never match, whatever the log holds, and why.

use std::collections::{BTreeSet, HashMap as StdMap};

use durward_model::Log;
use hashbrown::HashMap;
use rsigma_parser::{
    ConditionExpr, Detection, DetectionItem, Modifier, Quantifier, SigmaRule, SigmaValue,
};

use super::Verdict;
use super::names::Name;

/// What a test can turn out to be.
#[derive(Clone, Copy, PartialEq)]
enum Can {
    Hold,
    NotHold,
    Either,
}

impl Can {
    fn not(self) -> Can {
        match self {
            Can::Hold => Can::NotHold,
            Can::NotHold => Can::Hold,
            Can::Either => Can::Either,
        }
    }

    fn all(these: impl Iterator<Item = Can>) -> Can {
        these.fold(Can::Hold, |so_far, one| match (so_far, one) {
            (Can::NotHold, _) | (_, Can::NotHold) => Can::NotHold,
            (Can::Hold, one) => one,
            _ => Can::Either,
        })
    }

    fn any(these: impl Iterator<Item = Can>) -> Can {
        Can::all(these.map(Can::not)).not()
    }
}

pub(super) fn of_rule(rule: &SigmaRule, names: &HashMap<String, Name>, log: Log) -> Verdict {
    let service = rule.logsource.service.as_deref().unwrap_or_default();
    if service.eq_ignore_ascii_case("pim") {
        let reason = "alerts of Privileged Identity Management are in no log that is kept here";
        return Verdict::CannotFire(reason.to_owned());
    }
    let conditions = rule.detection.conditions.iter();
    let can = Can::any(conditions.map(|one| of_condition(one, &rule.detection.named, names)));
    if can != Can::NotHold {
        return Verdict::CanFire;
    }
    let unknown: BTreeSet<&str> = names
        .iter()
        .filter(|(_, name)| name.is_unknown())
        .map(|(written, _)| written.as_str())
        .collect();
    let unknown: Vec<&str> = unknown.into_iter().collect();
    let log = match log {
        Log::Audit => "audit log",
        Log::Risk => "risk log",
        _ => "sign-in log",
    };
    let fields = if unknown.len() == 1 { "field" } else { "fields" };
    Verdict::CannotFire(format!("the {log} has no {fields} {}", unknown.join(", ")))
}

fn of_condition(
    condition: &ConditionExpr,
    named: &StdMap<String, Detection>,
    names: &HashMap<String, Name>,
) -> Can {
    let of = |condition| of_condition(condition, named, names);
    match condition {
        ConditionExpr::And(these) => Can::all(these.iter().map(of)),
        ConditionExpr::Or(these) => Can::any(these.iter().map(of)),
        ConditionExpr::Not(inner) => of(inner).not(),
        ConditionExpr::Identifier(name) => {
            named.get(name).map_or(Can::Either, |detection| of_detection(detection, names))
        }
        ConditionExpr::Selector { quantifier, pattern } => {
            let chosen = named.iter().filter(|(name, _)| pattern.matches_detection_name(name));
            let these = chosen.map(|(_, detection)| of_detection(detection, names));
            match quantifier {
                Quantifier::All => Can::all(these),
                Quantifier::Any => Can::any(these),
                Quantifier::Count(_) => Can::Either,
            }
        }
    }
}

fn of_detection(detection: &Detection, names: &HashMap<String, Name>) -> Can {
    match detection {
        Detection::AllOf(items) => Can::all(items.iter().map(|item| of_item(item, names))),
        Detection::And(these) => Can::all(these.iter().map(|one| of_detection(one, names))),
        Detection::AnyOf(these) => Can::any(these.iter().map(|one| of_detection(one, names))),
        _ => Can::Either,
    }
}

fn of_item(item: &DetectionItem, names: &HashMap<String, Name>) -> Can {
    let Some(name) = item.field.name.as_ref().and_then(|name| names.get(name)) else {
        return Can::Either;
    };
    if !name.is_unknown() {
        return Can::Either;
    }
    let odd = [Modifier::Exists, Modifier::Neq, Modifier::FieldRef];
    if odd.iter().any(|modifier| item.field.has_modifier(*modifier)) {
        return Can::Either;
    }
    // What is in no record is empty in every record.
    let empty = |value: &SigmaValue| *value == SigmaValue::Null;
    let holds = match item.field.has_modifier(Modifier::All) {
        true => item.values.iter().all(empty),
        false => item.values.iter().any(empty),
    };
    if holds { Can::Hold } else { Can::NotHold }
}
