use super::*;
use crate::grant::{Assignment, Mask, allow};
use crate::password::old_hash;
use crate::right::Right;
use crate::testing::{at, person, store};
use crate::tokens::NewToken;

fn new(name: &str) -> NewPerson {
    NewPerson { name: name.to_owned(), ..NewPerson::default() }
}

#[test]
fn a_local_account_comes_back_as_it_was_made() {
    let (_dir, store) = store();
    let scope = Scope { tenants: vec!["t1".to_owned()], ..Scope::WHOLE };
    let given = NewPerson {
        name: " Morgan.Vale@example.com ".to_owned(),
        display_name: "Morgan Vale".to_owned(),
        object_id: Some("o1".to_owned()),
        tenant_id: Some("t1".to_owned()),
        roles: vec![Role::SecurityReader, Role::HelpdeskAdministrator, Role::SecurityReader],
        scope: scope.clone(),
        password: None,
    };
    let made = store.create_local(&given, at(0)).unwrap();
    let expected = Person {
        id: made.id.clone(),
        issuer: LOCAL.to_owned(),
        subject: made.id.clone(),
        name: "Morgan.Vale@example.com".to_owned(),
        display_name: "Morgan Vale".to_owned(),
        object_id: Some("o1".to_owned()),
        tenant_id: Some("t1".to_owned()),
        roles: vec![Role::SecurityReader, Role::HelpdeskAdministrator],
        scope,
        claims: Vec::new(),
        disabled: false,
        created: at(0),
        last_sign_in: None,
        has_password: false,
        has_totp: false,
    };
    assert_eq!(made, expected);
    assert_eq!(store.person(&made.id).unwrap().as_ref(), Some(&expected));
    assert_eq!(store.person_by_name("MORGAN.vale@example.com").unwrap(), Some(expected));
    assert_eq!(store.person_by_name("morgan").unwrap(), None);
    let mut changed = made;
    store.set_roles(&changed.id, &[Role::GlobalReader], &Scope::WHOLE).unwrap();
    store.set_object_id(&changed.id, None, None).unwrap();
    (changed.roles, changed.scope) = (vec![Role::GlobalReader], Scope::WHOLE);
    (changed.object_id, changed.tenant_id) = (None, None);
    assert_eq!(store.person(&changed.id).unwrap(), Some(changed));
}

#[test]
fn names_differ_by_more_than_case_and_are_plain() {
    let (_dir, store) = store();
    person(&store, "morgan");
    let taken = store.create_local(&new("MORGAN"), at(0));
    assert!(matches!(taken, Err(AccessError::NameTaken(name)) if name == "MORGAN"));
    let long = "x".repeat(101);
    for name in ["", " ", "a b", "a:b", "m\u{43e}rgan", "a\nb", "a/b", long.as_str()] {
        let refused = store.create_local(&new(name), at(0));
        assert!(matches!(refused, Err(AccessError::Invalid(_))), "{name}");
    }
    let display_name = "two\nlines".to_owned();
    let refused = store.create_local(&NewPerson { display_name, ..new("noor") }, at(0));
    assert!(matches!(refused, Err(AccessError::Invalid(_))));
}

#[test]
fn whoever_comes_from_a_provider_is_as_it_says_and_stays_disabled() {
    let (_dir, store) = store();
    let local = person(&store, "morgan");
    let claim = |value: &str| vec![("groups".to_owned(), value.to_owned())];
    let given = Federated {
        issuer: "https://id.example.com".to_owned(),
        subject: "s1".to_owned(),
        name: "Morgan".to_owned(),
        display_name: "Morgan Vale".to_owned(),
        object_id: Some("o1".to_owned()),
        tenant_id: Some("t1".to_owned()),
        claims: claim("help"),
    };
    let first = store.upsert_federated(&given, at(0)).unwrap();
    assert_ne!(first.id, local.id);
    assert_eq!(store.person_by_name("morgan").unwrap().unwrap().id, local.id);
    store.set_disabled(&first.id, true).unwrap();
    let again = Federated { claims: claim("none"), display_name: "M. Vale".to_owned(), ..given };
    let second = store.upsert_federated(&again, at(60)).unwrap();
    assert_eq!((&second.id, second.created), (&first.id, at(0)));
    assert_eq!((second.claims.as_slice(), second.disabled), (&claim("none")[..], true));
    assert_eq!(second.display_name, "M. Vale");
    let elsewhere = Federated { issuer: "https://other.example.com".to_owned(), ..again.clone() };
    assert_ne!(store.upsert_federated(&elsewhere, at(60)).unwrap().id, first.id);

    for (issuer, subject) in [(LOCAL, local.id.as_str()), ("", "s1"), ("https://x", "")] {
        let (issuer, subject) = (issuer.to_owned(), subject.to_owned());
        let forged = Federated { issuer, subject, ..again.clone() };
        assert!(store.upsert_federated(&forged, at(60)).is_err());
    }
    for refused in [
        store.set_roles(&first.id, &[Role::GlobalAdministrator], &Scope::WHOLE),
        store.set_password(&first.id, Some(&old_hash("x"))),
        store.set_object_id(&first.id, Some("o2"), None),
    ] {
        assert!(matches!(refused, Err(AccessError::NoSuchPerson)));
    }
    let is_local = |people: Vec<Person>| people.iter().map(Person::is_local).collect::<Vec<_>>();
    assert_eq!(is_local(store.people(2).unwrap()), [true, false]);
    assert_eq!(is_local(store.people(9).unwrap()), [true, false, false]);
}

#[test]
fn grants_follow_from_roles_here_and_from_claims_elsewhere() {
    let (_dir, store) = store();
    let scope = Scope { applications: vec!["a1".to_owned()], ..Scope::WHOLE };
    let roles = vec![Role::User, Role::ReportsReader];
    let given = NewPerson { roles, scope: scope.clone(), ..new("morgan") };
    let local = store.create_local(&given, at(0)).unwrap();
    let mask = Mask { names: true, addresses: false };
    let rules = Rules {
        assignments: vec![Assignment {
            claim: "roles".to_owned(),
            value: "boss".to_owned(),
            role: Role::GlobalAdministrator,
            scope: Scope::WHOLE,
        }],
        masks: vec![(Role::ReportsReader, mask)],
    };
    let grants = local.grants(&rules);
    assert_eq!(grants.len(), 2);
    assert_eq!(grants[0], Grant::of(Role::User), "own sign-ins are not narrowed");
    assert_eq!((grants[1].scopes.as_slice(), grants[1].mask), (&[scope][..], mask));
    let federated = Federated {
        issuer: "https://id.example.com".to_owned(),
        subject: "s1".to_owned(),
        claims: vec![("roles".to_owned(), "boss".to_owned())],
        ..Federated::default()
    };
    let federated = store.upsert_federated(&federated, at(0)).unwrap();
    assert!(allow(&federated.grants(&rules), Right::ManageAccess));
    assert!(!allow(&federated.grants(&Rules::default()), Right::ReadUserSignIns));
}

#[test]
fn administrators_who_can_sign_in_are_counted() {
    let (_dir, store) = store();
    let administrator = |name: &str, password: Option<PasswordHash>| {
        let roles = vec![Role::GlobalAdministrator];
        store.create_local(&NewPerson { roles, password, ..new(name) }, at(0)).unwrap()
    };
    assert!(!store.has_way_in(at(0)).unwrap());
    let waiting = administrator("waiting", None);
    assert_eq!(store.administrators().unwrap(), 0);
    assert!(!store.has_way_in(at(0)).unwrap());
    let one = administrator("one", Some(old_hash("x")));
    store.create_local(&NewPerson { password: Some(old_hash("x")), ..new("user") }, at(0)).unwrap();
    assert_eq!(store.administrators().unwrap(), 1);
    store.set_password(&waiting.id, Some(&old_hash("x"))).unwrap();
    assert_eq!(store.administrators().unwrap(), 2);
    store.set_disabled(&one.id, true).unwrap();
    store.set_roles(&waiting.id, &[Role::SecurityAdministrator], &Scope::WHOLE).unwrap();
    assert_eq!(store.administrators().unwrap(), 0);
    assert!(store.has_way_in(at(0)).unwrap());
}

#[test]
fn a_token_is_a_way_in_while_it_holds() {
    let (_dir, store) = store();
    let expires = Some(at(60));
    let permissions = vec!["read".to_owned()];
    let token = NewToken { name: "t".to_owned(), permissions, expires, ..NewToken::default() };
    store.create_token(&token, at(0)).unwrap();
    assert!(store.has_way_in(at(59)).unwrap());
    assert!(!store.has_way_in(at(60)).unwrap());
    let morgan = person(&store, "morgan").id;
    let owned = NewToken { owner: Some(morgan.clone()), expires: None, ..token };
    store.create_token(&owned, at(60)).unwrap();
    assert!(store.has_way_in(at(60)).unwrap());
    store.set_disabled(&morgan, true).unwrap();
    assert!(!store.has_way_in(at(60)).unwrap());
}

#[test]
fn whoever_is_deleted_is_gone_and_so_are_their_tokens() {
    let (_dir, store) = store();
    let morgan = person(&store, "morgan");
    let token = NewToken {
        name: "t".to_owned(),
        permissions: vec!["read".to_owned()],
        owner: Some(morgan.id.clone()),
        ..NewToken::default()
    };
    let (token, secret) = store.create_token(&token, at(0)).unwrap();
    assert!(store.check_token(&secret, at(1)).unwrap().is_some());
    store.delete_person(&morgan.id, at(2)).unwrap();
    assert_eq!(store.check_token(&secret, at(3)).unwrap(), None);
    let kept = store.token(&token.id, at(3)).unwrap().unwrap();
    assert_eq!((kept.revoked, kept.owner), (Some(at(2)), Some(morgan.id.clone())));
    assert!(matches!(store.delete_person(&morgan.id, at(3)), Err(AccessError::NoSuchPerson)));
    person(&store, "morgan");
}
