//! A whole request without a host: a request that is forwarded acts in the token's namespace, as simple code reads it.

use std::cell::RefCell;

use temporal_auth::filter::{Action, FilterState, RequestFilter};
use temporal_auth::temporal::{Catalogue, Route};
use temporal_auth::wire::headers::{Headers, serialize};

use super::super::{NAMESPACE, NOW, filter, naive, pieces, request::FuzzRequest};

thread_local! {
    static FILTER: RefCell<FilterState> = RefCell::new(filter());
}

/// The rule that has just allowed the call, if any.
fn take_allowing_rule(call: &mut RequestFilter) -> Option<String> {
    call.take_decision()
        .filter(|decision| decision.allow)
        .and_then(|decision| decision.rule)
        .map(|rule| rule.name().to_owned())
}

/// Sends the request. Returns the last action, and the rule that allowed the call, if any.
fn send(filter: &mut FilterState, request: &FuzzRequest, sizes: &[u8]) -> (Action, Option<String>) {
    let mut call = RequestFilter::new(NOW);
    let headers: Vec<_> = request.headers.iter().map(|(name, value)| (name.as_bytes(), value.as_slice())).collect();
    let headers = serialize(&headers);
    let mut action = call.on_headers(filter, Headers::new(&headers), request.ends_with_headers, (), &mut Vec::new());
    let mut rule = take_allowing_rule(&mut call);
    let (mut sent, message_end) = (0, request.first_frame().map_or(usize::MAX, <[u8]>::len));
    for piece in pieces(sizes, &request.body) {
        if action == Action::Forward {
            action = call.on_body(filter, piece, false, || NOW);
            sent += piece.len();
            rule = rule.or(take_allowing_rule(&mut call));
            assert!(
                action != Action::Forward || sent < message_end || rule.is_some(),
                "the message is complete but undecided"
            );
        }
    }
    if action == Action::Forward {
        action = if request.ends_with_trailers {
            call.on_trailers(filter, || NOW)
        } else {
            call.on_body(filter, &[], true, || NOW)
        };
    }
    (action, rule)
}

/// See the module.
pub fn run(data: &[u8]) {
    let Some(request) = FuzzRequest::from_bytes(data) else { return };
    let results = FILTER.with_borrow_mut(|filter| [&[][..], &request.sizes].map(|sizes| send(filter, &request, sizes)));
    // A second message is refused together with the first message, or after the first was decided.
    assert!(request.has_more() || results[0] == results[1], "{results:?}");
    for (action, rule) in results.into_iter().filter_map(|(action, rule)| Some((action, rule?))) {
        let path = &request.headers.iter().rfind(|(name, _)| name == ":path").unwrap().1;
        let Route::Method(method) = Catalogue::default().route(path) else { panic!("unknown method") };
        let is_anonymous = rule == "anonymous";
        assert_eq!(is_anonymous, ["GetSystemInfo", "Check"].contains(&method.name()));
        assert!(is_anonymous || action != Action::Forward || !request.has_more(), "a second message was forwarded");
        let has_namespace =
            |message: Vec<u8>| naive::last_text(&message, method.namespace_field).as_deref() == Some(NAMESPACE);
        // flate2 refuses some gzip data that Go reads.
        let is_permitted =
            || naive::message(request.first_frame().unwrap()).map_or(request.body[0] == 1, has_namespace);
        assert!(is_anonymous || is_permitted(), "another namespace");
    }
}
