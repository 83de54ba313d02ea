use durward_generate::*;
fn main() {
    let users: u32 = std::env::args().nth(1).unwrap().parse().unwrap();
    let days: i64 = std::env::args().nth(2).unwrap().parse().unwrap();
    let bench = std::env::args().nth(3).unwrap() == "bench";
    let profile = if bench { Profile::Bench } else { Profile::Demo };
    let t = std::time::Instant::now();
    let tenant = std::sync::Arc::new(Tenant::new(42, TenantOptions { users, profile, ..TenantOptions::demo() }));
    println!("tenant {:?}", t.elapsed());
    let monday = Moment::from_day(20_514);
    let t = std::time::Instant::now();
    let mut events = tenant.events(monday..monday.plus_days(days));
    let mut buf = Vec::new();
    let (mut n, mut bytes) = ([0u64; 4], [0u64; 4]);
    while let Some(info) = { buf.clear(); events.write_next(&mut buf) } {
        n[info.log as usize] += 1; bytes[info.log as usize] += buf.len() as u64 + 1;
    }
    let total: u64 = n.iter().sum();
    println!("{total} events {:?} {:?}: {:.0}/s mean {}", n, t.elapsed(), total as f64 / t.elapsed().as_secs_f64(), bytes.iter().sum::<u64>() / total);
    for i in 0..4 { println!("{:?} {} mean {}", Log::ALL[i], n[i], bytes[i] / n[i].max(1)); }
    let mut o = FileOptions::new(monday..monday.plus_days(1)); o.records_max = Some(20000);
    write_files(&tenant, std::path::Path::new("/tmp/gen"), &o).unwrap();
}
