//! What a request would do is the same in any pieces, and its namespace is the one that simple code finds.

use temporal_auth::temporal::{MethodRef, RequestReader, Scope, Target};
use temporal_auth::wire::Fault;

use super::super::{method, naive, pieces};

fn read(method: &MethodRef, pieces: &[&[u8]]) -> Result<Target, Fault> {
    let mut reader = RequestReader::new(method.clone(), false);
    pieces.iter().try_for_each(|piece| reader.feed(piece))?;
    reader.finish()
}

/// See the module.
pub fn run(data: &[u8]) {
    let Some(([number, sizes @ ..], bytes)) = data.split_first_chunk::<8>() else { return };
    let method = method(*number);
    let whole = read(&method, &[bytes]);
    assert_eq!(read(&method, &pieces(sizes, bytes)), whole);
    assert_eq!(read(&method, &pieces(&[1], bytes)), whole);
    let Ok(target) = whole else { return };
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
