//! Who acts: a person with what they may do, read freshly for this one act.

use super::name::Name;
use super::permission::Access;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    pub id: i64,
    pub name: Name,
    pub display: String,
    pub access: Access,
}
