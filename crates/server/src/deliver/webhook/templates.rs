//! Messages as receivers want them. Everything told is plain text in each of them: no markup of a
//! record's becomes a link or a mention.

use durward_detect::Level;
use durward_model::Timestamp;
use serde_json::{Value, json};

use super::super::config::Template;
use super::super::message::{Kind, Listed, Message, Told, cut};

/// Limits of Slack: a header, a text, fields of a section.
const HEADER_MAX: usize = 150;
const SECTION_MAX: usize = 2900;
const FIELDS_MAX: usize = 10;

/// The body of a request.
pub(super) fn body(template: Template, message: &Message) -> Value {
    match template {
        Template::Slack => slack(message),
        Template::Teams => teams(message),
        Template::Generic => generic(message),
    }
}

fn slack(message: &Message) -> Value {
    let text = |text: &str, most| json!({ "type": "plain_text", "text": cut(text, most - 1) });
    let mut blocks =
        vec![json!({ "type": "header", "text": text(&message.headline(), HEADER_MAX) })];
    let facts = message.facts();
    let fields: Vec<Value> = facts
        .iter()
        .take(FIELDS_MAX)
        .map(|(label, value)| text(&format!("{label}: {value}"), 2000))
        .collect();
    if !fields.is_empty() {
        blocks.push(json!({ "type": "section", "fields": fields }));
    }
    for section in sections(message) {
        blocks.push(json!({ "type": "section", "text": text(&section, SECTION_MAX) }));
    }
    if let Some(link) = &message.link {
        let button = json!({ "type": "button", "text": text("Open in durward", 75), "url": link });
        blocks.push(json!({ "type": "actions", "elements": [button] }));
    }
    // What notifications show; Slack reads markup in it, which these letters begin.
    let plain = message.headline().replace('&', "&amp;").replace('<', "&lt;");
    json!({ "text": plain.replace('>', "&gt;"), "blocks": blocks })
}

/// An adaptive card as webhooks of workflows take it. Rich text blocks read no markup.
fn teams(message: &Message) -> Value {
    let run = |text: &str| json!({ "type": "TextRun", "text": cut(text, SECTION_MAX) });
    let block = |inlines: Vec<Value>| json!({ "type": "RichTextBlock", "inlines": inlines });
    let mut headline = run(&message.headline());
    headline["size"] = json!("Large");
    headline["weight"] = json!("Bolder");
    headline["color"] = json!(match message.severity {
        Some(Level::High) => "Attention",
        Some(Level::Medium) => "Warning",
        _ => "Default",
    });
    let mut body = vec![block(vec![headline])];
    for (label, value) in message.facts() {
        let mut name = run(&format!("{label}: "));
        name["weight"] = json!("Bolder");
        body.push(block(vec![name, run(&value)]));
    }
    for section in sections(message) {
        body.extend(section.lines().map(|line| block(vec![run(line)])));
    }
    let mut card = json!({
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": { "width": "Full" },
        "body": body,
    });
    if let Some(link) = &message.link {
        let open = json!({ "type": "Action.OpenUrl", "title": "Open in durward", "url": link });
        card["actions"] = json!([open]);
    }
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": card,
        }],
    })
}

/// A text for each finding, or for the alerts of a summary.
fn sections(message: &Message) -> Vec<String> {
    let finding = |told: &Told| {
        let mut text = format!("{} ({})\n{}", told.title, told.level.name(), told.sentence);
        for (label, value) in &told.facts {
            text.push_str(&format!("\n{label}: {value}"));
        }
        for against in &told.against {
            text.push_str(&format!("\nAgainst it: {against}"));
        }
        text
    };
    let mut sections: Vec<String> = message.findings.iter().map(finding).collect();
    let listed = |alert: &Listed| {
        format!("#{} {}: {}", alert.number, alert.severity.name(), cut(&alert.title, 120))
    };
    if message.kind == Kind::Digest {
        let lines: Vec<String> = message.alerts.iter().map(listed).collect();
        sections.push(lines.join("\n"));
        let more = message.count.saturating_sub(message.alerts.len() as u64);
        if more > 0 {
            sections.push(format!("and {more} more"));
        }
    }
    sections
}

/// durward's own JSON; docs/alerts.md describes it.
fn generic(message: &Message) -> Value {
    let finding = |told: &Told| {
        let facts: Vec<Value> = told
            .facts
            .iter()
            .map(|(label, value)| json!({ "label": label, "value": value }))
            .collect();
        json!({
            "detection": told.detection,
            "title": told.title,
            "severity": told.level.name(),
            "sentence": told.sentence,
            "techniques": told.techniques,
            "facts": facts,
            "against": told.against,
        })
    };
    let listed = |alert: &Listed| {
        json!({
            "number": alert.number,
            "severity": alert.severity.name(),
            "title": alert.title,
            "url": alert.link,
        })
    };
    let mut body = json!({
        "type": message.kind.name(),
        "id": message.id.to_string(),
        "title": message.title,
        "severity": message.severity.map(Level::name),
        "url": message.link,
    });
    match message.kind {
        Kind::Test => {}
        Kind::Digest => {
            body["count"] = json!(message.count);
            body["alerts"] = message.alerts.iter().map(listed).collect();
        }
        Kind::Opened | Kind::Raised => {
            let [kind, id, name] = message.subject.clone().unwrap_or_default();
            body["alert"] = json!({
                "number": message.alert,
                "tenantId": message.tenant,
                "subject": { "type": kind, "id": id, "name": name },
                "ipAddress": message.address,
                "location": message.place,
                "firstDateTime": message.first.map(Timestamp::to_rfc3339),
                "lastDateTime": message.last.map(Timestamp::to_rfc3339),
                "signIns": message.sign_ins,
                "findings": message.findings.iter().map(finding).collect::<Vec<_>>(),
            });
        }
    }
    body
}
