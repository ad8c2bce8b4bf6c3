//! One table per enum between its variants and the words that rows, pages and
//! the API use, so that nothing ever compares a status with a string.

/// Gives an enum `word()`, `from_word()`, `ALL` and `Display`.
macro_rules! words {
    ($type:ty { $($variant:ident => $word:literal),+ $(,)? }) => {
        impl $type {
            pub const ALL: &'static [Self] = &[$(<$type>::$variant),+];

            pub fn word(self) -> &'static str {
                match self {
                    $(<$type>::$variant => $word),+
                }
            }

            pub fn from_word(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(<$type>::$variant),)+
                    _ => None,
                }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.word())
            }
        }
    };
}

pub(crate) use words;
