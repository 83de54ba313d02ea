//! The database as several processes use it.

#![expect(clippy::unwrap_used, reason = "helpers of tests may fail loudly")]

use std::path::Path;
use std::sync::Barrier;
use std::time::Duration;

use durward_access::{
    AccessError, AccessStore, LinkPurpose, NewPerson, NewSession, NewToken, Person, Role, Scope,
    SessionLimits,
};
use durward_model::Timestamp;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros((1_780_315_200 + seconds) * 1_000_000)
}

fn open(path: &Path) -> AccessStore {
    AccessStore::open(path).unwrap()
}

fn morgan(store: &AccessStore) -> Person {
    let new = NewPerson { name: "morgan".to_owned(), ..NewPerson::default() };
    store.create_local(&new, at(0)).unwrap()
}

fn token(name: &str) -> NewToken {
    let permissions = vec!["read".to_owned()];
    NewToken { name: name.to_owned(), permissions, ..NewToken::default() }
}

#[test]
fn what_one_process_revokes_stops_in_the_other_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let (server, tool) = (open(dir.path()), open(dir.path()));
    let (_, secret) = tool.create_token(&token("t"), at(0)).unwrap();
    let (child, _) = server.issue_access_token("t", &secret, at(0)).unwrap().unwrap();
    for now in 1..20 {
        assert!(server.check_token(&secret, at(now)).unwrap().is_some());
        assert!(server.check_token(&child, at(now)).unwrap().is_some());
    }
    assert!(tool.revoke_token("t", at(20)).unwrap());
    assert!(server.check_token(&secret, at(20)).unwrap().is_none());
    assert!(server.check_token(&child, at(20)).unwrap().is_none());

    let person = morgan(&tool);
    let new = NewSession { person: person.id.clone(), ..NewSession::default() };
    let (_, session) = server.create_session(&new, SessionLimits::default(), at(0)).unwrap();
    assert!(server.check_session(&session, at(1)).unwrap().is_some());
    tool.set_roles(&person.id, &[Role::GlobalReader], &Scope::WHOLE).unwrap();
    assert_eq!(server.person(&person.id).unwrap().unwrap().roles, [Role::GlobalReader]);
    tool.set_disabled(&person.id, true).unwrap();
    assert!(server.check_session(&session, at(2)).unwrap().is_none());
}

#[test]
fn all_is_there_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let person = morgan(&store);
    let (_, secret) = store.create_token(&token("t"), at(0)).unwrap();
    let new = NewSession { person: person.id.clone(), ..NewSession::default() };
    let (session, session_secret) =
        store.create_session(&new, SessionLimits::default(), at(0)).unwrap();
    let link = store.create_link(&LinkPurpose::SetPassword(person.id.clone()), at(0)).unwrap();
    let key = store.key("cookies").unwrap();
    assert_ne!(key, store.key("pseudonyms").unwrap());
    drop(store);

    let store = open(dir.path());
    assert_eq!(store.check_session(&session_secret, at(1)).unwrap(), Some(session));
    assert!(store.check_token(&secret, at(1)).unwrap().is_some());
    assert_eq!(store.take_link(&link, at(1)).unwrap(), Some(LinkPurpose::SetPassword(person.id)));
    assert_eq!(store.key("cookies").unwrap(), key);
}

#[test]
fn many_may_open_and_write_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let barrier = Barrier::new(8);
    let keys: Vec<[u8; 32]> = std::thread::scope(|scope| {
        let open_and_write = |number: usize| {
            barrier.wait();
            let store = open(dir.path());
            for round in 0..10 {
                let name = format!("t{number}-{round}");
                let (_, secret) = store.create_token(&token(&name), at(0)).unwrap();
                assert!(store.check_token(&secret, at(1)).unwrap().is_some());
            }
            store.key("cookies").unwrap()
        };
        let threads: Vec<_> =
            (0..8).map(|number| scope.spawn(move || open_and_write(number))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(keys.windows(2).all(|pair| pair[0] == pair[1]), "one key, whoever made it");
    assert_eq!(open(dir.path()).tokens(None).unwrap().len(), 80);
}

#[test]
fn of_two_processes_one_gets_a_name() {
    let dir = tempfile::tempdir().unwrap();
    let stores = [open(dir.path()), open(dir.path())];
    let barrier = Barrier::new(2);
    let made: Vec<bool> = std::thread::scope(|scope| {
        let threads = stores.each_ref().map(|store| {
            scope.spawn(|| {
                barrier.wait();
                match store.create_token(&token("same"), at(0)) {
                    Ok(_) => true,
                    Err(AccessError::NameTaken(_)) => false,
                    Err(error) => panic!("{error}"),
                }
            })
        });
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(made.iter().filter(|made| **made).count(), 1);
}

#[test]
fn a_database_of_a_newer_version_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()));
    let raw = rusqlite::Connection::open(dir.path().join("access/access.db")).unwrap();
    raw.pragma_update(None, "user_version", 99).unwrap();
    let refused = AccessStore::open(dir.path());
    assert!(matches!(refused, Err(AccessError::TooNew { found: 99, .. })));
}

#[test]
fn short_limits_of_sessions_hold_to_the_second() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let person = morgan(&store);
    let limits = SessionLimits { idle: Duration::from_secs(20), absolute: Duration::from_secs(50) };
    let new = NewSession { person: person.id, ..NewSession::default() };
    let (_, secret) = store.create_session(&new, limits, at(0)).unwrap();
    let holds = |seconds| store.check_session(&secret, at(seconds)).unwrap().is_some();
    assert!(holds(19) && holds(38) && holds(49));
    assert!(!holds(50));
}

#[cfg(unix)]
#[test]
fn files_are_their_owners_business_only() {
    use std::os::unix::fs::PermissionsExt as _;

    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("new/data");
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let check = |store: &AccessStore| {
        store.key("x").unwrap();
        assert_eq!(mode(&data.join("access")), 0o700);
        let files: Vec<_> = std::fs::read_dir(data.join("access")).unwrap().flatten().collect();
        assert!(files.len() >= 2, "the database and its log");
        for file in files {
            assert_eq!(mode(&file.path()), 0o600, "{:?}", file.path());
        }
    };
    check(&open(&data));
    for (path, mode) in [(data.join("access"), 0o755), (data.join("access/access.db"), 0o644)] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }
    check(&open(&data));
    let in_the_way = dir.path().join("file");
    std::fs::write(&in_the_way, "").unwrap();
    let refused = AccessStore::open(&in_the_way).unwrap_err().to_string();
    assert!(refused.contains("cannot use"), "{refused}");
}
