use super::*;
use crate::people::NewPerson;
use crate::right::Role;
use crate::testing::{DAY, HOUR, at, person, store};

fn new(name: &str, permissions: &[&str]) -> NewToken {
    let permissions = permissions.iter().map(|name| (*name).to_owned()).collect();
    NewToken { name: name.to_owned(), permissions, ..NewToken::default() }
}

fn holds(store: &AccessStore, secret: &str, seconds: i64) -> bool {
    store.check_token(secret, at(seconds)).unwrap().is_some()
}

#[test]
fn a_token_is_found_by_its_secret_which_is_not_kept() {
    let (dir, store) = store();
    let given = new(" Nightly export ", &["AUDITLOG.read.all", "read", "Read"]);
    let (token, secret) = store.create_token(&given, at(0)).unwrap();
    assert_eq!(token.name, "Nightly export");
    assert_eq!(token.permissions, ["AuditLog.Read.All", "read"]);
    assert_eq!(secret.len(), 4 + 43 + 6);
    assert!(secret.starts_with("dwd_") && is_own_token(&secret));
    assert_eq!(store.check_token(&secret, at(0)).unwrap(), Some(token.clone()));
    for index in [4, 20, 46, 47, 52] {
        let mut wrong = secret.clone().into_bytes();
        wrong[index] = if wrong[index] == b'A' { b'B' } else { b'A' };
        let wrong = String::from_utf8(wrong).unwrap();
        assert!(!is_whole(&wrong) && !holds(&store, &wrong, 0), "{index}");
    }
    for wrong in ["", "dwd_", "dwa_x", "\u{e9}\u{e9}\u{e9}\u{e9}", &secret[4..], &secret[..52]] {
        assert!(!holds(&store, wrong, 0), "{wrong}");
    }
    drop(store);
    let (random, _) = secret[4..].split_at(43);
    for file in std::fs::read_dir(dir.path().join("access")).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(43).any(|part| part == random.as_bytes()));
    }
}

#[test]
fn what_no_token_can_have_is_refused_with_a_reason() {
    let (_dir, store) = store();
    let refused = |given: &NewToken| store.create_token(given, at(0)).unwrap_err().to_string();
    let message = refused(&new("t", &["read", "Mail.Read"]));
    assert!(message.contains("`Mail.Read`") && message.contains("AuditLog.Read.All"), "{message}");
    assert!(refused(&new("t", &[])).contains("needs a permission"));
    assert!(refused(&new("", &["read"])).contains("1 to 100"));
    assert!(refused(&new("a\tb", &["read"])).contains("1 to 100"));
    let expired = NewToken { expires: Some(at(0)), ..new("t", &["read"]) };
    assert!(refused(&expired).contains("expired already"));
    let owner = Some("nobody".to_owned());
    assert!(refused(&NewToken { owner, ..new("t", &["read"]) }).contains("no such person"));
}

#[test]
fn names_are_free_again_once_a_token_is_over() {
    let (_dir, store) = store();
    let expires = Some(at(60));
    store.create_token(&NewToken { expires, ..new("One", &["read"]) }, at(0)).unwrap();
    let taken = store.create_token(&new("ONE", &["read"]), at(59));
    assert!(matches!(taken, Err(AccessError::NameTaken(_))));
    let (second, _) = store.create_token(&new("one", &["read"]), at(60)).unwrap();
    assert_eq!(store.token("One", at(61)).unwrap().unwrap().id, second.id);
    assert!(store.revoke_token("ONE", at(61)).unwrap());
    assert!(!store.revoke_token("one", at(62)).unwrap());
    assert!(!store.revoke_token(&second.id.to_uppercase(), at(62)).unwrap());
    let revoked = store.token(&second.id.to_uppercase(), at(62)).unwrap().unwrap().revoked;
    assert_eq!(revoked, Some(at(61)), "the first time counts");
    let (third, _) = store.create_token(&new("one", &["read"]), at(63)).unwrap();
    let ids = |tokens: Vec<Token>| tokens.into_iter().map(|token| token.id).collect::<Vec<_>>();
    assert_eq!(ids(store.tokens(None).unwrap())[..2], [third.id, second.id]);
    assert!(store.tokens(Some("nobody")).unwrap().is_empty());
    let name_like_id = new(&store.tokens(None).unwrap()[0].id, &["read"]);
    assert!(matches!(store.create_token(&name_like_id, at(64)), Err(AccessError::NameTaken(_))));
    store.prune(at(64 + 90 * DAY)).unwrap();
    assert_eq!(store.tokens(None).unwrap().len(), 1, "only the one that holds");
}

#[test]
fn a_token_stops_when_it_expires_is_revoked_or_its_owner_is_disabled() {
    let (_dir, store) = store();
    let expires = Some(at(60));
    let given = NewToken { expires, ..new("short", &["read"]) };
    let (_, short) = store.create_token(&given, at(0)).unwrap();
    assert!(holds(&store, &short, 59) && !holds(&store, &short, 60));
    let (_, revoked) = store.create_token(&new("revoked", &["read"]), at(0)).unwrap();
    assert!(store.revoke_token("revoked", at(5)).unwrap());
    assert!(!holds(&store, &revoked, 6));
    let morgan = person(&store, "morgan").id;
    let given = NewToken { owner: Some(morgan.clone()), ..new("own", &["read"]) };
    let (_, own) = store.create_token(&given, at(0)).unwrap();
    store.set_disabled(&morgan, true).unwrap();
    assert!(!holds(&store, &own, 6));
    assert!(matches!(
        store.create_token(&NewToken { name: "other".to_owned(), ..given }, at(7)),
        Err(AccessError::Disabled)
    ));
    store.set_disabled(&morgan, false).unwrap();
    assert!(holds(&store, &own, 8));
}

#[test]
fn use_is_written_down_once_a_minute() {
    let (_dir, store) = store();
    let (token, secret) = store.create_token(&new("t", &["read"]), at(0)).unwrap();
    let last_used = |seconds| {
        store.check_token(&secret, at(seconds)).unwrap().unwrap();
        store.token(&token.id, at(seconds)).unwrap().unwrap().last_used
    };
    assert_eq!(last_used(1), Some(at(1)));
    assert_eq!(last_used(60), Some(at(1)));
    assert_eq!(last_used(61), Some(at(61)));
    assert_eq!(last_used(30), Some(at(61)), "a clock that was put back");
}

#[test]
fn short_lived_tokens_stop_by_themselves_and_with_the_lasting_one() {
    let (_dir, store) = store();
    let expires = Some(at(3 * HOUR));
    let given = NewToken { expires, ..new("Client", &["ingest"]) };
    let (parent, secret) = store.create_token(&given, at(0)).unwrap();
    let (_, other) = store.create_token(&new("other", &["read"]), at(0)).unwrap();
    let issue = |id: &str, secret: &str, seconds| {
        store.issue_access_token(id, secret, at(seconds)).unwrap()
    };
    assert_eq!(issue("client", &other, 0), None, "another one's secret");
    assert_eq!(issue("nobody", &secret, 0), None);
    let (first, life) = issue("client", &secret, 0).unwrap();
    assert_eq!(life, 3600);
    assert!(first.starts_with("dwa_") && is_own_token(&first));
    let found = store.check_token(&first, at(1)).unwrap().unwrap();
    assert_eq!((&found.id, &found.permissions), (&parent.id, &vec!["ingest".to_owned()]));
    assert!(holds(&store, &first, HOUR - 1) && !holds(&store, &first, HOUR));
    assert_eq!(issue("client", &first, 1), None, "it does not renew itself");
    let (late, life) = issue(&parent.id, &secret, 3 * HOUR - 60).unwrap();
    assert_eq!(life, 60, "not longer than the lasting one");
    assert!(holds(&store, &late, 3 * HOUR - 1) && !holds(&store, &late, 3 * HOUR));

    let (second, _) = issue("client", &secret, 10).unwrap();
    assert!(store.revoke_token("client", at(11)).unwrap());
    assert!(!holds(&store, &second, 12));
    assert_eq!(issue("client", &secret, 12), None);
}

#[test]
fn the_oldest_of_too_many_short_lived_tokens_goes() {
    let (_dir, store) = store();
    let (_, secret) = store.create_token(&new("client", &["read"]), at(0)).unwrap();
    let issued: Vec<_> = (0..=SHORT_LIVED_MAX as i64)
        .map(|second| store.issue_access_token("client", &secret, at(second)).unwrap().unwrap().0)
        .collect();
    assert!(!holds(&store, &issued[0], 200));
    assert!(issued[1..].iter().all(|secret| holds(&store, secret, 200)));
}

#[test]
fn a_token_allows_what_both_it_and_its_owner_may() {
    let (_dir, store) = store();
    let scope = |tenant: &str| Scope { tenants: vec![tenant.to_owned()], ..Scope::WHOLE };
    let owner = NewPerson {
        name: "morgan".to_owned(),
        roles: vec![Role::HelpdeskAdministrator],
        scope: scope("t1"),
        ..NewPerson::default()
    };
    let owner = store.create_local(&owner, at(0)).unwrap();
    let other = person(&store, "noor");
    let mask = Mask { names: true, addresses: true };
    let rules = Rules { masks: vec![(Role::HelpdeskAdministrator, mask)], ..Rules::default() };
    let given = NewToken {
        owner: Some(owner.id.clone()),
        scope: scope("t2"),
        ..new("own", &["read", "ingest"])
    };
    let (token, _) = store.create_token(&given, at(0)).unwrap();
    let grants = token.grants(&rules, Some(&owner));
    let rights = |index: usize| grants[index].rights;
    assert_eq!(grants.len(), 2);
    assert_eq!(rights(0), Rights::of(&[Right::ReadOwn]));
    assert_eq!(grants[0].scopes, [scope("t2")], "the token narrows one's own sign-ins, too");
    assert_eq!(rights(1), Rights::of(&[Right::ReadOwn, Right::ReadUserSignIns]));
    assert_eq!(grants[1].scopes, [scope("t1"), scope("t2")]);
    assert_eq!((grants[1].role, grants[1].mask), (Some(Role::HelpdeskAdministrator), mask));

    assert_eq!(token.grants(&rules, None), [], "somebody's token is never a token of nobody");
    assert_eq!(token.grants(&rules, Some(&other)), []);
    let disabled = Person { disabled: true, ..owner.clone() };
    assert_eq!(token.grants(&rules, Some(&disabled)), []);
    let ingest = NewToken { owner: Some(owner.id.clone()), ..new("ingest", &["ingest"]) };
    let (ingest, _) = store.create_token(&ingest, at(0)).unwrap();
    assert_eq!(ingest.grants(&rules, Some(&owner)), [], "the owner may not push");

    let (service, _) = store.create_token(&new("service", &["read"]), at(0)).unwrap();
    let grants = service.grants(&rules, Some(&owner));
    assert_eq!((grants[0].role, grants[0].mask), (None, Mask::NONE));
    assert!(grants[0].scopes.is_empty() && grants[0].rights.has(Right::ReadRisk));
    assert!(!grants[0].rights.has(Right::ReadOwn));
}
