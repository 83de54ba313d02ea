//! Serves an invented tenant, to look at pages: `cargo run -p durward-server --example preview`.

use std::sync::Arc;

use durward_generate::{Moment, Tenant, TenantOptions};
use durward_ingest::{Collected, Decoder, Options};
use durward_model::Timestamp;
use durward_server::{ServerConfig, bind};
use durward_store::{Store, StoreOptions};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let dir = args.next().ok_or("usage: preview FOLDER PORT USERS DAYS")?;
    let port: u16 = args.next().unwrap_or_default().parse().unwrap_or(7400);
    let users: u32 = args.next().unwrap_or_default().parse().unwrap_or(0);
    let days: i32 = args.next().unwrap_or_default().parse().unwrap_or(2);
    let store = Arc::new(Store::open(dir.as_ref(), StoreOptions::default())?);
    if users > 0 {
        let options = TenantOptions { users: users.try_into()?, ..TenantOptions::demo() };
        let tenant = Arc::new(Tenant::new(7, options));
        let today = Moment::from_day(Timestamp::now().day().into());
        let now = Timestamp::now().to_rfc3339();
        let mut decoder = Decoder::new(Options::new(Timestamp::now()));
        let mut lines = Vec::new();
        let mut feed = |lines: &mut Vec<u8>| {
            let mut found = Collected::default();
            decoder.decode_bytes("demo", lines, &mut found)?;
            for batch in found.batches {
                store.append(&batch)?;
            }
            lines.clear();
            Ok::<_, Box<dyn std::error::Error>>(())
        };
        for event in tenant.events(today.plus_days(-i64::from(days))..today.plus_days(1)) {
            let text = String::from_utf8_lossy(&event.json);
            if text.get(9..28).is_some_and(|time| *time > *now) {
                break;
            }
            lines.extend_from_slice(&event.json);
            lines.push(b'\n');
            if lines.len() > 4 << 20 {
                feed(&mut lines)?;
            }
        }
        feed(&mut lines)?;
    }
    let listen = ([127, 0, 0, 1], port).into();
    let bound = bind(ServerConfig { listen, ..ServerConfig::default() }, store).await?;
    eprintln!("http://{}", bound.local_addr());
    bound.serve(async { tokio::signal::ctrl_c().await.unwrap_or_default() }).await?;
    Ok(())
}
