//! The filter bar, its dialogs and the panel of fields.

use durward_model::Timestamp;
use serde_json::Value;

use crate::client::{self, Answer};
use crate::fixture::{INTERACTIVE, SERVICE_PRINCIPAL, Server, record};

/// Records of the last minutes: see [`record`] for what their numbers say.
fn recent(numbers: std::ops::Range<u32>, category: &str) -> Vec<Value> {
    let now = Timestamp::now();
    let at = |number: u32| {
        let micros = now.micros - i64::from(number % 1000) * 1_000_000;
        let mut record = record(number, 0, category);
        record["properties"]["createdDateTime"] =
            Timestamp::from_micros(micros).to_rfc3339().into();
        record
    };
    numbers.map(at).collect()
}

/// 40 interactive sign-ins, 10 failed and 10 interrupted, and 8 of a service principal.
fn server() -> Server {
    let server = Server::start();
    server.push(&recent(0..40, INTERACTIVE));
    server.push(&recent(1000..1008, SERVICE_PRINCIPAL));
    server
}

fn ask(server: &Server, target: &str, headers: &[(&str, &str)]) -> Answer {
    let mut all = vec![("Accept", "text/html")];
    all.extend(headers);
    client::request(server.address, "GET", target, &all, &[])
}

/// A whole page; nothing in it that the policy forbids.
fn page(server: &Server, target: &str, status: u16) -> String {
    let answer = ask(server, target, &[]);
    assert_eq!(answer.status, status, "{target}: {}", answer.text());
    let text = answer.text().to_owned();
    assert!(text.starts_with("<!DOCTYPE html>"), "{target}");
    for inline in ["<style", " style=", " onclick=", "javascript:", "hx-on"] {
        assert!(!text.contains(inline), "{inline} in {target}");
    }
    text
}

/// What a script gets.
fn part(server: &Server, target: &str) -> String {
    let answer = ask(server, target, &[("HX-Request", "true")]);
    assert_eq!(answer.status, 200, "{target}: {}", answer.text());
    assert!(!answer.text().contains("<html"), "{target}");
    answer.text().to_owned()
}

/// Where a redirect leads.
fn leads_to(server: &Server, target: &str) -> String {
    let answer = ask(server, target, &[]);
    assert_eq!(answer.status, 303, "{target}: {}", answer.text());
    answer.header("location").unwrap().to_owned()
}

/// Text without its tags.
fn plain(html: &str) -> String {
    let mut text = String::new();
    let mut inside = false;
    for letter in html.chars() {
        match letter {
            '<' => inside = true,
            '>' => inside = false,
            letter if !inside => text.push(letter),
            _ => {}
        }
    }
    text
}

/// The links of a text, decoded.
fn hrefs(html: &str) -> Vec<String> {
    let hrefs = html.split("href=\"").skip(1);
    hrefs.map(|rest| rest.split('"').next().unwrap().replace("&amp;", "&")).collect()
}

fn total(server: &Server, target: &str) -> String {
    let text = page(server, target, 200);
    text.split("data-total=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

#[test]
fn pills_say_what_they_ask_and_can_be_removed() {
    let server = server();
    let text = page(&server, "/signins?f=status%3Dfailure,interrupted,-ip:203.0.113.0/31", 200);
    let words = plain(&text);
    assert!(words.contains("Status is Failure, Interrupted"), "{words}");
    assert!(words.contains("IP address not in 203.0.113.0/31"));
    let links = hrefs(&text);
    assert!(links.contains(&"/signins?type=i&t=24h&f=-ip:203.0.113.0%2F31".to_owned()));
    let off = links.iter().find(|href| href.contains("f=~status") || href.contains("f=%7Estatus"));
    let off = off.expect("a way to turn it off");
    assert_eq!(total(&server, "/signins?f=status%3Dfailure,interrupted"), "20");
    assert_eq!(total(&server, "/signins?f=~status%3Dfailure,interrupted"), "40");
    let text = page(&server, off, 200);
    assert!(text.contains("aria-checked=\"false\""), "it is shown as turned off");
    assert!(hrefs(&text).iter().any(|href| href == "/signins?type=i&t=24h"), "reset");
}

#[test]
fn terms_of_free_text_become_pills() {
    let server = server();
    let text = page(&server, "/signins?q=App+status:failure+-code:50053&t=7d", 200);
    let href = "/signins?type=i&amp;t=7d&amp;q=App&amp;f=status:failure%2C-code:50053";
    assert!(text.contains(&format!("data-href=\"{href}\"")), "what the address becomes");
    assert!(text.contains("name=\"q\" value=\"App\""));
    let text = part(&server, "/signins?q=status:failure");
    assert!(text.contains("data-href=\"/signins?type=i&amp;t=24h&amp;f=status:failure\""));
    assert!(plain(&text).contains("Status is Failure"));
    page(&server, "/signins?q=App", 200);
    let wrong = page(&server, "/signins?q=code:abc", 400);
    assert!(wrong.contains("aria-invalid=\"true\"") && wrong.contains("not a whole number"));
}

#[test]
fn a_pill_that_is_wrong_says_why_in_its_place() {
    let server = server();
    let text = page(&server, "/signins?f=status%3Dfailure,nothing%3Dx", 400);
    let clause = text.split("<li class=\"clause invalid\"").nth(1).expect("marked");
    assert!(clause.contains("data-pill=\"1\"") && clause.contains("there is no field 'nothing'"));
}

#[test]
fn a_pill_that_a_log_lacks_is_struck_through_and_asks_nothing() {
    let server = server();
    let f = "f=userPrincipalName%3Duser1@x.example";
    assert_eq!(total(&server, &format!("/signins?type=i&{f}")), "6");
    let text = page(&server, &format!("/signins?type=s&{f}"), 200);
    assert!(text.contains("data-total=\"8\""));
    assert!(text.contains("<li class=\"clause unusable\""));
    assert!(text.contains("Service principal sign-ins have no such field"));
    for tab in ["i", "s", "all"] {
        let text = plain(&page(&server, &format!("/signins?type={tab}&{f}"), 200));
        for count in ["(interactive)6", "(non-interactive)0", "Service principal sign-ins8", "All6"]
        {
            assert!(text.contains(count), "{count} in {tab}");
        }
    }
}

#[test]
fn alternatives() {
    let server = server();
    assert_eq!(total(&server, "/signins?f=(status%3Dfailure|appDisplayName%3D%22App+0%22)"), "21");
    let base = "/signins/filter/set?f=status%3Dfailure,country%3DES";
    assert_eq!(
        leads_to(&server, &format!("{base}&join=1&or=0")),
        "/signins?type=i&t=24h&f=%28status%3Dfailure%7Ccountry%3DES%29"
    );
    let list = page(&server, "/signins/filter?f=status%3Dfailure,country%3DES&or=0", 200);
    assert!(plain(&list).contains("or Country is ES"));
    assert_eq!(
        leads_to(&server, &format!("{base}&or=1&field=code&op=ge&values=50000")),
        "/signins?type=i&t=24h&f=status%3Dfailure%2C%28country%3DES%7Ccode%3E%3D50000%29"
    );
}

#[test]
fn filters_are_added_and_changed_by_forms() {
    let server = server();
    let list = page(&server, "/signins/filter?type=i", 200);
    let words = plain(&list);
    let first = words.find("Who").unwrap();
    for topic in ["How", "What", "Where", "Device", "Conditional Access", "Token &amp; session"] {
        assert!(words[first..].contains(topic), "{topic}");
    }
    assert!(!plain(&page(&server, "/signins/filter?find=browser", 200)).contains("City"));
    let form = part(&server, "/signins/filter?field=appDisplayName");
    assert!(form.contains("value=\"App 0\"") && form.contains("value=\"startsWith\""));
    for (more, f) in [
        ("field=app&op=eq&value=App+1&value=App+2", "app=\"App 1\",\"App 2\""),
        ("field=app&op=in&values=a,b%0Ac%3Bd%09e", "app=a,b,c,d,e"),
        ("field=app&op=startsWith&values=App+1", "app:\"App 1\"*"),
        ("field=app&op=ne&values=x", "app!=x"),
        ("field=app&op=empty&not=1", "app!=\"\""),
        ("field=ip&op=cidr&values=203.0.113.0/24", "ip:\"203.0.113.0/24\""),
        ("field=code&op=between&from=50000&to=50999", "code:50000..50999"),
        ("field=clientAppUsed&op=eq&value=legacy", "clientAppUsed=legacy"),
    ] {
        let to = leads_to(&server, &format!("/signins/filter/set?{more}"));
        assert_eq!(to, format!("/signins?type=i&t=24h&{}", encoded("f", f)), "{more}");
        page(&server, &to, 200);
    }
    let edit =
        "/signins/filter/set?f=app:x,status%3Dfailure&edit=1&field=status&op=ne&value=Success";
    assert_eq!(leads_to(&server, edit), "/signins?type=i&t=24h&f=app:x%2Cstatus%21%3DSuccess");
    let wrong = page(&server, "/signins/filter/set?field=code&op=eq&values=abc", 400);
    assert!(wrong.contains("not a whole number"));
    assert!(page(&server, "/signins/filter/set?field=app&op=eq", 400).contains("Choose or type"));
    let answer = ask(&server, &format!("{edit}&t=7d"), &[("HX-Request", "true")]);
    assert_eq!(answer.status, 204);
    let event = answer.header("hx-trigger").unwrap();
    assert!(event.contains("\"durward:visit\"") && event.contains("t=7d"), "{event}");
}

fn encoded(name: &str, value: &str) -> String {
    let mut out = format!("{name}=");
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~$:".contains(&byte) {
            out.push(byte as char);
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[test]
fn values_are_counted_within_the_other_filters() {
    let server = server();
    let values = |more: &str| plain(&part(&server, &format!("/signins/values?{more}")));
    let all = values("field=status");
    assert!(all.contains("Success20") && all.contains("Failure10"), "{all}");
    let within = values("field=status&f=code%3D50126,status%3Dsuccess&edit=1");
    assert!(within.contains("Failure10") && within.contains("Success0"), "{within}");
    let apps = values("field=appDisplayName&prefix=2");
    assert!(apps.contains("App 213") && !apps.contains("App 1"), "{apps}");
    assert!(values("field=conditionalAccessStatus").contains("Success0"), "known but not there");
    let chosen = part(&server, "/signins/values?field=appDisplayName&value=Elsewhere");
    assert!(chosen.contains("value=\"Elsewhere\" checked"));
    let clients = values("field=clientAppUsed");
    for name in ["Modern authentication clients40", "Browser40", "IMAP40", "Other clients0"] {
        assert!(clients.contains(name), "{name}");
    }
    assert_eq!(ask(&server, "/signins/values?field=nothing", &[]).status, 400);
}

#[test]
fn places_from_large_to_small() {
    let server = server();
    let countries = page(&server, "/signins/filter?field=location", 200);
    assert!(hrefs(&countries).iter().any(|href| href.contains("country=ES")));
    let cities = page(&server, "/signins/filter?field=location&country=ES&state=x", 200);
    assert!(plain(&cities).contains("In ES › x"));
    let es = hrefs(&countries).into_iter().find(|href| href.contains("f=location")).unwrap();
    assert_eq!(total(&server, &es), "40");
}

#[test]
fn the_panel_counts_values_and_filters_for_and_out() {
    let server = server();
    let panel = page(&server, "/signins", 200);
    let fields: Vec<&str> =
        panel.split("data-field=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert_eq!(
        fields[..5],
        [
            "status",
            "status/errorCode",
            "location/countryOrRegion",
            "clientAppUsed",
            "autonomousSystemNumber"
        ]
    );
    assert!(fields.len() > 40);
    let workloads = page(&server, "/signins?type=s", 200);
    assert!(!workloads.contains("data-field=\"clientAppUsed\""), "only fields of the tab");
    let codes = part(&server, "/signins/facet?field=status/errorCode");
    assert!(plain(&codes).contains("50126 "), "with what it means: {}", plain(&codes));
    let links = hrefs(&codes);
    let only = links.iter().find(|href| href.contains("errorCode%3D50126")).unwrap();
    let out = links.iter().find(|href| href.contains("errorCode%21%3D50126")).unwrap();
    assert_eq!((total(&server, only), total(&server, out)), ("10".to_owned(), "30".to_owned()));
    assert!(links.iter().any(|href| href.contains("by=code")));
    let empty = plain(&part(&server, "/signins/facet?field=autonomousSystemNumber"));
    assert!(empty.contains("100 % empty"), "{empty}");
    page(&server, "/signins/facet?field=status", 200);
    let within = plain(&part(&server, "/signins/facet?field=status&f=code%3D50126"));
    assert!(within.contains("Failure") && within.contains("10") && !within.contains("Success"));
}

#[test]
fn a_query_reads_and_writes_odata() {
    let server = server();
    let text = page(&server, "/signins/query?f=status%3Dfailure,app:Teams", 200);
    assert!(
        text.contains("status eq &#39;Failure&#39;")
            || text.contains("status eq 'failure'")
            || text.contains("status eq 'Failure'"),
        "{text}"
    );
    assert!(text.contains("/beta/auditLogs/signIns?$filter="));
    let graph = hrefs(&page(&server, "/signins/query?f=code%3D50126", 200));
    let graph = graph.iter().find(|href| href.starts_with("/beta/")).unwrap();
    assert_eq!(server.json(graph)["value"].as_array().unwrap().len(), 10);
    let asked = "status/errorCode eq 50126 and riskEventTypes_v2/any(t: t eq 'x')";
    let to = leads_to(&server, &format!("/signins/query?op=odata&{}", encoded("text", asked)));
    let rest = "riskEventTypes_v2/any(x0: x0 eq 'x')";
    assert_eq!(to, format!("/signins?type=i&t=24h&f=code%3D50126&{}", encoded("odata", rest)));
    let to = leads_to(&server, "/signins/query?op=short&text=status:failure+maria");
    assert_eq!(to, "/signins?type=i&t=24h&q=maria&f=status:failure");
    let wrong = page(&server, "/signins/query?op=odata&text=a+eq", 400);
    assert!(wrong.contains("no property &#39;a&#39;") || wrong.contains("no property 'a'"));
}

#[test]
fn an_empty_result_says_which_filter_is_in_the_way() {
    let server = server();
    let text = page(&server, "/signins?f=status%3Dfailure,app%3Dnothing", 200);
    assert!(text.contains("data-total=\"0\""));
    let words = plain(&text);
    assert!(words.contains("Without Application is nothing 10 events"), "{words}");
    assert!(words.contains("10 without this"));
    assert!(!words.contains("Without Status is"), "that alone finds nothing either");
}
