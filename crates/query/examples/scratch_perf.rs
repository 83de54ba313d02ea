//! Temporary.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]
use durward_model::{Cell, EventBatch, FieldId, Log, Row, Timestamp};
use durward_query::*;
use durward_query::aggregate::*;
use durward_store::*;
use std::time::Instant;
fn main() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), StoreOptions { background: false, hot_bytes_max: 4 << 30, ..Default::default() }).unwrap();
    let n: u64 = 1_000_000;
    let start = 1_772_323_200_000_000_i64;
    let mut x = 88172645463325252_u64;
    let mut rnd = |m: u64| { x ^= x << 13; x ^= x >> 7; x ^= x << 17; x % m };
    let t = Instant::now();
    let mut last_id = String::new();
    for b in 0..100u64 {
        let mut batch = EventBatch::default();
        let mut row = Row::default();
        for i in 0..n / 100 {
            row.clear();
            let k = b * (n / 100) + i;
            row.log = if rnd(20) == 0 { Log::InteractiveUser } else { Log::NonInteractiveUser };
            let u = { let a = rnd(5000); let c = rnd(5000); a.min(c) };
            let app = { let a = rnd(200); let c = rnd(200); a.min(c) };
            let set = |row: &mut Row, f, s: String| row.set(f, Cell::Text(s.into()));
            last_id = format!("{:08x}-{:04x}-4000-8000-{:012x}", rnd(1 << 32), k & 0xffff, k);
            set(&mut row, FieldId::Id, last_id.clone());
            set(&mut row, FieldId::CorrelationId, format!("{:08x}-{:04x}-4000-8000-{:012x}", rnd(1 << 32), 1, k / 3));
            set(&mut row, FieldId::TenantId, "aaaaaaaa-0000-4000-8000-000000000000".into());
            set(&mut row, FieldId::UserId, format!("{:08x}-0000-4000-8000-000000000000", u));
            set(&mut row, FieldId::UserDisplayName, format!("User Number {u}"));
            set(&mut row, FieldId::UserPrincipalName, format!("user{u}@fabrikam.example"));
            set(&mut row, FieldId::AppId, format!("{:08x}-1111-4000-8000-000000000000", app));
            set(&mut row, FieldId::AppDisplayName, format!("App {app}"));
            let r = rnd(10) + app;
            set(&mut row, FieldId::ResourceId, format!("{:08x}-2222-4000-8000-000000000000", r));
            set(&mut row, FieldId::ResourceDisplayName, format!("Resource {r}"));
            let ip = u * 3 + rnd(3);
            set(&mut row, FieldId::IpAddress, format!("10.{}.{}.{}", ip >> 16, ip >> 8 & 255, ip & 255));
            row.set(FieldId::ErrorCode, Cell::Int(if rnd(10) == 0 { 50126 } else { 0 }));
            row.set(FieldId::CreatedDateTime, Cell::Time(Timestamp::from_micros(start + (k * 30 * 86_400 * 1_000_000 / n) as i64 + rnd(1000000) as i64)));
            batch.push(&row, Timestamp::from_micros(start + 31 * 86_400_000_000));
        }
        store.append(&batch).unwrap();
        if b % 25 == 24 { store.seal().unwrap(); }
    }
    store.compact().unwrap();
    println!("load {:?}", t.elapsed());
    let view = store.view();
    println!("chunks {} rows {}", view.chunks.len(), view.live_rows(&Log::ALL));
    let end = start + 30 * 86_400_000_000;
    let now = Timestamp::from_micros(end);
    let since = |days: i64| Filter::between(Timestamp::from_micros(end - days * 86_400_000_000), now);
    let b = Budget::unlimited();
    let q = |s: &str| parse_search(s, now).unwrap();
    let engine = Engine::new();
    let list = |f: Filter| { let p = engine.list(&view, &ListRequest { filter: f, logs: Log::SIGN_INS.to_vec(), order: Order::NewestFirst, limit: 50, after: None }, &b).unwrap(); p.rows.len() };
    let time = |name: &str, f: &dyn Fn() -> usize| {
        let mut best = f64::MAX; let mut first = 0.0; let mut r = 0;
        for i in 0..7 { let t = Instant::now(); r = f(); let ms = t.elapsed().as_secs_f64() * 1e3; if i == 0 { first = ms } best = best.min(ms); }
        println!("{name:50} first {first:8.2} best {best:8.2} ms -> {r}");
    };
    time("newest 50 of 24 h", &|| list(since(1)));
    time("one user 30 d", &|| list(since(30).and(q("upn=user4321@fabrikam.example"))));
    time("prefix+failed 7 d", &|| list(since(7).and(q("ip:10.0.3.* status:failure"))));
    time("by request id", &|| engine.get(&view, None, &last_id, &b).unwrap().is_some() as usize);
    time("by correlation id", &|| list(q("correlation:00000000-0001-4000-8000-000000000000")));
    time("name contains 30 d", &|| list(since(30).and(q("name:number\\ 99 name:99"))));
    time("name contains count", &|| engine.count(&view, &q("name:99"), &Log::SIGN_INS, &b).unwrap() as usize);
    time("free text count", &|| engine.count(&view, &q("99"), &Log::SIGN_INS, &b).unwrap() as usize);
    let agg = |r: AggregateRequest| engine.aggregate(&view, &r, &b).unwrap().len();
    time("status per hour 7 d", &|| agg(AggregateRequest { filter: since(7), by: vec![Dimension::HOUR, Dimension::Status], order: ResultOrder::Keys, ..Default::default() }));
    time("top apps users 30 d", &|| agg(AggregateRequest { filter: since(30), by: vec![Dimension::Field(FieldId::AppDisplayName)], distinct: USERS.to_vec(), limit: 10, ..Default::default() }));
    time("reasons users 24 h", &|| agg(AggregateRequest { filter: since(1).and(q("status:failure")), by: vec![Dimension::Field(FieldId::ErrorCode)], distinct: USERS.to_vec(), ..Default::default() }));
    time("spray 24 h", &|| agg(AggregateRequest { filter: since(1).and(q("code:50126")), by: vec![Dimension::Field(FieldId::IpAddress)], distinct: USERS.to_vec(), order: ResultOrder::Distinct, having: Having { distinct: 1, ..Default::default() }, ..Default::default() }));
    time("weekly top three", &|| { let top = engine.aggregate(&view, &AggregateRequest { filter: since(30), by: vec![Dimension::Field(FieldId::AppDisplayName)], limit: 3, ..Default::default() }, &b).unwrap(); let names = top.iter().map(|r| match &r.keys[0] { DimensionValue::Text(t) => Value::Text(t.clone()), _ => Value::Null }).collect(); agg(AggregateRequest { filter: since(30).and(Filter::field(FieldId::AppDisplayName, Op::In(names))), by: vec![Dimension::Field(FieldId::AppDisplayName), Dimension::Week], order: ResultOrder::Keys, ..Default::default() }) });
    let grp = |days, limit, w| { let p = engine.groups(&view, &GroupRequest { grouping: Grouping::NonInteractive, window: w, filter: since(days), limit, after: None }, &b).unwrap(); p.rows.len() };
    time("grouped 1 d all", &|| grp(1, 5_000_000, Window::D1));
    time("grouped 30 d all", &|| grp(30, 5_000_000, Window::D1));
    time("grouped 30 d page 50", &|| grp(30, 50, Window::D1));
    time("grouped 30 d 1h page 50", &|| grp(30, 50, Window::H1));
    let s = SummaryRequest { filter: Filter::All, logs: Log::SIGN_INS.to_vec(), from_micros: end - 7 * 86_400_000_000, to_micros: end, fields: vec![FieldId::ErrorCode, FieldId::AppDisplayName], top: 10 };
    time("summary 7 d rollups", &|| engine.summary(&view, &s, &b).unwrap().hours.len());
    time("summary 7 d rows", &|| engine.summary_of_rows(&view, &s, &b).unwrap().hours.len());
}
