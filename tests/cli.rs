//! The commands, as a person runs them: the real program, its words and exit codes.

mod apply;
mod audit;
mod check;
mod freezing;
mod installation;
mod keys;
mod logs;
mod people;
mod rotation;
mod serve;
