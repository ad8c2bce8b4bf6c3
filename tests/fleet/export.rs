//! Writing it back.
