//! Every mail word by word, and the way of a letter to a real mail server.

mod delivery;
mod letters;
mod samples;
