//! The explorer's list: blocks of rows, orders, columns, groups, values.

use serde_json::{Value, json};

use crate::client::{self, Answer};
use crate::fixture::{
    INTERACTIVE, NON_INTERACTIVE, SERVICE_PRINCIPAL, Server, id, interactive, record, time,
};
use crate::page::page;

/// What is between two texts, every time.
fn all<'a>(text: &'a str, before: &str, after: &str) -> Vec<&'a str> {
    text.split(before).skip(1).filter_map(|rest| rest.split(after).next()).collect()
}

fn ids(text: &str) -> Vec<String> {
    all(text, "data-id=\"", "\"").into_iter().map(str::to_owned).collect()
}

/// The address that a script fetches blocks from.
fn blocks(text: &str) -> String {
    all(text, "id=\"rows\" tabindex=\"-1\" data-href=\"", "\"")[0].replace("&amp;", "&")
}

fn block(server: &Server, href: &str, more: &str) -> String {
    let answer = server.get(&format!("{href}{more}"));
    assert_eq!(answer.status, 200, "{href}{more}: {}", answer.text());
    let text = answer.text().to_owned();
    assert!(text.starts_with("<tbody") && !text.contains(" style="), "{text}");
    text
}

/// As the script asks, which gets parts of pages.
fn part(server: &Server, target: &str) -> Answer {
    client::request(server.address, "GET", target, &[("HX-Request", "true")], &[])
}

/// The values of a column, by its place after the box that selects.
fn column(text: &str, number: usize) -> Vec<String> {
    let rows = all(text, "<tr class=\"row", "</tr>").into_iter();
    let cell = |row: &str| {
        let cell = row.split("<td").nth(number + 2).unwrap();
        let cell = cell.split("<span class=\"why\"").next().unwrap();
        let text = cell.split_once('>').unwrap().1;
        let mut out = String::new();
        let mut inside = false;
        for c in text.chars() {
            match c {
                '<' => inside = true,
                '>' => inside = false,
                c if !inside => out.push(c),
                _ => {}
            }
        }
        out.trim().to_owned()
    };
    rows.map(cell).collect()
}

#[test]
fn blocks_are_the_whole_list_without_a_row_twice() {
    let server = Server::start();
    server.push(&interactive(0..730));
    let first = page(&server, "/signins?type=i&t=all", 200);
    assert!(first.contains("aria-rowcount=\"731\"") && first.contains("data-total=\"730\""));
    let href = blocks(&first);
    let mut found = ids(&first);
    assert_eq!(found.len(), 100);
    for at in (100..730).step_by(100) {
        let text = block(&server, &href, &format!("&at={at}"));
        assert!(text.contains(&format!("aria-rowindex=\"{}\"", at + 2)), "{text}");
        found.extend(ids(&text));
    }
    assert_eq!(found, (0..730).rev().map(id).collect::<Vec<_>>());
    assert_eq!(ids(&block(&server, &href, "&at=730")).len(), 0, "beyond the end is nothing");
    assert_eq!(ids(&block(&server, &href, "&at=33"))[0], id(730 - 1 - 33), "any row can be first");
}

#[test]
fn what_is_received_later_moves_no_row() {
    let server = Server::start();
    server.push(&interactive(0..300));
    let href = blocks(&page(&server, "/signins?type=i&t=all", 200));
    assert!(href.contains("asof="), "{href}");
    let before = ids(&block(&server, &href, "&at=100"));
    server.push(&interactive(300..350));
    assert_eq!(ids(&block(&server, &href, "&at=100")), before);
    assert_eq!(ids(&page(&server, "/signins?type=i&t=all&at=150", 200)), before, "50 rows further");
}

#[test]
fn pages_without_script_are_of_one_moment() {
    let server = Server::start();
    server.push(&interactive(0..250));
    let next = |text: &str, rel: &str| {
        all(text, &format!("rel=\"{rel}\" href=\""), "\"").first().map(|h| h.replace("&amp;", "&"))
    };
    let first = page(&server, "/signins?type=i&t=all", 200);
    assert!(next(&first, "prev").is_none() && next(&first, "first").is_none());
    let second = page(&server, &next(&first, "next").unwrap(), 200);
    server.push(&interactive(250..260));
    let third = page(&server, &next(&second, "next").unwrap(), 200);
    assert_eq!(ids(&third), (0..50).rev().map(id).collect::<Vec<_>>());
    assert!(next(&third, "next").is_none() && next(&third, "last").is_none());
    let back = page(&server, &next(&third, "prev").unwrap(), 200);
    assert_eq!(ids(&back), ids(&second));
    assert_eq!(ids(&page(&server, &next(&first, "last").unwrap(), 200)), ids(&third));
    assert_eq!(ids(&page(&server, &next(&third, "first").unwrap(), 200))[0], id(259));
}

#[test]
fn headings_sort_by_every_column_that_has_an_order() {
    let server = Server::start();
    server.push(&interactive(0..120));
    let text = page(&server, "/signins?type=i&t=all&cols=date,ip,app,status,code", 200);
    assert_eq!(text.matches("aria-sort=\"descending\"").count(), 1, "the newest first");
    for (sort, number) in [("ip", 1), ("app", 2), ("status", 3), ("code", 4)] {
        for (sign, is_down) in [("", false), ("-", true)] {
            let target =
                format!("/signins?type=i&t=all&cols=date,ip,app,status,code&sort={sign}{sort}");
            let text = page(&server, &target, 200);
            let mut values = column(&text, number);
            for value in &mut values {
                // After the icon of a status.
                *value = value.rsplit(' ').next().unwrap().to_owned();
            }
            let mut sorted = values.clone();
            sorted.sort();
            if is_down {
                sorted.reverse();
            }
            assert_eq!(values, sorted, "{target}");
            let order = if is_down { "descending" } else { "ascending" };
            assert!(text.contains(&format!("aria-sort=\"{order}\"")), "{target}");
            let rest = block(&server, &blocks(&text), "&at=100");
            assert_eq!(ids(&rest).len(), 20, "{target}");
            assert!(ids(&rest).iter().all(|id| !ids(&text).contains(id)), "{target}");
        }
    }
    let oldest = page(&server, "/signins?type=i&t=all&sort=date", 200);
    assert_eq!(ids(&oldest)[0], id(0));
    let target = "/signins?type=i&t=all&sort=authenticationDetails";
    let refused = page(&server, target, 200);
    assert!(refused.contains("cannot be sorted by") && refused.contains("List by date"));
    assert_eq!(server.error(&target.replace("/signins?", "/signins/rows?")).0, 400);
}

#[test]
fn every_column_of_the_catalogue_can_be_shown_on_every_tab() {
    let server = Server::start();
    server.push(&interactive(0..3));
    server.push(&[record(10, 0, NON_INTERACTIVE), record(11, 0, SERVICE_PRINCIPAL)]);
    for column in durward_model::columns::all() {
        for tab in ["i", "all"] {
            let target = format!("/signins?type={tab}&t=all&cols={}", column.name);
            let text = page(&server, &target, 200);
            assert!(text.contains(&format!("data-column=\"{}\"", column.name)), "{target}");
            assert!(text.contains("class=\"open\""), "the event can be opened: {target}");
        }
    }
    let text = page(&server, "/signins?type=i&t=all&cols=date,authenticationDetails", 200);
    assert!(text.contains("Password"), "of several values the first");
}

#[test]
fn rows_say_what_is_unusual() {
    let server = Server::start();
    let mut flagged = record(2, 0, INTERACTIVE);
    flagged["properties"]["flaggedForReview"] = true.into();
    flagged["properties"]["clientAppUsed"] = "IMAP4".into();
    flagged["properties"]["authenticationProcessingDetails"] =
        json!([{ "key": "Is CAE Token", "value": "True" }]);
    let mut late = record(4, -9000, INTERACTIVE);
    late["time"] = time(-1000).into();
    late["properties"]["crossTenantAccessType"] = "none".into();
    server.push(&[flagged, late]);
    let text = page(&server, "/signins?type=i&t=all", 200);
    let rows = all(&text, "<tr class=\"row", "</tr>");
    for (row, words, others) in [
        (
            rows[0],
            &["failure has-why", "Flagged for review", "Continuous access", "Cross-tenant"][..],
            &["Arrived more than"][..],
        ),
        (rows[1], &["Arrived more than an hour"], &["Flagged for review", "Cross-tenant"]),
    ] {
        for word in words {
            assert!(row.contains(word), "{word} in {row}");
        }
        for word in others {
            assert!(!row.contains(word), "no {word} in {row}");
        }
    }
    assert!(rows[0].contains("↳ 50126 · ") && rows[0].contains("Legacy: IMAP4"), "{}", rows[0]);
    assert!(text.contains("data-column=\"homeTenantId\""), "one is about another tenant");
    let inside = page(&server, &format!("/signins?type=i&t=all&f=id={}", id(4)), 200);
    assert!(!inside.contains("data-column=\"homeTenantId\""), "none is");
    assert!(
        page(&server, "/signins?type=i&t=all&cols=homeTenantId&f=code:0", 200)
            .contains("data-column=\"homeTenantId\""),
        "chosen columns are shown"
    );
}

/// Silent sign-ins of the same kind, a minute apart.
fn repeating(numbers: std::ops::Range<u32>) -> Vec<Value> {
    let silent = |number: u32| {
        let mut one = record(number, i64::from(number) * 60, NON_INTERACTIVE);
        let properties = &mut one["properties"];
        for (name, value) in [("ipAddress", "203.0.113.1".to_owned()), ("userId", id(9001))] {
            properties[name] = value.into();
        }
        properties["appId"] = id(7000).into();
        properties["status"] = json!({ "errorCode": 0 });
        one["resultType"] = "0".into();
        one
    };
    numbers.map(silent).collect()
}

#[test]
fn groups_expand_to_their_members() {
    let server = Server::start();
    server.push(&repeating(0..90));
    server.push(&interactive(900..901));
    server.push(&[record(500, 7200, NON_INTERACTIVE)]);
    let text = page(&server, "/signins?type=n&t=all&group=1h", 200);
    assert_eq!(column(&text, 8), ["1", "30", "60"], "newest window first");
    assert!(text.contains("aria-rowcount=\"-1\"") && text.contains("class=\"rhythm\""));
    let expand = |text: &str| all(text, "class=\"expand\" href=\"", "\"")[0].replace("&amp;", "&");
    let href = expand(&text);
    let members = part(&server, &href);
    assert_eq!(members.status, 200);
    assert_eq!(ids(members.text()), (60..90).rev().map(id).collect::<Vec<_>>());
    assert!(members.text().starts_with("<tbody"));
    let whole = page(&server, &href, 200);
    assert_eq!(ids(&whole).len(), 30, "the link is a page without script");
    let counted = page(&server, "/signins?type=n&t=all&group=1h&sort=-count", 200);
    assert_eq!(column(&counted, 8), ["60", "30", "1"]);
    for (tab, reason) in [("i", "Interactive sign-ins are not aggregated"), ("all", "choose a tab")]
    {
        let text = page(&server, &format!("/signins?type={tab}&t=all"), 200);
        assert!(text.contains(reason) && !text.contains("Time aggregate"), "{tab}");
    }
    assert_eq!(server.error("/signins/members?type=n&t=all&key=nonsense").0, 400);
}

#[test]
fn pages_of_groups_lead_on() {
    let server = Server::start();
    let other = |number: u32| {
        let mut one = record(number, i64::from(number % 50), NON_INTERACTIVE);
        one["properties"]["userId"] = id(20_000 + number).into();
        one
    };
    server.push(&(0..230).map(other).collect::<Vec<_>>());
    let first = page(&server, "/signins?type=n&t=all&group=24h", 200);
    let href = blocks(&first);
    let mut found = ids(&first);
    let mut next = all(&first, "data-next=\"", "\"")[0].to_owned();
    for at in [100, 200] {
        let text = block(&server, &href, &format!("&at={at}&after={next}"));
        assert!(text.contains(&format!("aria-rowindex=\"{}\"", at + 2)));
        found.extend(ids(&text));
        next = all(&text, "data-next=\"", "\"").first().copied().unwrap_or_default().to_owned();
    }
    assert!(next.is_empty());
    found.sort();
    found.dedup();
    assert_eq!(found.len(), 230, "every group once");
    let older = all(&first, "rel=\"next\" href=\"", "\"")[0].replace("&amp;", "&");
    assert_eq!(ids(&page(&server, &older, 200)).len(), 100);
}

#[test]
fn values_have_the_counts_that_their_lists_have() {
    let server = Server::start();
    server.push(&interactive(0..200));
    for by in ["app", "status", "ip", "country", "code", "user", "date", "riskState", "browser"] {
        let by = if by == "browser" { "deviceDetail/browser" } else { by };
        let text = page(&server, &format!("/signins?type=i&t=all&by={by}"), 200);
        let lines: Vec<&str> = text.split("<tr class=\"row line\"").skip(1).collect();
        assert!(!lines.is_empty(), "{by}");
        let mut sum = 0;
        for line in lines {
            let count: u64 = all(line, "<b>", "</b>")[0].replace(',', "").parse().unwrap();
            let href = all(line, "href=\"", "\"")[1].replace("&amp;", "&");
            let list = page(&server, &href, 200);
            assert_eq!(all(&list, "data-total=\"", "\"")[0], count.to_string(), "{by}: {href}");
            let inner = part(&server, &all(line, "href=\"", "\"")[0].replace("&amp;", "&"));
            assert_eq!(ids(inner.text()).len() as u64, count.min(20), "{by}");
            assert!(line.contains("class=\"spark\""), "{by}");
            sum += count;
        }
        assert_eq!(sum, 200, "{by}");
    }
    let refused = page(&server, "/signins?type=i&t=all&by=correlationId", 200);
    assert!(refused.contains("cannot be grouped by"));
}

#[test]
fn columns_are_chosen_without_script() {
    let server = Server::start();
    server.push(&interactive(0..3));
    let form = page(&server, "/signins/columns?type=i&t=7d&q=user:user1", 200);
    assert_eq!(form.matches(" checked").count(), 12, "those of the tab");
    let names = durward_model::columns::all().len();
    assert_eq!(form.matches("name=\"choose\"").count(), names, "all can be chosen");
    let chosen = "choose=createdDateTime&choose=ipAddress&choose=appDisplayName";
    let moved =
        page(&server, &format!("/signins/columns?type=i&t=7d&{chosen}&down=ipAddress"), 200);
    let order = all(&moved, "<li data-name=\"", "\"");
    assert_eq!(order[..3], ["createdDateTime", "appDisplayName", "ipAddress"]);
    let applied = server.get(&format!("/signins/columns?type=i&t=7d&{chosen}&pin=1&apply=1"));
    assert_eq!(applied.status, 303);
    assert_eq!(applied.header("location"), Some("/signins?type=i&t=7d&cols=date%2Cip%2Capp&pin=1"));
    let text = page(&server, "/signins?type=i&t=all&cols=date%2Cip%2Capp&pin=1", 200);
    assert_eq!(
        all(&text, "data-column=\"", "\""),
        ["createdDateTime", "ipAddress", "appDisplayName"]
    );
    assert!(text.contains("pinned p1") && !text.contains("p2"));
    assert_eq!(server.error("/signins/columns?choose=nonsense").0, 400);
}

#[test]
fn a_value_says_what_can_be_done_with_it() {
    let server = Server::start();
    server.push(&interactive(0..9));
    let target = |column: &str| {
        format!("/signins/cell?type=i&t=all&f=code:0&id={}&column={column}&with={}", id(4), id(5))
    };
    let menu = part(&server, &target("ipAddress")).text().to_owned();
    for part in [
        "f=code:0%2CipAddress%3D203.0.113.4\" data-act=\"for\"",
        "f=code:0%2CipAddress%21%3D203.0.113.4\" data-act=\"out\"",
        "data-copy=\"203.0.113.4\"",
        "href=\"/ips/203.0.113.4\"",
        "Same IP address, all users",
        "Around this event",
    ] {
        assert!(menu.contains(part), "{part} in {menu}");
    }
    assert!(menu.contains(&format!("/compare?a={}&amp;b={}", id(5), id(4))), "{menu}");
    for column in durward_model::columns::all() {
        let text = page(&server, &target(column.name), 200);
        for act in ["for", "out"] {
            let link = text.split(&format!("\" data-act=\"{act}\"")).next().unwrap();
            if link.len() == text.len() {
                continue;
            }
            let href = link.rsplit("href=\"").next().unwrap().replace("&amp;", "&");
            let list = page(&server, &href.replace("f=code:0%2C", "f="), 200);
            let is_in = list.contains(&format!("data-id=\"{}\"", id(4)));
            assert_eq!(is_in, act == "for", "{}: {act} {href}", column.name);
        }
    }
    assert_eq!(server.error(&format!("/signins/cell?id={}&column=ip", id(4000))).0, 404);
}
