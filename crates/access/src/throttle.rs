//! Slows down whoever guesses passwords or codes, without keeping out those who are guessed at.
//!
//! An attempt from an unknown browser is counted against the account, which waits longer after
//! each failure, and against the address, which has a number of failures at once and then one now
//! and then. A browser from which somebody has signed in to that account before is counted by
//! itself only: it gets in while the account is under attack, and from an address full of
//! attackers.
//!
//! An attempt counts as failed from the moment it is allowed, until it is said to have succeeded.
//! Thousands of attempts at the same moment therefore get no further than as many in a row.

use std::collections::{BTreeSet, HashMap};
use std::hash::{BuildHasher as _, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::store::fold;

/// Failures of an account that cost nothing.
const FREE_FAILURES: u32 = 5;
/// The wait after that many failures; doubles with each further one.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// The longest wait of an account.
const LONGEST_WAIT: Duration = Duration::from_secs(15 * 60);
/// After so long without an attempt, the failures of an account are forgotten.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(86_400);
/// How often at most the accounts are searched for such.
const SWEEP_EVERY: Duration = Duration::from_secs(60);

/// Failures of an address: so many at once, then one in each interval.
const ADDRESS: Rate = Rate { burst: 20, interval: Duration::from_secs(3) };
/// Failures of a known device. A thief of one must not get far with guessing codes of six digits.
const DEVICE: Rate = Rate { burst: 10, interval: Duration::from_secs(30) };

/// What is remembered at most: about 10 MB.
const ACCOUNTS_MAX: usize = 40_000;
const ADDRESSES_MAX: usize = 50_000;
const DEVICES_MAX: usize = 10_000;

/// May an attempt be made?
#[derive(Debug)]
pub enum Decision {
    /// Yes. It counts as failed until [`Throttle::succeeded`] or [`Throttle::withdrawn`].
    Allowed(Attempt),
    /// Not before so long.
    Wait(Duration),
}

/// An attempt that was allowed.
#[derive(Debug)]
#[must_use = "an attempt counts as failed unless the throttle is told that it succeeded"]
pub struct Attempt(Counted);

#[derive(Debug)]
enum Counted {
    Stranger { account: u64, address: u64 },
    Device(u64),
}

/// Counts failed attempts, in memory.
#[derive(Debug)]
pub struct Throttle {
    hashes: RandomState,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    accounts: Table<Account>,
    addresses: Table<Instant>,
    devices: Table<Instant>,
    swept: Option<Instant>,
}

impl Default for Throttle {
    fn default() -> Throttle {
        Throttle::with_room(ACCOUNTS_MAX, ADDRESSES_MAX, DEVICES_MAX)
    }
}

impl Throttle {
    fn with_room(accounts: usize, addresses: usize, devices: usize) -> Throttle {
        let state = State {
            accounts: Table::new(accounts),
            addresses: Table::new(addresses),
            devices: Table::new(devices),
            swept: None,
        };
        Throttle { hashes: RandomState::new(), state: Mutex::new(state) }
    }

    /// May somebody try to sign in to that account (by name, whether or not it exists) from that
    /// address? With the identifier of a device that is known for the account, the device alone
    /// counts. The second step of a sign-in is an attempt, too.
    pub fn check(
        &self,
        account: &str,
        address: IpAddr,
        known_device: Option<&str>,
        now: Instant,
    ) -> Decision {
        let mut state = self.state.lock();
        if let Some(device) = known_device {
            let device = self.hashes.hash_one(device);
            return match DEVICE.next(state.devices.get(device), now) {
                Ok(next) => {
                    state.devices.put(device, next);
                    Decision::Allowed(Attempt(Counted::Device(device)))
                }
                Err(wait) => Decision::Wait(wait),
            };
        }
        let account = self.hashes.hash_one(fold(account));
        let address = self.hashes.hash_one(network(address));
        let next_account = Account::next(state.accounts.get(account), now);
        let next_address = ADDRESS.next(state.addresses.get(address), now);
        match (next_account, next_address) {
            (Ok(next_account), Ok(next_address)) => {
                state.forget_accounts(now);
                state.accounts.put(account, next_account);
                state.addresses.put(address, next_address);
                Decision::Allowed(Attempt(Counted::Stranger { account, address }))
            }
            // What is refused costs nothing and so counts for nothing.
            (account, address) => {
                let wait = account.err().unwrap_or_default().max(address.err().unwrap_or_default());
                Decision::Wait(wait)
            }
        }
    }

    /// Somebody has signed in, with every step that it takes.
    pub fn succeeded(&self, attempt: Attempt) {
        let mut state = self.state.lock();
        match attempt.0 {
            Counted::Stranger { account, address } => {
                state.accounts.remove(account);
                // Only this attempt: who has an account must not get more guesses at others.
                state.addresses.change(address, |full_at| ADDRESS.back(full_at));
            }
            Counted::Device(device) => state.devices.remove(device),
        }
    }

    /// The attempt was not looked at: the server was busy, or the first step of a sign-in was
    /// right and the second is to come.
    pub fn withdrawn(&self, attempt: Attempt) {
        let mut state = self.state.lock();
        match attempt.0 {
            Counted::Stranger { account, address } => {
                state.accounts.change(account, Account::back);
                state.addresses.change(address, |full_at| ADDRESS.back(full_at));
            }
            Counted::Device(device) => {
                state.devices.change(device, |full_at| DEVICE.back(full_at));
            }
        }
    }
}

impl State {
    /// Accounts with many failures are evicted last, so that those which are long over have to go
    /// first when room is needed.
    fn forget_accounts(&mut self, now: Instant) {
        let is_due = self.swept.is_none_or(|swept| now.duration_since(swept) >= SWEEP_EVERY);
        if self.accounts.is_full() && is_due {
            self.swept = Some(now);
            self.accounts.retain(|account| !account.is_forgotten(now));
        }
    }
}

/// Attackers have whole networks of version 6 to choose addresses from.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)))
        }
        address => address,
    }
}

/// So many at once, and one more after each interval. Its state is the time at which all of them
/// are there again.
struct Rate {
    burst: u32,
    interval: Duration,
}

impl Rate {
    /// The state after one more, or how long to wait for it.
    fn next(&self, full_at: Option<Instant>, now: Instant) -> Result<Instant, Duration> {
        let next = full_at.map_or(now, |full_at| full_at.max(now)) + self.interval;
        let wait = (next - now).saturating_sub(self.interval * self.burst);
        if wait.is_zero() { Ok(next) } else { Err(wait) }
    }

    /// The state with one back.
    fn back(&self, full_at: Instant) -> Instant {
        full_at.checked_sub(self.interval).unwrap_or(full_at)
    }
}

/// Failures of an account. Those with more of them compare as greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Account {
    failures: u32,
    last: Instant,
}

impl Account {
    /// The state after one more, or how long to wait for it.
    fn next(account: Option<Account>, now: Instant) -> Result<Account, Duration> {
        let Some(account) = account.filter(|account| !account.is_forgotten(now)) else {
            return Ok(Account { failures: 1, last: now });
        };
        let wait = account.wait().saturating_sub(now.saturating_duration_since(account.last));
        if wait.is_zero() {
            Ok(Account { failures: account.failures.saturating_add(1), last: now })
        } else {
            Err(wait)
        }
    }

    fn wait(self) -> Duration {
        match self.failures.checked_sub(FREE_FAILURES) {
            None => Duration::ZERO,
            Some(more) => FIRST_WAIT.saturating_mul(1 << more.min(20)).min(LONGEST_WAIT),
        }
    }

    fn back(self) -> Account {
        Account { failures: self.failures.saturating_sub(1), ..self }
    }

    fn is_forgotten(self, now: Instant) -> bool {
        now.saturating_duration_since(self.last) >= FORGOTTEN_AFTER
    }
}

/// A map with limited room. What is least by its own order goes first, so that a flood of small
/// offenders drives out other small ones, and not the large.
#[derive(Debug)]
struct Table<V> {
    most: usize,
    entries: HashMap<u64, V>,
    order: BTreeSet<(V, u64)>,
}

impl<V: Copy + Ord> Table<V> {
    fn new(most: usize) -> Table<V> {
        Table { most, entries: HashMap::new(), order: BTreeSet::new() }
    }

    fn is_full(&self) -> bool {
        self.entries.len() >= self.most
    }

    fn get(&self, key: u64) -> Option<V> {
        self.entries.get(&key).copied()
    }

    fn put(&mut self, key: u64, value: V) {
        self.remove(key);
        if self.is_full()
            && let Some((_, least)) = self.order.pop_first()
        {
            self.entries.remove(&least);
        }
        self.entries.insert(key, value);
        self.order.insert((value, key));
    }

    fn change(&mut self, key: u64, change: impl FnOnce(V) -> V) {
        if let Some(value) = self.get(key) {
            self.put(key, change(value));
        }
    }

    fn remove(&mut self, key: u64) {
        if let Some(value) = self.entries.remove(&key) {
            self.order.remove(&(value, key));
        }
    }

    fn retain(&mut self, keep: impl Fn(V) -> bool) {
        self.entries.retain(|_, value| keep(*value));
        self.order.retain(|(value, _)| keep(*value));
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::testing::seconds;

    fn v4(number: u32) -> IpAddr {
        IpAddr::V4(Ipv4Addr::from_bits(number))
    }

    /// Fails, or is told to wait.
    fn fail(throttle: &Throttle, account: &str, address: IpAddr, now: Instant) -> Option<u64> {
        match throttle.check(account, address, None, now) {
            Decision::Allowed(_) => None,
            Decision::Wait(wait) => Some(wait.as_secs()),
        }
    }

    #[test]
    fn an_account_waits_longer_and_longer() {
        let throttle = Throttle::default();
        let mut now = Instant::now();
        for attempt in 0..5 {
            assert_eq!(fail(&throttle, "morgan", v4(attempt), now), None);
        }
        let mut waits = Vec::new();
        for attempt in 5..17 {
            let wait = fail(&throttle, "Morgan", v4(attempt), now).unwrap();
            now += seconds(wait - 1);
            assert_eq!(fail(&throttle, "morgan", v4(attempt), now), Some(1));
            now += seconds(1);
            assert_eq!(fail(&throttle, "morgan", v4(attempt), now), None);
            waits.push(wait);
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]);
        assert_eq!(fail(&throttle, "noor", v4(99), now), None);
        now += FORGOTTEN_AFTER;
        for attempt in 0..5 {
            assert_eq!(fail(&throttle, "morgan", v4(attempt), now), None);
        }
    }

    #[test]
    fn a_burst_of_ten_thousand_costs_little_and_keeps_nobody_else_out() {
        let throttle = Throttle::default();
        let now = Instant::now();
        let attacker = v4(1);
        let one = (0..10_000).filter(|_| fail(&throttle, "morgan", attacker, now).is_none());
        assert_eq!(one.count(), 5);
        let many = (0..10_000)
            .filter(|number| fail(&throttle, &format!("p{number}"), attacker, now).is_none());
        assert_eq!(many.count(), 15, "twenty from the address, five of them before");
        assert_eq!(fail(&throttle, "noor", attacker, now), Some(3));
        assert_eq!(fail(&throttle, "noor", v4(2), now), None);
        assert!(fail(&throttle, "morgan", v4(2), now).is_some());
        let known = throttle.check("morgan", attacker, Some("device"), now);
        assert!(matches!(known, Decision::Allowed(_)));
        let later = now + seconds(30);
        let more = (0..10_000)
            .filter(|number| fail(&throttle, &format!("p{number}"), attacker, later).is_none());
        assert_eq!(more.count(), 10, "one every three seconds");
    }

    #[test]
    fn ten_thousand_addresses_at_one_account_get_as_far_as_one() {
        let throttle = Throttle::default();
        let now = Instant::now();
        let allowed = (0..10_000).filter(|number| fail(&throttle, "m", v4(*number), now).is_none());
        assert_eq!(allowed.count(), 5);
        assert_eq!(fail(&throttle, "noor", v4(20_000), now), None);
    }

    #[test]
    fn networks_of_version_6_count_as_one_address() {
        let throttle = Throttle::default();
        let now = Instant::now();
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        for number in 0..20 {
            let from = address(&format!("2001:db8:0:1::{number}"));
            assert_eq!(fail(&throttle, &format!("p{number}"), from, now), None);
        }
        assert_eq!(fail(&throttle, "x", address("2001:db8:0:1:ffff::1"), now), Some(3));
        assert_eq!(fail(&throttle, "x", address("2001:db8:0:2::1"), now), None);
        for number in 0..20 {
            assert_eq!(fail(&throttle, &format!("q{number}"), v4(7), now), None);
        }
        assert_eq!(fail(&throttle, "y", address("::ffff:0.0.0.7"), now), Some(3));
    }

    #[test]
    fn success_gives_back_its_own_attempt_and_frees_the_account() {
        let throttle = Throttle::default();
        let now = Instant::now();
        let allowed = |account: &str, address, device: Option<&str>| match throttle
            .check(account, address, device, now)
        {
            Decision::Allowed(attempt) => Some(attempt),
            Decision::Wait(_) => None,
        };
        for _ in 0..100 {
            throttle.succeeded(allowed("morgan", v4(1), None).unwrap());
            throttle.withdrawn(allowed("noor", v4(1), None).unwrap());
        }
        assert!((0..4).all(|_| fail(&throttle, "morgan", v4(1), now).is_none()));
        throttle.succeeded(allowed("morgan", v4(1), None).unwrap());
        assert!((0..5).all(|_| fail(&throttle, "morgan", v4(2), now).is_none()));
        // Successes between do not get an address more failures.
        let failures = (0..100).filter(|number| {
            allowed("own", v4(1), None).into_iter().for_each(|own| throttle.succeeded(own));
            fail(&throttle, &format!("p{number}"), v4(1), now).is_none()
        });
        assert_eq!(failures.count(), 16, "twenty, and four before");
    }

    #[test]
    fn a_known_device_has_its_own_failures() {
        let throttle = Throttle::default();
        let now = Instant::now();
        let tries = |device: &str, now| {
            let allowed = |_: &u32| {
                matches!(throttle.check("m", v4(1), Some(device), now), Decision::Allowed(_))
            };
            (0..100).filter(allowed).count()
        };
        assert_eq!(tries("one", now), 10);
        assert_eq!(tries("one", now + seconds(60)), 2);
        assert_eq!(tries("two", now), 10);
        assert_eq!(fail(&throttle, "m", v4(1), now), None, "and the account none of them");
    }

    #[test]
    fn a_flood_of_others_does_not_make_a_penalty_forgotten() {
        let throttle = Throttle::with_room(100, 100, 100);
        let mut now = Instant::now();
        for number in 0..8 {
            now += seconds(4);
            assert_eq!(fail(&throttle, "morgan", v4(number), now), None);
        }
        for number in 0..20 {
            assert_eq!(fail(&throttle, &format!("q{number}"), v4(1000), now), None);
        }
        assert_eq!(fail(&throttle, "x", v4(1000), now), Some(3));
        for number in 0..1000 {
            assert_eq!(fail(&throttle, &format!("r{number}"), v4(2000 + number), now), None);
        }
        assert_eq!(fail(&throttle, "morgan", v4(9), now), Some(8));
        assert_eq!(fail(&throttle, "x", v4(1000), now), Some(3));
        let state = throttle.state.lock();
        assert_eq!((state.accounts.entries.len(), state.accounts.order.len()), (100, 100));
        assert_eq!((state.addresses.entries.len(), state.addresses.order.len()), (100, 100));
    }

    #[test]
    fn what_is_long_over_makes_room() {
        let throttle = Throttle::with_room(10, 100, 10);
        let mut now = Instant::now();
        for number in 0..10 {
            for _ in 0..6 {
                now += seconds(3);
                assert_eq!(fail(&throttle, &format!("p{number}"), v4(number), now), None);
            }
        }
        now += FORGOTTEN_AFTER;
        for number in 0..9 {
            assert_eq!(fail(&throttle, &format!("q{number}"), v4(number), now), None);
        }
        let found = throttle.state.lock().accounts.order.first().map(|(account, _)| *account);
        assert_eq!(found.map(|account| account.failures), Some(1));
        assert_eq!(throttle.state.lock().accounts.entries.len(), 9);
    }
}
