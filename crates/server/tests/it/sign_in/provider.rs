//! Signing in at a provider.

use durward_access::{Assignment, Role, Rules, Scope};
use durward_oidc::{Provider, ProviderConfig};
use durward_server::SignInProvider;
use serde_json::json;

use super::house::{Browser, House, between, encoded};
use super::issuer::{CLIENT, Issuer};

fn house(issuer: &Issuer) -> House {
    let config = ProviderConfig::new(issuer.url.clone(), CLIENT);
    let provider = SignInProvider {
        name: "Contoso".to_owned(),
        provider: Provider::new(config).unwrap(),
        object_id_claim: "oid".to_owned(),
        tenant_id_claim: "tid".to_owned(),
        name_claim: "preferred_username".to_owned(),
    };
    let readers = Assignment {
        claim: "groups".to_owned(),
        value: "readers".to_owned(),
        role: Role::SecurityReader,
        scope: Scope::WHOLE,
    };
    let rules = Rules { assignments: vec![readers], ..Rules::default() };
    House::with(rules, Some(provider))
}

/// Goes to the provider; gives the state and the nonce that went with the browser.
fn begin(browser: &mut Browser) -> (String, String) {
    let answer = browser.get("/sign-in/provider?return=/signins");
    assert_eq!(answer.status, 303, "{}", answer.text());
    let url = answer.header("location").unwrap().to_owned() + "&";
    assert!(url.contains("code_challenge_method=S256"), "{url}");
    let part = |name: &str| between(&url, &format!("&{name}="), "&").unwrap().to_owned();
    assert!(part("redirect_uri").ends_with("%2Fsign-in%2Fcallback"), "{url}");
    (part("state"), part("nonce"))
}

#[test]
fn somebody_comes_back_with_a_role_and_leaves_again() {
    let issuer = Issuer::start();
    let house = house(&issuer);
    let mut browser = house.browser();
    let page = browser.get("/sign-in?return=/signins").text().to_owned();
    assert!(page.contains("Sign in with Contoso"), "{page}");
    assert!(page.contains("href=\"/sign-in/provider?return=%2Fsignins\""), "{page}");
    let (state, nonce) = begin(&mut browser);
    issuer.hand_out(
        &nonce,
        &json!({
            "groups": ["readers", "others"], "preferred_username": "ines@contoso.example",
            "name": "Ines", "oid": "o1", "tid": "t1", "secret": "not kept",
        }),
    );
    let answer = browser.get(&format!("/sign-in/callback?code=c&state={state}"));
    assert_eq!(
        (answer.status, answer.header("location")),
        (303, Some("/signins")),
        "{}",
        answer.text()
    );
    assert_eq!(browser.get("/signins").status, 200);
    assert_eq!(browser.get("/metrics").status, 200, "a right of Security Readers");
    let people = house.people.people(10).unwrap();
    let ines = people.first().unwrap();
    assert_eq!(ines.name, "ines@contoso.example");
    assert_eq!((ines.object_id.as_deref(), ines.tenant_id.as_deref()), (Some("o1"), Some("t1")));
    let kept = [("groups", "readers"), ("groups", "others")];
    assert_eq!(ines.claims, kept.map(|(name, value)| (name.to_owned(), value.to_owned())));

    let again = browser.get(&format!("/sign-in/callback?code=c&state={state}"));
    assert_eq!(again.status, 400, "an answer counts once");

    let out = browser.post("/sign-out", &[]);
    // A page that goes on by itself: a redirect would be held to what forms may lead to.
    let to = out.header("refresh").unwrap().strip_prefix("0; url=").unwrap();
    assert!(to.starts_with(&format!("{}/logout?", issuer.url)), "{to}");
    let back = encoded(&format!("http://{}/signed-out", house.address));
    assert!(to.contains(&format!("post_logout_redirect_uri={back}")), "{to}");
    assert_eq!(browser.get("/signins").status, 401);

    // Without the group the role is gone, and a person without roles sees their own only.
    let (state, nonce) = begin(&mut browser);
    issuer.hand_out(&nonce, &json!({ "preferred_username": "ines@contoso.example" }));
    assert_eq!(browser.get(&format!("/sign-in/callback?code=c&state={state}")).status, 303);
    assert_eq!(browser.get("/metrics").status, 403);
}

#[test]
fn answers_that_do_not_belong_to_this_browser_are_refused() {
    let issuer = Issuer::start();
    let house = house(&issuer);
    let mut browser = house.browser();
    let stranger = browser.get("/sign-in/callback?code=c&state=x");
    assert_eq!(stranger.status, 400);
    assert!(stranger.text().contains("another browser"), "{}", stranger.text());
    let (_, nonce) = begin(&mut browser);
    issuer.hand_out(&nonce, &json!({}));
    for state in ["", "x"] {
        let mut browser = browser.clone();
        let answer = browser.get(&format!("/sign-in/callback?code=c&state={state}"));
        assert_eq!(answer.status, 400);
        assert_eq!(browser.cookie("session"), None);
    }
    // The right state, and the token of another sign-in.
    let (state, _) = begin(&mut browser);
    let answer = browser.get(&format!("/sign-in/callback?code=c&state={state}"));
    assert_eq!(answer.status, 403, "{}", answer.text());
    assert_eq!(browser.cookie("session"), None);
}

#[test]
fn what_the_provider_says_is_told_and_written_down() {
    let issuer = Issuer::start();
    let mut house = house(&issuer);
    house.person("ada", &[Role::GlobalAdministrator]);
    let mut browser = house.browser();
    let (state, _) = begin(&mut browser);
    let said = encoded("<b>not you</b>");
    let target =
        format!("/sign-in/callback?error=access_denied&error_description={said}&state={state}");
    let answer = browser.get(&target);
    assert_eq!(answer.status, 403);
    let page = answer.text();
    assert!(page.contains("Contoso did not let you in"), "{page}");
    assert!(page.contains("&lt;b&gt;not you"), "{page}");
    house.reopen();
    let events = house.own_events("code:50000");
    let reason = events[0]["status"]["failureReason"].as_str().unwrap();
    assert_eq!((events.len(), reason), (1, "access_denied: <b>not you</b>"));
}

#[test]
fn who_is_in_too_many_groups_is_told_and_who_is_disabled_stays_out() {
    let issuer = Issuer::start();
    let house = house(&issuer);
    let mut browser = house.browser();
    let (state, nonce) = begin(&mut browser);
    issuer.hand_out(&nonce, &json!({ "_claim_names": { "groups": "src1" } }));
    let answer = browser.get(&format!("/sign-in/callback?code=c&state={state}"));
    assert_eq!(answer.status, 200);
    assert!(answer.text().contains("so many groups"), "{}", answer.text());
    assert!(browser.cookie("session").is_some());

    let person = house.people.people(1).unwrap().remove(0);
    house.people.set_disabled(&person.id, true).unwrap();
    let mut browser = house.browser();
    let (state, nonce) = begin(&mut browser);
    issuer.hand_out(&nonce, &json!({}));
    let answer = browser.get(&format!("/sign-in/callback?code=c&state={state}"));
    assert_eq!(answer.status, 403);
    assert!(answer.text().contains("disabled"), "{}", answer.text());
    assert_eq!(browser.cookie("session"), None);
}
