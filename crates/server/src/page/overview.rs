//! The front page: is anything wrong now?

use axum::http::Method;
use axum::routing::get;
use durward_journal::Action;

use super::{explorer, explorer_parameters, page_of};
use crate::routes::{Endpoint, endpoint, read_others};

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![endpoint(
        Method::GET,
        "/",
        read_others(Action::Count),
        get(explorer::explorer),
        page_of("Overview").parameters(&explorer_parameters()),
    )]
}
