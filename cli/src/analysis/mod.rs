//! What the rules of a policy give and take, without a caller and without a request. Where a configuration does not show it,
//! a rule gives what it may give.

pub(crate) mod calls;
pub(crate) mod denied;
pub(crate) mod gives;
pub(crate) mod who;
pub(crate) mod words;
