//! What a request would do is the same in any pieces, with and without what limits ask for, and its namespace is the one
//! that simple code finds.

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
    let Some(([number, sizes @ ..], bytes)) = data.split_first_chunk::<8>() else { return };
    let method = method(*number);
    let [whole, named] = [false, true].map(|names| {
        let whole = read(&method, names, &[bytes]);
        assert_eq!(read(&method, names, &pieces(sizes, bytes)), whole);
        assert_eq!(read(&method, names, &pieces(&[1], bytes)), whole);
        whole
    });
    // Names are read in more messages, in which more can be wrong.
    assert!(named.is_err() || whole.is_ok());
    let Ok(target) = whole else { return };
    if let Ok(named) = named {
        assert!(named.newer.count >= target.newer.count);
        assert_eq!(Target { names: target.names.clone(), newer: target.newer.clone(), ..named }, target);
    }
    assert!(target.effects.covers(method.effects));
    for place in &target.elsewhere {
        assert!(!place.namespace.is_empty() && place.namespace != target.namespace && !place.effects.is_empty());
    }
    if method.scope == Scope::Namespace {
        assert_eq!(naive::last_text(bytes, method.namespace_field).as_ref(), Some(&target.namespace));
    }
    let confined = method.scope == Scope::Namespace && !target.namespace.is_empty();
    assert!(confined || target.beyond.is_some(), "a namespace's grant must not cover it");
}
