//! RULE-1: what looks at consecutive ranges find is what one look at all of them finds.

use std::collections::BTreeMap;

use durward_detect::Finding;
use proptest::prelude::*;

use super::{found_between, rule};
use crate::story::{DAY, HOUR, LAGOS, MINUTE, SignIn, Story, VIGO, guid, user};

const SPAN: i64 = 9 * DAY;

pub(super) const RULES: &[&str] = &[
    "name = 'a'\nsource = { type = 'filter', text = 'status:failure' }",
    "name = 'b'\nsource = { type = 'filter' }\nsuppress = { same_entity_hours = 5 }",
    "name = 'c'\nsource = { type = 'filter' }\n\
     shape = { type = 'count', per = ['user'], at_least = 3, window = '6h' }",
    "name = 'd'\nsource = { type = 'filter' }\n\
     shape = { type = 'distinct', of = 'country', per = ['user'], at_least = 2, window = '9h' }\n\
     suppress = { same_entity_hours = 7 }",
    "name = 'e'\nsource = { type = 'filter' }\n\
     shape = { type = 'new-value', of = 'ip', per = ['user'], learning = '2d' }",
    "name = 'f'\nsource = { type = 'filter' }\n\
     shape = { type = 'sequence', first = 'status:failure', then = 'status:success', \
     per = ['user'], within = '5h' }",
    "name = 'g'\nsource = { type = 'filter' }\n\
     shape = { type = 'absence', per = ['user'], for = '11h' }",
    "name = 'h'\nsource = { type = 'filter' }\nshape = { type = 'absence', for = '4h' }\n\
     suppress = { same_entity_hours = 24 }",
    "name = 'i'\nsource = { type = 'sigma', yaml = \"\"\"title: i\n\
     logsource: { product: azure, service: signinlogs }\n\
     detection: { s: { ResultType: 50126 }, condition: s }\"\"\" }\n\
     shape = { type = 'count', per = ['user'], at_least = 2, window = '8h' }",
    "name = 'j'\nsource = { type = 'filter', text = 'status:success' }\n\
     shape = { type = 'distinct', of = 'user', per = ['ip', 'country'], at_least = 2, \
     window = '20h' }",
    "name = 'k'\nsource = { type = 'filter' }\n\
     shape = { type = 'count', per = ['correlation'], at_least = 2, window = '1h' }",
];

fn sign_ins() -> impl Strategy<Value = Vec<SignIn>> {
    let one = (0..SPAN / MINUTE, 0..3_u8, any::<bool>(), any::<bool>(), 0..4_u8, 0..6_u8);
    let one = one.prop_map(|(minute, who, fails, away, ip, attempt)| {
        let name = ["ana", "ben", "cid"][usize::from(who)];
        user(name, minute * MINUTE)
            .code(if fails { 50126 } else { 0 })
            .at(if away { LAGOS } else { VIGO })
            .from(&format!("192.0.2.{ip}"))
            .with("correlationId", guid(&format!("{name} {attempt} {}", minute / 60)))
    });
    proptest::collection::vec(one, 1..60)
}

/// The last telling of each.
fn latest(findings: impl IntoIterator<Item = Finding>) -> BTreeMap<String, Finding> {
    findings.into_iter().map(|finding| (finding.id.to_string(), finding)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn rule_1_looking_often_finds_what_looking_once_finds(
        told in sign_ins(),
        mut cuts in proptest::collection::vec(0..SPAN, 0..8),
    ) {
        let story = Story::new(&told);
        cuts.extend([0, SPAN + DAY]);
        cuts.sort_unstable();
        for text in RULES {
            let rule = rule(text);
            let whole = latest(found_between(&story, &rule, 0, SPAN + DAY));
            let parts = cuts.windows(2).flat_map(|pair| {
                found_between(&story, &rule, pair[0], pair[1])
            });
            prop_assert_eq!(latest(parts), whole, "{}", text);
        }
    }
}

#[test]
fn the_random_story_has_something_for_every_rule() {
    // Or the property would hold for want of findings.
    let mut told = Vec::new();
    for hour in 0..(SPAN / HOUR) {
        let name = ["ana", "ben"][(hour % 2) as usize];
        let quiet = (100..120).contains(&hour);
        if !quiet {
            told.push(
                user(name, hour * HOUR)
                    .code(if hour % 3 == 0 { 50126 } else { 0 })
                    .at(if hour % 5 == 0 { LAGOS } else { VIGO })
                    .with("correlationId", guid(&format!("attempt {}", hour / 2)))
                    .from(&format!("192.0.2.{}", hour / 50)),
            );
        }
    }
    let story = Story::new(&told);
    for text in RULES {
        assert!(!found_between(&story, &rule(text), 0, SPAN + DAY).is_empty(), "{text}");
    }
}
