//! The evaluation as tables.

use std::fmt::Write as _;

use durward_detect::detections;

use super::judge::{self, Judge, LEARNING_DAYS, Precision};
use super::{Cost, Setting};

/// How often what alerts is wrong: in the first days, after them, and altogether; for 1,000 users
/// a day.
fn false_alerts(setting: &Setting, judge: &Judge) -> [f64; 3] {
    let of_alerting = judge.precisions.iter().filter(|(detection, _)| judge::alerts(detection));
    let [mut first, mut after] = [0_u32; 2];
    for (_, precision) in of_alerting {
        first += precision.wrong[0];
        after += precision.wrong[1];
    }
    let learning = i64::from(setting.days).min(LEARNING_DAYS);
    let thousands = f64::from(setting.users) / 1000.0 * setting.seeds.len() as f64;
    let rate = |count: u32, days: i64| {
        if days == 0 { 0.0 } else { f64::from(count) / (thousands * days as f64) }
    };
    let rest = i64::from(setting.days) - learning;
    [rate(first, learning), rate(after, rest), rate(first + after, learning + rest)]
}

/// A share in hundredths.
fn share(part: u32, whole: u32) -> String {
    if whole == 0 {
        return "–".to_owned();
    }
    format!("{:.0} %", f64::from(part) * 100.0 / f64::from(whole))
}

/// As a section of a page.
pub(super) fn markdown(setting: &Setting, judge: &Judge, costs: &[Cost]) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = write_head(&mut out, setting, judge, costs);
    let _ = write_recall(&mut out, judge);
    let _ = write_precision(&mut out, judge);
    let _ = write_hops(&mut out, judge);
    let _ = write_samples(&mut out, judge);
    out
}

fn write_head(
    out: &mut String,
    setting: &Setting,
    judge: &Judge,
    costs: &[Cost],
) -> std::fmt::Result {
    let seeds: Vec<String> = setting.seeds.iter().map(ToString::to_string).collect();
    writeln!(
        out,
        "Generated tenants of {} people over {} days, seeds {}; records twice, changed and late \
         among them; default settings.\n",
        setting.users,
        setting.days,
        seeds.join(", "),
    )?;
    for cost in costs {
        writeln!(
            out,
            "* Seed {}: {} events, all detections in {:.1} s ({:.1} s of processor time, {:.2} µs an \
             event), {:.0} MB of memory at most.",
            cost.seed,
            cost.events,
            cost.history_seconds,
            cost.history_processor_seconds,
            cost.history_seconds * 1e6 / cost.events.max(1) as f64,
            cost.peak_memory_bytes as f64 / 1e6,
        )?;
    }
    let [first, after, all] = false_alerts(setting, judge);
    writeln!(
        out,
        "\nFalse alerts per 1,000 users a day, all detections: **{all:.2}** ({first:.2} in the \
         first {LEARNING_DAYS} days, {after:.2} after them).\n"
    )
}

fn write_recall(out: &mut String, judge: &Judge) -> std::fmt::Result {
    writeln!(
        out,
        "| attack | planted | found by a fitting detection | by any alert | by any finding |\n\
         |---|---:|---:|---:|---:|"
    )?;
    for (attack, recall) in &judge.recalls {
        let of = |part: u32| format!("{part} ({})", share(part, recall.labels));
        let name = serde_json::to_value(attack).unwrap_or_default();
        writeln!(
            out,
            "| {} | {} | {} | {} | {} |",
            name.as_str().unwrap_or_default(),
            recall.labels,
            of(recall.by_fitting),
            of(recall.by_alert),
            of(recall.by_any),
        )?;
    }
    writeln!(out)
}

/// Those with most false alerts first; those that found nothing last.
fn by_noise(judge: &Judge) -> Vec<(&'static str, Precision)> {
    let all = detections::all()
        .map(|about| (about.id, judge.precisions.get(about.id).cloned().unwrap_or_default()));
    let mut all: Vec<_> = all.collect();
    all.sort_by_key(|(id, one)| {
        let is_silent = one.right + one.wrong_all() + one.low_right + one.low_wrong == 0;
        (is_silent, std::cmp::Reverse(one.wrong_all()), *id)
    });
    all
}

fn write_precision(out: &mut String, judge: &Judge) -> std::fmt::Result {
    writeln!(
        out,
        "| detection | right | wrong | of them in the first {LEARNING_DAYS} days | precision | \
         low, right | low, wrong | alerts |\n|---|---:|---:|---:|---:|---:|---:|---|"
    )?;
    for (id, one) in by_noise(judge) {
        writeln!(
            out,
            "| {id} | {} | {} | {} | {} | {} | {} | {} |",
            one.right,
            one.wrong_all(),
            one.wrong[0],
            share(one.right, one.right + one.wrong_all()),
            one.low_right,
            one.low_wrong,
            if judge::alerts(id) { "yes" } else { "no" },
        )?;
    }
    writeln!(out)
}

fn write_hops(out: &mut String, judge: &Judge) -> std::fmt::Result {
    writeln!(
        out,
        "| detection | findings with a VPN hop | with a gateway hop | false alerts with a VPN \
         hop | with a gateway hop |\n|---|---:|---:|---:|---:|"
    )?;
    for (id, one) in by_noise(judge).iter().filter(|(_, one)| one.hops != [0, 0]) {
        let ([vpn, gateway], [vpn_alerts, gateway_alerts]) = (one.hops, one.hop_alerts);
        writeln!(out, "| {id} | {vpn} | {gateway} | {vpn_alerts} | {gateway_alerts} |")?;
    }
    writeln!(out)
}

fn write_samples(out: &mut String, judge: &Judge) -> std::fmt::Result {
    writeln!(out, "<!-- For tuning, not for the page.\n\nFalse alerts:")?;
    for (id, one) in by_noise(judge).iter().filter(|(_, one)| !one.samples.is_empty()) {
        writeln!(out, "\n{id}:")?;
        one.samples.iter().try_for_each(|sample| writeln!(out, "  * {sample}"))?;
    }
    writeln!(out, "\nAttacks without an alert of a fitting detection:\n")?;
    judge.missed.iter().try_for_each(|missed| writeln!(out, "  * {missed}"))?;
    writeln!(out, "-->")
}

/// The same for programs.
pub(super) fn json(setting: &Setting, judge: &Judge, costs: &[Cost]) -> serde_json::Value {
    let [first, after, all] = false_alerts(setting, judge);
    let recall = judge
        .recalls
        .iter()
        .map(|(attack, recall)| serde_json::json!({ "attack": attack, "counts": recall }));
    serde_json::json!({
        "users": setting.users,
        "days": setting.days,
        "seeds": setting.seeds,
        "costs": costs,
        "falseAlertsPer1000UsersDay": { "learning": first, "after": after, "all": all },
        "recall": recall.collect::<Vec<_>>(),
        "precision": judge.precisions,
        "missed": judge.missed,
    })
}
