//! Enums that know all their variants.

/// Declares an enum without fields together with the list of its variants, so that neither can lack one of the other.
macro_rules! listed {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident => $word:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $($(#[$doc])* $variant,)+ }

        impl $name {
            /// Every variant, in the order of its index.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The word for it in names of metrics.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }
    };
}
pub(crate) use listed;
