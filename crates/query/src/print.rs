//! Filters written out: in OData, and as terms of the short form.
//!
//! What is written reads back as the same filter; what a language cannot say is `None`. Two
//! filters are the same where their [`canonical`] forms are equal.

use durward_model::errors::Status;
use durward_model::{FieldId, Log, Timestamp};

use crate::filter::{ElementFilter, Expr, Filter, MemberPath, Op, Property, Test, Value};
use crate::odata::LENGTH_MAX;
use crate::search::{network, parse_search};

/// The filter as an OData `$filter` of our own dialect; empty text for everything.
pub fn odata(filter: &Filter) -> Option<String> {
    if canonical(filter) == Filter::All {
        return Some(String::new());
    }
    let text = expression(filter, Level::Or, &|test| property_test(test))?;
    (text.len() <= LENGTH_MAX).then_some(text)
}

/// What binds as loosely as this needs no parentheses.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Or,
    And,
    One,
}

fn expression<P>(
    expr: &Expr<P>,
    level: Level,
    test: &dyn Fn(&Test<P>) -> Option<String>,
) -> Option<String> {
    let joined = |these: &[Expr<P>], word: &str, own: Level, inner: Level| {
        let parts: Option<Vec<_>> = these.iter().map(|one| expression(one, inner, test)).collect();
        let parts = parts.filter(|parts| !parts.is_empty())?;
        let bare = level <= own || parts.len() == 1;
        let text = parts.join(word);
        Some(if bare { text } else { format!("({text})") })
    };
    match expr {
        Expr::All => None,
        Expr::And(these) => joined(these, " and ", Level::And, Level::One),
        Expr::Or(these) => joined(these, " or ", Level::Or, Level::And),
        Expr::Not(inner) => Some(format!("not ({})", expression(inner, Level::Or, test)?)),
        Expr::Test(one) => test(one),
    }
}

fn property_test(test: &Test<Property>) -> Option<String> {
    let name = test.of.name();
    let is_path = |part: &String| is_name(part);
    match &test.of {
        Property::Status => words(&test.op, "status"),
        Property::Log if test.op != Op::Empty => {
            Some(format!("{name}/any(t: {})", words(&test.op, "t")?))
        }
        Property::Member(_, path) if !path.iter().all(is_path) => None,
        _ => operation(&name, &test.op, 0),
    }
}

/// A property that is one of a few words.
fn words(op: &Op, name: &str) -> Option<String> {
    matches!(op, Op::Eq(_) | Op::Ne(_) | Op::In(_)).then(|| operation(name, op, 0)).flatten()
}

fn is_name(part: &str) -> bool {
    !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// A test of what is called `name`, inside so many lambdas.
fn operation(name: &str, op: &Op, depth: usize) -> Option<String> {
    let compared = |word: &str, value| Some(format!("{name} {word} {}", literal(value)?));
    let called = |function: &str, text: &str| Some(format!("{function}({name},{})", quoted(text)));
    match op {
        Op::Eq(value) => compared("eq", value),
        Op::Ne(value) => compared("ne", value),
        Op::Lt(value) => compared("lt", value),
        Op::Le(value) => compared("le", value),
        Op::Gt(value) => compared("gt", value),
        Op::Ge(value) => compared("ge", value),
        Op::In(values) => {
            let values: Option<Vec<_>> = values.iter().map(literal).collect();
            let values = values.filter(|values| !values.is_empty())?;
            Some(format!("{name} in ({})", values.join(", ")))
        }
        Op::Contains(text) => called("contains", text),
        Op::StartsWith(text) => called("startsWith", text),
        Op::EndsWith(text) => called("endsWith", text),
        Op::Cidr(net) => called("cidr", &net.to_string()),
        Op::Empty => Some(format!("{name} eq null")),
        Op::Any(body) => lambda(name, "any", body, depth),
        Op::Every(body) => lambda(name, "all", body, depth),
    }
}

fn lambda(name: &str, word: &str, body: &ElementFilter, depth: usize) -> Option<String> {
    let variable = format!("x{depth}");
    let test = |test: &Test<MemberPath>| {
        if !test.of.iter().all(|part| is_name(part)) {
            return None;
        }
        let mut path = vec![variable.as_str()];
        path.extend(test.of.iter().map(String::as_str));
        operation(&path.join("/"), &test.op, depth + 1)
    };
    Some(format!("{name}/{word}({variable}: {})", expression(body, Level::Or, &test)?))
}

fn literal(value: &Value) -> Option<String> {
    Some(match value {
        Value::Text(text) => quoted(text),
        Value::Int(int) => int.to_string(),
        // With its point or exponent, so that it does not read back as a whole number.
        Value::Float(float) if float.is_finite() => format!("{float:?}"),
        Value::Float(_) => return None,
        Value::Bool(truth) => truth.to_string(),
        Value::Time(time) => time.to_rfc3339(),
        Value::Null => "null".to_owned(),
    })
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The filter as one term of the short form, if it is such a term. `now` is what a search is
/// read with.
pub fn term(filter: &Filter, now: Timestamp) -> Option<String> {
    let wanted = canonical(filter);
    let is_right =
        |text: &String| parse_search(text, now).is_ok_and(|read| canonical(&read) == wanted);
    let (inner, sign, equal) = match &wanted {
        Expr::Not(inner) => (inner.as_ref(), "-", "!="),
        other => (other, "", "="),
    };
    let alternatives = match inner {
        Expr::Or(these) => these.as_slice(),
        one => std::slice::from_ref(one),
    };
    let mut name = None;
    let mut values = Vec::new();
    for one in alternatives {
        let Expr::Test(Test { of, op }) = one else { return None };
        if *name.get_or_insert(of) != of {
            return None;
        }
        values.push(value(op)?);
    }
    let name = short_name(name?);
    let symbol = values.first()?.0;
    let values: Vec<String> =
        values.into_iter().filter(|value| value.0 == symbol).map(|(_, text)| text).collect();
    let values = values.join(",");
    // Of the ways to write it the first that means it.
    let mut ways = vec![format!("{sign}{name}{symbol}{values}")];
    match symbol {
        "=" => ways.insert(0, format!("{name}{equal}{values}")),
        ":" => ways.push(format!("{sign}{name}:*{values}*")),
        _ => {}
    }
    ways.into_iter().find(is_right)
}

/// Symbol and value of a test in the short form.
fn value(op: &Op) -> Option<(&'static str, String)> {
    let (symbol, value) = match op {
        Op::Eq(value) => ("=", value),
        Op::Lt(value) => ("<", value),
        Op::Le(value) => ("<=", value),
        Op::Gt(value) => (">", value),
        Op::Ge(value) => (">=", value),
        Op::Contains(text) => return Some((":", in_quotes(text))),
        Op::StartsWith(text) => return Some((":", format!("{}*", in_quotes(text)))),
        Op::EndsWith(text) => return Some((":", format!("*{}", in_quotes(text)))),
        Op::Cidr(net) => return Some((":", network_text(net))),
        Op::Empty => return Some(("=", "\"\"".to_owned())),
        Op::Ne(_) | Op::In(_) | Op::Any(_) | Op::Every(_) => return None,
    };
    let text = match value {
        Value::Text(text) => bare(text),
        Value::Int(int) => int.to_string(),
        Value::Float(float) => float.to_string(),
        Value::Bool(truth) => truth.to_string(),
        Value::Time(time) => time.to_rfc3339(),
        Value::Null => return None,
    };
    Some((symbol, text))
}

/// A network, or an address alone.
fn network_text(net: &ipnet::IpNet) -> String {
    let whole = net.prefix_len() == net.max_prefix_len();
    if whole { net.addr().to_string() } else { net.to_string() }
}

/// What people call a property.
fn short_name(of: &Property) -> String {
    match of {
        Property::Log => "log".to_owned(),
        Property::Field(FieldId::IpAddress) => "ip".to_owned(),
        Property::Field(FieldId::ErrorCode) => "code".to_owned(),
        other => other.name(),
    }
}

/// A value of the short form: in quotes where it could be misread.
fn bare(text: &str) -> String {
    let belongs = |c: char| c.is_alphanumeric() || "._-@".contains(c);
    let plain = !text.is_empty() && text.chars().all(belongs) && !text.starts_with('-');
    if plain { text.to_owned() } else { in_quotes(text) }
}

fn in_quotes(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

/// One form of all filters that say the same in ways the languages cannot tell apart: no nested
/// lists of `and` and `or`, single comparisons only, no double `not`.
pub(crate) fn canonical(filter: &Filter) -> Filter {
    simplified(filter, &|of, op| match (of, op) {
        (Property::Field(FieldId::IpAddress), Op::Eq(Value::Text(text))) => {
            network(&text).map_or(Op::Eq(Value::Text(text)), Op::Cidr)
        }
        (Property::Status, Op::Eq(Value::Text(text))) => {
            let name = Status::from_name(&text).map(|status| status.name().to_owned());
            Op::Eq(Value::Text(name.unwrap_or(text)))
        }
        (Property::Log, Op::Eq(Value::Text(text))) => {
            let name = Log::from_name(&text).map(|log| log.name().to_owned());
            Op::Eq(Value::Text(name.unwrap_or(text)))
        }
        (_, op) => op,
    })
}

fn simplified<P: Clone>(expr: &Expr<P>, fit: &dyn Fn(&P, Op) -> Op) -> Expr<P> {
    match expr {
        Expr::All => Expr::All,
        Expr::And(these) => {
            let mut flat = Vec::new();
            for one in these {
                match simplified(one, fit) {
                    Expr::And(more) => flat.extend(more),
                    one => flat.push(one),
                }
            }
            flat.into_iter().fold(Expr::All, Expr::and)
        }
        Expr::Or(these) => {
            let mut flat = Vec::new();
            for one in these {
                match simplified(one, fit) {
                    Expr::Or(more) => flat.extend(more),
                    one => flat.push(one),
                }
            }
            Expr::any_of(flat)
        }
        Expr::Not(inner) => simplified(inner, fit).not(),
        Expr::Test(Test { of, op }) => simplified_test(of, op, fit),
    }
}

fn simplified_test<P: Clone>(of: &P, op: &Op, fit: &dyn Fn(&P, Op) -> Op) -> Expr<P> {
    let equal = |value: &Value| Expr::test_or_empty(of.clone(), fit(of, Op::Eq(value.clone())));
    let inside = |body: &ElementFilter| Box::new(simplified(body, &|_, op| op));
    let op = match op {
        Op::Ne(value) => return equal(value).not(),
        Op::Eq(value) => return equal(value),
        Op::In(values) => return Expr::any_of(values.iter().map(equal).collect()),
        Op::Any(body) => Op::Any(inside(body)),
        Op::Every(body) => Op::Every(inside(body)),
        op => op.clone(),
    };
    Expr::Test(Test { of: of.clone(), op })
}

#[cfg(test)]
#[path = "print_tests.rs"]
mod tests;
