//! A macro for enums that know all their variants.

/// Declares an enum without fields together with the list of its variants, so that the list is always complete.
macro_rules! listed {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident => $word:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $($(#[$doc])* $variant,)+ }

        impl $name {
            /// Every variant, in the order of its index.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The variant's word in names of metrics.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }
    };
}
pub(crate) use listed;
