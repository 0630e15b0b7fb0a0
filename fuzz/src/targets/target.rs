//! A request's target is the same however the request is split, and with and without the names for limits. Its
//! namespace is the one that simple code finds.

use temporal_auth::temporal::{MethodRef, RequestReader, Scope, Target};
use temporal_auth::wire::DecodeError;

use super::super::{method, naive, pieces};

fn read(method: &MethodRef, names: bool, pieces: &[&[u8]]) -> Result<Target, DecodeError> {
    let mut reader = RequestReader::new(method.clone(), names);
    pieces.iter().try_for_each(|piece| reader.feed(piece))?;
    reader.finish()
}

/// See the module.
pub fn run(data: &[u8]) {
    let Some(([method_index, sizes @ ..], bytes)) = data.split_first_chunk::<8>() else { return };
    let method = method(*method_index);
    let [whole, named] = [false, true].map(|names| {
        let whole = read(&method, names, &[bytes]);
        assert_eq!(read(&method, names, &pieces(sizes, bytes)), whole);
        assert_eq!(read(&method, names, &pieces(&[1], bytes)), whole);
        whole
    });
    // Names are read from more messages, which can have more faults.
    assert!(named.is_err() || whole.is_ok());
    let Ok(target) = whole else { return };
    if let Ok(named) = named {
        assert!(named.newer.count >= target.newer.count);
        assert_eq!(Target { names: target.names.clone(), newer: target.newer.clone(), ..named }, target);
    }
    assert!(target.effects.covers(method.effects));
    for other in &target.elsewhere {
        assert!(!other.namespace.is_empty() && other.namespace != target.namespace && !other.effects.is_empty());
    }
    if method.scope == Scope::Namespace {
        assert_eq!(naive::last_text(bytes, method.namespace_field).as_ref(), Some(&target.namespace));
    }
    let is_in_namespace = method.scope == Scope::Namespace && !target.namespace.is_empty();
    assert!(is_in_namespace || target.needs_system.is_some(), "a grant in a namespace must not cover the request");
}
