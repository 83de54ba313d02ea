//! What the names in an OData filter mean: properties of events, or members of list elements.

use crate::filter::{
    ElementFilter, Expr, Filter, MemberPath, Op, Property, Test, TypeError, Value,
};
use crate::odata::{Dialect, visible};

/// What names mean where the parser is: events, or the elements of a list.
pub(crate) trait Scope {
    type Of: Clone;
    /// What has the properties, for messages.
    fn of_what(&self) -> &'static str {
        "a sign-in"
    }
    /// What a path names.
    fn resolve(&self, path: &str) -> Option<Self::Of>;
    /// A checked test.
    fn test(&self, of: Self::Of, op: Op) -> Result<Expr<Self::Of>, TypeError>;
    /// `path/any(…)`, `path/all(…)`; `None` as body stands for `any()`.
    fn lambda(
        &self,
        of: Self::Of,
        every: bool,
        body: Option<ElementFilter>,
    ) -> Result<Expr<Self::Of>, TypeError>;
}

pub(crate) struct Events {
    pub(crate) dialect: Dialect,
}

impl Scope for Events {
    type Of = Property;

    fn resolve(&self, path: &str) -> Option<Property> {
        let property = Property::resolve(path)?;
        let own_name = path.eq_ignore_ascii_case("log");
        match &property {
            Property::Log if own_name && self.dialect != Dialect::Own => None,
            Property::Field(field) | Property::Member(field, _) => {
                visible(*field, self.dialect).then_some(property)
            }
            _ => Some(property),
        }
    }

    fn test(&self, of: Property, op: Op) -> Result<Filter, TypeError> {
        let word = match &op {
            Op::Eq(value) | Op::Ne(value) => matches!(value, Value::Text(_)),
            Op::In(_) => true,
            _ => false,
        };
        if self.dialect == Dialect::Own && word && of == Property::Whole("status") {
            return Filter::checked(Property::Status, op);
        }
        Filter::checked(of, op)
    }

    fn lambda(
        &self,
        of: Property,
        every: bool,
        body: Option<ElementFilter>,
    ) -> Result<Filter, TypeError> {
        // An event is of exactly one type, so `any` and `all` ask the same of it.
        if of == Property::Log {
            return body.map_or(Ok(Filter::All), |body| log_filter(&body));
        }
        Filter::checked(of.clone(), lambda_op(every, Expr::All)).and_then(|_| match body {
            Some(body) => Filter::checked(of, lambda_op(every, body)),
            None => Ok(Filter::test(of, Op::Empty).not()),
        })
    }
}

fn lambda_op(every: bool, body: ElementFilter) -> Op {
    if every { Op::Every(Box::new(body)) } else { Op::Any(Box::new(body)) }
}

/// The filter of events for a filter of their types.
fn log_filter(body: &ElementFilter) -> Result<Filter, TypeError> {
    let all = |these: &[ElementFilter]| these.iter().map(log_filter).collect::<Result<_, _>>();
    Ok(match body {
        Expr::All => Filter::All,
        Expr::And(these) => Expr::And(all(these)?),
        Expr::Or(these) => Expr::Or(all(these)?),
        Expr::Not(inner) => log_filter(inner)?.not(),
        Expr::Test(Test { of, op }) if of.is_empty() => Filter::checked(Property::Log, op.clone())?,
        Expr::Test(_) => {
            let property = Property::Log.name();
            return Err(TypeError::Operator { property, operator: "members" });
        }
    })
}

pub(crate) struct Elements {
    pub(crate) variable: String,
}

impl Scope for Elements {
    type Of = MemberPath;

    fn resolve(&self, path: &str) -> Option<MemberPath> {
        let (first, rest) = path.split_once('/').unwrap_or((path, ""));
        let parts = rest.split('/').filter(|part| !part.is_empty()).map(str::to_owned);
        (first == self.variable).then(|| parts.collect())
    }

    fn test(&self, of: MemberPath, op: Op) -> Result<ElementFilter, TypeError> {
        Ok(Expr::test_or_empty(of, op))
    }

    fn lambda(
        &self,
        of: MemberPath,
        every: bool,
        body: Option<ElementFilter>,
    ) -> Result<ElementFilter, TypeError> {
        Ok(match body {
            Some(body) => Expr::Test(Test { of, op: lambda_op(every, body) }),
            None => Expr::Test(Test { of, op: Op::Empty }).not(),
        })
    }
}
