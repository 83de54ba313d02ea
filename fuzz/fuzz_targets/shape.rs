//! Any text may be a damaged shape: filling it ends and does not grow without bound.
#![no_main]

use durward_model::shape::{Values, fill};
use durward_model::{Cell, FieldId, Kind};
use libfuzzer_sys::fuzz_target;

struct Sample<'t>(&'t str);

impl Values for Sample<'_> {
    fn value(&self, field: FieldId) -> Cell<'_> {
        match field.field().kind {
            Kind::Int => Cell::Int(7),
            Kind::Float => Cell::Float(0.5),
            Kind::Bool => Cell::Bool(true),
            Kind::Time => Cell::Time(Default::default()),
            _ => Cell::text(self.0),
        }
    }
    fn extra(&self, _: Option<FieldId>, index: usize) -> Option<&str> {
        (index < 10).then_some("\"x\"")
    }
}

fuzz_target!(|shape: &str| {
    let inner = shape.get(..shape.len().min(64)).unwrap_or_default();
    let mut out = String::new();
    fill(shape, None, &Sample(inner), &mut out);
    // A mark of four characters stands for a value of at most 64, whose marks stand for some.
    assert!(out.len() <= (shape.len() + 1) * 4096, "{} from {}", out.len(), shape.len());
});
