//! Settings of the server and their defaults.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

/// How the server behaves. The defaults suit one machine.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// Where to listen. Loopback only: see [`crate::bind`]. Port 0 takes any free port.
    pub listen: SocketAddr,
    /// Largest request body that push endpoints take, in bytes, as it is sent.
    pub body_bytes_max: u64,
    /// Memory that bodies being received may take together, in bytes.
    pub bodies_bytes_max: u64,
    /// A body has to arrive within this time.
    pub body_timeout: Duration,
    /// Questions answered at once; others wait.
    pub queries_max: usize,
    /// Exports running at once; more are refused.
    pub exports_max: usize,
    /// An answer that takes longer is given up. Exports have no limit.
    pub query_timeout: Duration,
    /// How long requests may take to end once the server is told to stop.
    pub shutdown_timeout: Duration,
}

/// The port durward listens on unless told otherwise.
pub const PORT: u16 = 7400;

impl Default for ServerConfig {
    fn default() -> Self {
        ServerConfig {
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), PORT),
            body_bytes_max: 64 << 20,
            bodies_bytes_max: 256 << 20,
            body_timeout: Duration::from_secs(60),
            queries_max: 16,
            exports_max: 4,
            query_timeout: Duration::from_secs(30),
            shutdown_timeout: Duration::from_secs(10),
        }
    }
}
