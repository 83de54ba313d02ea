//! OData filters of objects that are no events: what stands beside the log, such as risk.

use serde_json::Value as Json;

use crate::filter::{ElementFilter, Expr, MemberPath, Op, Test, TypeError, Value};
use crate::json_test::ElementTest;
use crate::matcher::Truth;
use crate::odata::{ODataError, parse_with};
use crate::odata_scope::Scope;

/// A filter of JSON objects. Operators and comparisons are those of [`crate::filter`].
#[derive(Clone, Debug)]
pub struct JsonFilter(ElementTest);

impl JsonFilter {
    /// Reads a `$filter` of objects called `what` that have these properties. Those whose name
    /// ends in `DateTime` take instants only. Blank text is no filter.
    pub fn parse(
        text: &str,
        what: &'static str,
        properties: &[&'static str],
    ) -> Result<JsonFilter, ODataError> {
        let filter = parse_with(text, &Objects { what, properties })?;
        Ok(JsonFilter(ElementTest::new(&filter)))
    }

    /// Does it hold for this object?
    pub fn matches(&self, object: &Json) -> bool {
        self.0.truth(object, 0) == Truth::Yes
    }
}

struct Objects<'a> {
    what: &'static str,
    properties: &'a [&'static str],
}

impl Scope for Objects<'_> {
    type Of = MemberPath;

    fn of_what(&self) -> &'static str {
        self.what
    }

    fn resolve(&self, path: &str) -> Option<MemberPath> {
        let (first, rest) = path.split_once('/').unwrap_or((path, ""));
        let known = self.properties.iter().find(|known| known.eq_ignore_ascii_case(first))?;
        let rest = rest.split('/').filter(|part| !part.is_empty()).map(str::to_owned);
        Some(std::iter::once((*known).to_owned()).chain(rest).collect())
    }

    fn test(&self, of: MemberPath, op: Op) -> Result<ElementFilter, TypeError> {
        let is_time = of.last().is_some_and(|name| name.ends_with("DateTime"));
        let values = match &op {
            Op::Eq(value) | Op::Ne(value) | Op::Lt(value) => std::slice::from_ref(value),
            Op::Le(value) | Op::Gt(value) | Op::Ge(value) => std::slice::from_ref(value),
            Op::In(values) => values,
            _ => &[],
        };
        let wrong = values.iter().find(|value| !matches!(value, Value::Time(_) | Value::Null));
        match wrong {
            Some(wrong) if is_time => Err(TypeError::Value {
                property: of.join("/"),
                expected: "a date and time without quotes",
                found: wrong.kind_name(),
            }),
            _ => Ok(Expr::test_or_empty(of, op)),
        }
    }

    fn lambda(
        &self,
        of: MemberPath,
        every: bool,
        body: Option<ElementFilter>,
    ) -> Result<ElementFilter, TypeError> {
        let op = match (body, every) {
            (Some(body), true) => Op::Every(Box::new(body)),
            (Some(body), false) => Op::Any(Box::new(body)),
            (None, _) => return Ok(Expr::Test(Test { of, op: Op::Empty }).not()),
        };
        Ok(Expr::Test(Test { of, op }))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const PROPERTIES: [&str; 5] = ["id", "riskLevel", "riskLastUpdatedDateTime", "keyIds", "place"];

    #[test]
    fn objects_are_filtered_as_events_are() {
        let object = json!({
            "id": "u-1", "riskLevel": "high", "riskLastUpdatedDateTime": "2026-03-02T08:00:00Z",
            "keyIds": ["k1", "k2"], "place": { "city": "Vigo" }, "secret": 1,
        });
        let matches =
            |text: &str| JsonFilter::parse(text, "a test", &PROPERTIES).unwrap().matches(&object);
        for (text, wanted) in [
            ("", true),
            ("riskLevel eq 'HIGH'", true),
            ("riskLevel eq microsoft.graph.riskLevel'high'", true),
            ("RISKLEVEL ne 'high' or id eq 'u-1'", true),
            ("riskLevel in ('low','medium')", false),
            ("not (riskLevel eq 'low') and startswith(id,'u')", true),
            ("contains(id,'z')", false),
            ("riskLastUpdatedDateTime ge 2026-03-01T00:00:00Z", true),
            ("riskLastUpdatedDateTime lt 2026-03-02T08:00:00Z", false),
            ("keyIds/any(k: k eq 'k2')", true),
            ("keyIds/all(k: k eq 'k2')", false),
            ("place/city eq 'vigo'", true),
            ("place/street eq null", true),
        ] {
            assert_eq!(matches(text), wanted, "{text}");
        }
        for text in [
            "secret eq 1",
            "riskLastUpdatedDateTime ge '2026-03-01T00:00:00Z'",
            "riskLevel eq",
            "riskLevel like 'x'",
        ] {
            assert!(JsonFilter::parse(text, "a test", &PROPERTIES).is_err(), "{text}");
        }
    }
}
