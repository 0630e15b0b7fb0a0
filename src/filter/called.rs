//! What a request calls. The path alone says on which surface a request is: no content type, no port and no other header.

use super::Input;
use super::request_headers::RequestHeaders;
use crate::answer::{ApiStyle, Form, clipped};
use crate::config::{Config, HttpConfig};
use crate::report::{HttpSurface, Rejection};
use crate::temporal::http::{self, ApiCall, NexusCall, OPENAPI, OPENAPI_PATHS, Verb};
use crate::temporal::method::ADMIN_METHOD;
use crate::temporal::{MethodRef, Route};
use crate::wire::DecodeError;
use crate::wire::http::{HttpFault, pairs, segments, split_query};

/// The method that a request calls, and what was read about it so far.
#[derive(Debug)]
pub(super) struct Called {
    pub(super) method: MethodRef,
    pub(super) input: Input,
}

/// A path on the HTTP port.
struct HttpTarget<'a> {
    verb: &'a [u8],
    path: &'a [u8],
    query: &'a [u8],
}

/// What a request calls, and the form of answers to it.
pub(super) fn called(
    config: &Config,
    headers: &RequestHeaders<'_>,
    end_stream: bool,
) -> (Form, Result<Called, Rejection>) {
    let route = config.catalogue.route(headers.path);
    if route != Route::Unknown || http::is_grpc_path(headers.path) {
        return (Form::Grpc, grpc(config, headers, route, end_stream));
    }
    let (path, query) = split_query(headers.path);
    let path = path.strip_prefix(config.http.path_prefix.as_bytes());
    let Some(path) = path.filter(|path| config.http.path_prefix.is_empty() || path.starts_with(b"/")) else {
        return (Form::Grpc, Err(Rejection::UnknownMethod(clipped(headers.path).into())));
    };
    let target = HttpTarget { verb: headers.verb, path, query };
    if OPENAPI_PATHS.contains(&path) {
        return openapi(&config.http, headers, &target);
    }
    if let Some(call) = NexusCall::read(path) {
        return nexus(&config.http, headers, &target, call);
    }
    api(&config.http, headers, &target, end_stream)
}

fn grpc(config: &Config, headers: &RequestHeaders<'_>, route: Route, end_stream: bool) -> Result<Called, Rejection> {
    let method = match route {
        Route::Method(method) => method,
        Route::Admin if config.admin_service => MethodRef::Known(&ADMIN_METHOD),
        Route::Admin => return Err(Rejection::AdminServiceClosed),
        Route::Closed => return Err(Rejection::ServiceClosed),
        Route::Unknown => return Err(Rejection::UnknownMethod(clipped(headers.path).into())),
    };
    if !headers.is_grpc || headers.verb != b"POST" {
        return Err(DecodeError::NotGrpc.into());
    }
    if end_stream {
        return Err(DecodeError::Incomplete.into());
    }
    Ok(Called { method, input: Input::Grpc })
}

fn openapi(
    config: &HttpConfig,
    headers: &RequestHeaders<'_>,
    target: &HttpTarget<'_>,
) -> (Form, Result<Called, Rejection>) {
    if !config.openapi {
        return (Form::Grpc, Err(Rejection::SwitchedOff(HttpSurface::OpenApi)));
    }
    let form = Form::Api(ApiStyle::default());
    if target.verb != b"GET" {
        return (form, Err(Rejection::UnknownRoute));
    }
    let called = || Called { method: MethodRef::Known(&OPENAPI), input: Input::OpenApi };
    (form, check(headers, false).map(|()| called()))
}

fn nexus(
    config: &HttpConfig,
    headers: &RequestHeaders<'_>,
    target: &HttpTarget<'_>,
    call: Result<NexusCall, HttpFault>,
) -> (Form, Result<Called, Rejection>) {
    if !config.nexus {
        return (Form::Grpc, Err(Rejection::SwitchedOff(HttpSurface::Nexus)));
    }
    let read = || {
        if target.verb != b"POST" {
            return Err(Rejection::UnknownRoute);
        }
        let call = call.map_err(DecodeError::from)?;
        check(headers, false)?;
        let query = pairs(target.query).map_err(DecodeError::from)?;
        Ok(Called { method: http::nexus_method(&call), input: Input::Nexus(Box::new((call, query))) })
    };
    (Form::Nexus, read())
}

fn api(
    config: &HttpConfig,
    headers: &RequestHeaders<'_>,
    target: &HttpTarget<'_>,
    end_stream: bool,
) -> (Form, Result<Called, Rejection>) {
    if !config.api {
        let rejection = if http::is_api_path(target.path) {
            Rejection::SwitchedOff(HttpSurface::Api)
        } else {
            Rejection::UnknownMethod(clipped(headers.path).into())
        };
        return (Form::Grpc, Err(rejection));
    }
    let query = pairs(target.query);
    let style = style(query.as_deref().unwrap_or_default(), headers);
    let read = || {
        let segments = segments(target.path).map_err(DecodeError::from)?;
        let mut call = http::api_call(Verb::of(target.verb), &segments).ok_or(Rejection::UnknownRoute)?;
        check(headers, true)?;
        if call.is_ambiguous {
            return Err(DecodeError::from(HttpFault::WordOfOlderServers).into());
        }
        if !call.has_body {
            call.parameters.query = query.map_err(DecodeError::from)?;
        }
        let ApiCall { method, parameters, has_body, .. } = call;
        let ends = ends_with_headers(headers, has_body, end_stream).map_err(DecodeError::from)?;
        Ok(Called { method, input: Input::Api(Box::new(super::ApiInput { parameters, has_body, ends })) })
    };
    (Form::Api(style), read())
}

/// Whether the server may act as soon as it has the headers, so that they must not go on before the verdict. On routes without a
/// body it does not wait for the end of the request, and neither does it if there are no bytes to wait for.
fn ends_with_headers(headers: &RequestHeaders<'_>, has_body: bool, end_stream: bool) -> Result<bool, HttpFault> {
    let length = match headers.content_length {
        Some(text) => {
            let is_number = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
            Some(is_number.then(|| text.iter().any(|digit| *digit != b'0')).ok_or(HttpFault::ContentLength)?)
        }
        None => None,
    };
    let announces_body = length == Some(true) || (headers.has_transfer_encoding && !end_stream);
    if !has_body && announces_body {
        return Err(HttpFault::BodyNotExpected);
    }
    Ok(end_stream || !has_body || length == Some(false))
}

/// Refuses headers by which a server may take the request for another one.
fn check(headers: &RequestHeaders<'_>, reads_body: bool) -> Result<(), Rejection> {
    // Proxies send such a request without a length, and a server then acts on the headers.
    if headers.has_upgrade {
        return Err(DecodeError::from(HttpFault::Upgrade).into());
    }
    if headers.has_method_override {
        return Err(DecodeError::from(HttpFault::MethodOverride).into());
    }
    if headers.is_form {
        return Err(DecodeError::from(HttpFault::Form).into());
    }
    match headers.content_encoding {
        Some(value) if reads_body => Err(Rejection::ContentEncoding(clipped(value).into())),
        _ => Ok(()),
    }
}

/// How the server would write its answer.
fn style(query: &[(String, String)], headers: &RequestHeaders<'_>) -> ApiStyle {
    let has = |name: &str| query.iter().any(|(known, _)| known == name);
    let asked = ApiStyle { pretty: has("pretty"), without_shorthand: has("noPayloadShorthand") };
    if asked != ApiStyle::default() {
        return asked;
    }
    let known = |media_type: Option<&[u8]>| media_type.and_then(ApiStyle::of);
    known(headers.accept).or_else(|| known(headers.content_type)).unwrap_or_default()
}
