//! OData `$filter`, `$orderby` and `$select` as Graph takes them for sign-ins, and more of it.
//!
//! Graph documents `eq`, `le`, `ge` and `startsWith` joined by `and`. Here all comparisons, `in`,
//! `not`, `or`, `contains`, `endsWith`, and `any`/`all` work on every property, and networks are
//! asked for as `cidr(ipAddress,'10.0.0.0/8')`. Names of properties, functions and operators are accepted in any case; texts compare without case.
//!
//! The parser is our own recursive descent over a few rules: the errors it gives name property
//! and position, and its depth, length and number of tests are bounded.

use durward_model::FieldId;
use durward_model::field::{FIELDS, GraphVersion};

use crate::cursor::Order;
use crate::filter::{ElementFilter, Expr, Filter, Op, TypeError, Value};
use crate::odata_scope::{Elements, Events, Scope};
use crate::odata_text::{Literal, Text};
pub use crate::print::odata as print;
use crate::search::network;

/// Longest `$filter`, in bytes.
pub const LENGTH_MAX: usize = 32 * 1024;
/// Deepest nesting of parentheses, `not` and lambdas.
pub const DEPTH_MAX: usize = 32;
/// Most values and tests in one filter.
pub const TESTS_MAX: usize = 2000;

/// Whose properties a filter can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Graph v1.0; `signInEventTypes` is accepted too, as public scripts send it there.
    V1,
    /// Graph beta.
    Beta,
    /// Every field of the catalogue, and `status` as a word (`status eq 'failure'`).
    Own,
}

/// What is wrong with a query option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ODataError {
    /// What kind of mistake it is.
    pub kind: ErrorKind,
    /// Where, in characters from 0.
    pub position: usize,
    /// The property it is about, if it is about one.
    pub property: Option<String>,
    message: String,
}

/// Kinds of mistakes in a query option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// There is no such property.
    UnknownProperty,
    /// A date was put in quotes.
    QuotedDate,
    /// The value is of another type than the property, or the operator does not fit it.
    WrongType,
    /// There is no such function or operator.
    Unsupported,
    /// It cannot be read.
    Syntax,
    /// Too long, too deep or too many tests.
    TooLarge,
}

impl std::error::Error for ODataError {}

impl std::fmt::Display for ODataError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Invalid filter clause: {} at position {}", self.message, self.position)
    }
}

impl ODataError {
    pub(crate) fn new(kind: ErrorKind, position: usize, message: impl Into<String>) -> ODataError {
        ODataError { kind, position, property: None, message: message.into() }
    }

    fn about(mut self, property: &str) -> ODataError {
        self.property = Some(property.to_owned());
        self
    }
}

/// Reads a `$filter`. Blank text is no filter.
pub fn parse_filter(text: &str, dialect: Dialect) -> Result<Filter, ODataError> {
    parse_with(text, &Events { dialect })
}

/// Reads a `$filter` of whatever the scope is about.
pub(crate) fn parse_with<S: Scope>(text: &str, scope: &S) -> Result<Expr<S::Of>, ODataError> {
    if text.len() > LENGTH_MAX {
        let message = format!("the filter is longer than {LENGTH_MAX} bytes");
        return Err(ODataError::new(ErrorKind::TooLarge, LENGTH_MAX, message));
    }
    let mut parser = Parser { text: Text::new(text), depth: 0, tests: 0 };
    if parser.text.at_end() {
        return Ok(Expr::All);
    }
    let filter = parser.any_of(scope)?;
    if !parser.text.at_end() {
        return Err(parser.text.syntax("'and', 'or' or the end is expected"));
    }
    Ok(filter)
}

/// Reads an `$orderby`: `createdDateTime`, alone or with `asc` or `desc`.
pub fn parse_orderby(text: &str) -> Result<Order, ODataError> {
    let mut words = text.split_whitespace();
    let (property, direction, rest) = (words.next(), words.next(), words.next());
    match (property, direction.map(str::to_ascii_lowercase).as_deref(), rest) {
        (Some(name), direction, None) if name.eq_ignore_ascii_case("createdDateTime") => {
            match direction {
                Some("desc") => Ok(Order::NewestFirst),
                Some("asc") | None => Ok(Order::OldestFirst),
                Some(_) => Err(ODataError::new(
                    ErrorKind::Syntax,
                    name.len() + 1,
                    "asc or desc is expected",
                )
                .about(name)),
            }
        }
        (property, ..) => {
            let message = "only createdDateTime can be ordered by";
            let error = ODataError::new(ErrorKind::Unsupported, 0, message);
            Err(error.about(property.unwrap_or_default()))
        }
    }
}

/// Reads a `$select`: the names of top-level properties, in the catalogue's spelling and in the
/// order given, each once.
pub fn parse_select(text: &str, dialect: Dialect) -> Result<Vec<&'static str>, ODataError> {
    let mut names = Vec::new();
    let mut position = 0;
    for part in text.split(',') {
        let wanted = part.trim();
        let name = top_level(dialect).find(|name| name.eq_ignore_ascii_case(wanted));
        let Some(name) = name else {
            let message = format!("there is no property '{wanted}'");
            let error = ODataError::new(ErrorKind::UnknownProperty, position, message);
            return Err(error.about(wanted));
        };
        if !names.contains(&name) {
            names.push(name);
        }
        position += part.chars().count() + 1;
    }
    Ok(names)
}

/// Names of the top-level properties that a dialect has; some come several times.
fn top_level(dialect: Dialect) -> impl Iterator<Item = &'static str> {
    FIELDS
        .iter()
        .filter(move |field| field.id == FieldId::SignInEventTypes || visible(field.id, dialect))
        .filter_map(|field| field.name.split('/').next())
}

pub(crate) fn visible(field: FieldId, dialect: Dialect) -> bool {
    match (dialect, field.field().graph) {
        (_, _) if field == FieldId::Shape => false,
        (Dialect::Own, _) => true,
        (_, GraphVersion::None) => false,
        (Dialect::V1, version) => version != GraphVersion::Beta,
        (Dialect::Beta, version) => version != GraphVersion::V1Only,
    }
}

struct Parser<'a> {
    text: Text<'a>,
    depth: usize,
    tests: usize,
}

impl Parser<'_> {
    /// `a or b or …`
    fn any_of<S: Scope>(&mut self, scope: &S) -> Result<Expr<S::Of>, ODataError> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            let message = format!("the filter is nested deeper than {DEPTH_MAX} levels");
            return Err(self.text.error(ErrorKind::TooLarge, message));
        }
        let mut these = vec![self.all_of(scope)?];
        while self.text.word("or") {
            these.push(self.all_of(scope)?);
        }
        self.depth -= 1;
        Ok(Expr::any_of(these))
    }

    /// `a and b and …`
    fn all_of<S: Scope>(&mut self, scope: &S) -> Result<Expr<S::Of>, ODataError> {
        let mut all = self.one(scope)?;
        while self.text.word("and") {
            all = all.and(self.one(scope)?);
        }
        Ok(all)
    }

    fn one<S: Scope>(&mut self, scope: &S) -> Result<Expr<S::Of>, ODataError> {
        // `not not not …` nests without parentheses, so it is a loop.
        let mut negated = false;
        while self.text.word("not") {
            negated = !negated;
        }
        let inner = if self.text.symbol('(') {
            let inner = self.any_of(scope)?;
            self.text.expect(')')?;
            inner
        } else {
            self.test(scope)?
        };
        Ok(if negated { inner.not() } else { inner })
    }

    /// A comparison, a function, a lambda or a property that is true or false.
    fn test<S: Scope>(&mut self, scope: &S) -> Result<Expr<S::Of>, ODataError> {
        self.count_test()?;
        let start = self.text.position();
        let Some(name) = self.text.path() else {
            return Err(self.text.syntax("a property or a function is expected"));
        };
        if self.text.symbol('(') {
            return self.call(scope, &name, start);
        }
        let of = self.property(scope, &name, start)?;
        self.comparison(scope, of, &name, start)
    }

    fn property<S: Scope>(&self, scope: &S, name: &str, start: usize) -> Result<S::Of, ODataError> {
        scope.resolve(name).ok_or_else(|| {
            let message = format!("there is no property '{name}' in {}", scope.of_what());
            ODataError::new(ErrorKind::UnknownProperty, start, message).about(name)
        })
    }

    /// After `name(`: a lambda if the name ends in `/any` or `/all`, else a function.
    fn call<S: Scope>(
        &mut self,
        scope: &S,
        name: &str,
        start: usize,
    ) -> Result<Expr<S::Of>, ODataError> {
        if let Some((list, every)) = lambda_name(name) {
            let of = self.property(scope, list, start)?;
            let body = self.lambda_body(every)?;
            let built = scope.lambda(of, every, body);
            return built.map_err(|error| type_error(error, list, start));
        }
        let function: fn(String) -> Op = match name.to_ascii_lowercase().as_str() {
            "startswith" => Op::StartsWith,
            "endswith" => Op::EndsWith,
            "contains" => Op::Contains,
            "cidr" => return self.network(scope),
            "tolower" | "toupper" => return self.case_function(scope),
            _ => {
                let message = format!("there is no function '{name}'");
                return Err(ODataError::new(ErrorKind::Unsupported, start, message));
            }
        };
        let (property, of_start, of) = self.operand(scope)?;
        self.text.expect(',')?;
        let at = self.text.position();
        let Literal::Text(text) = self.text.literal()? else {
            let message = format!("{name} takes a text in quotes");
            return Err(ODataError::new(ErrorKind::WrongType, at, message).about(&property));
        };
        self.text.expect(')')?;
        let test = scope.test(of, function(text));
        let test = test.map_err(|error| type_error(error, &property, of_start))?;
        self.compared_with_truth(test)
    }

    /// After `cidr(`: `ipAddress,'10.0.0.0/8')`.
    fn network<S: Scope>(&mut self, scope: &S) -> Result<Expr<S::Of>, ODataError> {
        let (property, of_start, of) = self.operand(scope)?;
        self.text.expect(',')?;
        let at = self.text.position();
        let net = match self.text.literal()? {
            Literal::Text(text) => network(&text),
            Literal::Value(_) => None,
        };
        let Some(net) = net else {
            let message = "cidr takes a network in quotes, such as '10.0.0.0/8'";
            return Err(ODataError::new(ErrorKind::WrongType, at, message).about(&property));
        };
        self.text.expect(')')?;
        let test = scope.test(of, Op::Cidr(net));
        let test = test.map_err(|error| type_error(error, &property, of_start))?;
        self.compared_with_truth(test)
    }

    /// `startsWith(…) eq true` is the same as `startsWith(…)`.
    fn compared_with_truth<P>(&mut self, test: Expr<P>) -> Result<Expr<P>, ODataError> {
        let equal = if self.text.word("eq") {
            true
        } else if self.text.word("ne") {
            false
        } else {
            return Ok(test);
        };
        let at = self.text.position();
        match self.text.literal()? {
            Literal::Value(Value::Bool(truth)) if truth == equal => Ok(test),
            Literal::Value(Value::Bool(_)) => Ok(test.not()),
            _ => Err(ODataError::new(ErrorKind::WrongType, at, "true or false is expected")),
        }
    }

    /// A property as a function's first argument, perhaps inside `tolower(…)`.
    fn operand<S: Scope>(&mut self, scope: &S) -> Result<(String, usize, S::Of), ODataError> {
        let start = self.text.position();
        let Some(name) = self.text.path() else {
            return Err(self.text.syntax("a property is expected"));
        };
        let lower = name.to_ascii_lowercase();
        if matches!(lower.as_str(), "tolower" | "toupper") && self.text.symbol('(') {
            let start = self.text.position();
            let inner = self.text.path().unwrap_or_default();
            let of = self.property(scope, &inner, start)?;
            self.text.expect(')')?;
            return Ok((inner, start, of));
        }
        let of = self.property(scope, &name, start)?;
        Ok((name, start, of))
    }

    /// After `tolower(`: case never matters, so it is the property alone.
    fn case_function<S: Scope>(&mut self, scope: &S) -> Result<Expr<S::Of>, ODataError> {
        let start = self.text.position();
        let name = self.text.path().unwrap_or_default();
        let of = self.property(scope, &name, start)?;
        self.text.expect(')')?;
        self.comparison(scope, of, &name, start)
    }

    /// After `list/any(`: `x: …)` or `)`.
    fn lambda_body(&mut self, every: bool) -> Result<Option<ElementFilter>, ODataError> {
        if !every && self.text.symbol(')') {
            return Ok(None);
        }
        let Some(variable) = self.text.path().filter(|name| !name.contains('/')) else {
            return Err(self.text.syntax("a variable is expected, as in any(x: x eq 'a')"));
        };
        self.text.expect(':')?;
        let body = self.any_of(&Elements { variable })?;
        self.text.expect(')')?;
        Ok(Some(body))
    }

    fn comparison<S: Scope>(
        &mut self,
        scope: &S,
        of: S::Of,
        name: &str,
        start: usize,
    ) -> Result<Expr<S::Of>, ODataError> {
        let at = self.text.position();
        let op = match self.text.any_word().to_ascii_lowercase().as_str() {
            "in" => Op::In(self.list()?),
            // Members that combine are tested one by one anyway.
            "eq" | "has" => Op::Eq(self.value()?),
            "ne" => Op::Ne(self.value()?),
            "lt" => Op::Lt(self.value()?),
            "le" => Op::Le(self.value()?),
            "gt" => Op::Gt(self.value()?),
            "ge" => Op::Ge(self.value()?),
            "" | "and" | "or" => {
                self.text.back_to(at);
                Op::Eq(Value::Bool(true))
            }
            other => {
                let message = format!("there is no operator '{other}'");
                return Err(ODataError::new(ErrorKind::Unsupported, at, message).about(name));
            }
        };
        scope.test(of, op).map_err(|error| type_error(error, name, start))
    }

    fn value(&mut self) -> Result<Value, ODataError> {
        Ok(match self.text.literal()? {
            Literal::Text(text) => Value::Text(text),
            Literal::Value(value) => value,
        })
    }

    /// `('a', 'b', …)`
    fn list(&mut self) -> Result<Vec<Value>, ODataError> {
        self.text.expect('(')?;
        let mut values = vec![self.value()?];
        while self.text.symbol(',') {
            self.count_test()?;
            values.push(self.value()?);
        }
        self.text.expect(')')?;
        Ok(values)
    }

    fn count_test(&mut self) -> Result<(), ODataError> {
        self.tests += 1;
        if self.tests > TESTS_MAX {
            let message = format!("the filter has more than {TESTS_MAX} tests");
            return Err(self.text.error(ErrorKind::TooLarge, message));
        }
        Ok(())
    }
}

/// `list` and whether all elements are meant, for `list/any` and `list/all`.
fn lambda_name(name: &str) -> Option<(&str, bool)> {
    let (list, last) = name.rsplit_once('/')?;
    match last.to_ascii_lowercase().as_str() {
        "any" => Some((list, false)),
        "all" => Some((list, true)),
        _ => None,
    }
}

fn type_error(error: TypeError, name: &str, position: usize) -> ODataError {
    let quoted_date = matches!(
        &error,
        TypeError::Value {
            expected: "a date and time without quotes",
            found: "a text in quotes",
            ..
        }
    );
    let kind = if quoted_date { ErrorKind::QuotedDate } else { ErrorKind::WrongType };
    ODataError::new(kind, position, error.to_string()).about(name)
}

#[cfg(test)]
#[path = "odata_tests.rs"]
mod tests;
