//! Mails as values, and the one way out for them.
//!
//! A message (`messages`) is a plain struct of facts that renders to a
//! [`Letter`], text and HTML saying the same in the same order. Rendering reads
//! nothing and decides nothing, so every mail can be tested word by word. Only
//! [`Mailer`] talks to a mail server, and it says of each failure whether
//! trying again may help.
//!
//! A mail carries exactly one link, to a page that only shows.

mod letter;
pub mod messages;
mod smtp;
mod style;
mod text;

pub use letter::{Attachment, BadAddress, Letter, Recipients, recipients};
pub use smtp::{MailError, Mailer, Sent, Undelivered};
