//! A whole request without a host: what goes on acts in the one namespace that the token opens, as simple code reads it.

use std::cell::RefCell;

use temporal_auth::filter::{Action, FilterState, RequestFilter};
use temporal_auth::temporal::{Catalogue, Route};
use temporal_auth::wire::headers::{Headers, serialize};

use super::super::{NAMESPACE, NOW, engine, naive, pieces, request::Request};

thread_local! {
    static ENGINE: RefCell<FilterState> = RefCell::new(engine());
}

/// The rule that has just allowed the call.
fn allowing(call: &mut RequestFilter) -> Option<String> {
    call.take_decision().filter(|decision| decision.allow).and_then(|decision| decision.rule)
}

/// Sends the request. Returns the last step, and the rule that allowed the call, if any.
fn send(engine: &mut FilterState, request: &Request, sizes: &[u8]) -> (Action, Option<String>) {
    let mut call = RequestFilter::new(NOW);
    let headers: Vec<_> = request.headers.iter().map(|(name, value)| (name.as_bytes(), value.as_slice())).collect();
    let headers = serialize(&headers);
    let mut step = call.on_headers(engine, Headers::new(&headers), request.ends_with_headers, (), &mut Vec::new());
    let mut rule = allowing(&mut call);
    let (mut sent, whole) = (0, request.first_frame().map_or(usize::MAX, <[u8]>::len));
    for piece in pieces(sizes, &request.body) {
        if step == Action::Forward {
            step = call.on_body(engine, piece, false, || NOW);
            sent += piece.len();
            rule = rule.or(allowing(&mut call));
            assert!(step != Action::Forward || sent < whole || rule.is_some(), "the message is whole and undecided");
        }
    }
    if step == Action::Forward {
        step = if request.ends_with_trailers {
            call.on_trailers(engine, || NOW)
        } else {
            call.on_body(engine, &[], true, || NOW)
        };
    }
    (step, rule)
}

/// See the module.
pub fn run(data: &[u8]) {
    let Some(request) = Request::from(data) else { return };
    let results = ENGINE.with_borrow_mut(|engine| [&[][..], &request.sizes].map(|sizes| send(engine, &request, sizes)));
    // A second message is refused with the first, or after it was decided about.
    assert!(request.has_more() || results[0] == results[1], "{results:?}");
    for (step, rule) in results.into_iter().filter_map(|(step, rule)| Some((step, rule?))) {
        let path = &request.headers.iter().rfind(|(name, _)| name == ":path").unwrap().1;
        let Route::Method(method) = Catalogue::default().route(path) else { panic!("unknown method") };
        let open = rule == "anonymous";
        assert_eq!(open, ["GetSystemInfo", "Check"].contains(&method.name()));
        assert!(open || step != Action::Forward || !request.has_more(), "a second message went on");
        let own = |message: Vec<u8>| naive::last_text(&message, method.namespace_field).as_deref() == Some(NAMESPACE);
        // Of gzip data, flate2 refuses some that Go reads.
        let reads = || naive::message(request.first_frame().unwrap()).map_or(request.body[0] == 1, own);
        assert!(open || reads(), "another namespace");
    }
}
