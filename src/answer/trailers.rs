//! A reply as the trailers of a gRPC answer whose headers have already been sent.

use std::borrow::Cow;

use super::Reply;

/// Trailers that are sent in place of the server's.
pub type Trailers = Vec<(&'static str, Cow<'static, str>)>;

impl Reply {
    /// The trailers of a gRPC answer that ends with this reply.
    #[must_use]
    pub fn trailers(&self) -> Trailers {
        let status = ("grpc-status", self.code().number().to_string().into());
        let message = ("grpc-message", percent_encoded(self.message()).into());
        [status, message].into_iter().chain(self.headers()).collect()
    }
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
        let message = |id: &str| Reply::namespace_not_found(id.to_owned()).trailers().swap_remove(1).1;
        assert_eq!(message("payroll"), "Namespace payroll is not found.");
        assert_eq!(message("50%\r\n\u{fc}"), "Namespace 50%25%0D%0A%C3%BC is not found.");
    }
}
