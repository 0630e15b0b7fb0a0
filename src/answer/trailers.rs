//! Temporal's own answer that there is no such namespace, as the trailers of a gRPC answer.

use std::borrow::Cow;

use super::Reply;

/// Trailers that are sent in place of the server's.
pub type Trailers = Vec<(&'static str, Cow<'static, str>)>;

/// The trailers of the answer to a request that names an unknown namespace, by name or by id. Source:
/// `serviceerror.NewNamespaceNotFound` of the API.
pub fn namespace_not_found(namespace: &str) -> Trailers {
    let reply = Reply::namespace_not_found(namespace.to_owned());
    let status = ("grpc-status", reply.grpc_status().to_string().into());
    let message = ("grpc-message", percent_encoded(reply.message()).into());
    [status, message].into_iter().chain(reply.headers()).collect()
}

/// The text as `grpc-message` has it. Source: grpc-go's `encodeGrpcMessage`.
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'%' => encoded.push_str("%25"),
            b' '..=b'~' => encoded.push(char::from(byte)),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_encoded_as_grpc_does_it() {
        let message = |id| namespace_not_found(id).swap_remove(1).1;
        assert_eq!(message("payroll"), "Namespace payroll is not found.");
        assert_eq!(message("50%\r\n\u{fc}"), "Namespace 50%25%0D%0A%C3%BC is not found.");
    }
}
