//! Tags of a mirror, resolved to commits. A tag is found by its full ref name only.

use git2::{ErrorCode, ObjectType, Oid, Repository};

use super::commits::{id_of, timestamp};
use super::error::RepoError;
use super::{Mirrors, plain_text};
use crate::domain::diff::{RefusedTag, TagInfo, TagList};
use crate::domain::name::{Name, TagName};
use crate::domain::version_order;

const PREFIX: &str = "refs/tags/";

/// What a tag's ref leads to.
enum Resolved {
    Tag(TagInfo),
    /// Why it can never be released.
    Refused(&'static str),
}

impl Mirrors {
    /// The newest `limit` tags by version, and as many of those that can never be
    /// released, with the reason.
    pub async fn tags(&self, app: &Name, limit: usize) -> Result<TagList, RepoError> {
        self.read(app, move |repository| list(repository, limit)).await
    }

    /// `None` when there is no such tag, or one that leads to no commit.
    pub async fn tag(&self, app: &Name, name: &TagName) -> Result<Option<TagInfo>, RepoError> {
        let name = name.clone();
        self.read(app, move |repository| match target(repository, &name)? {
            Some(oid) => match resolve(repository, &name, oid)? {
                Resolved::Tag(tag) => Ok(Some(tag)),
                Resolved::Refused(_) => Ok(None),
            },
            None => Ok(None),
        })
        .await
    }
}

fn list(repository: &Repository, limit: usize) -> Result<TagList, RepoError> {
    let (mut usable, mut refused) = (Vec::new(), Vec::new());
    for reference in repository.references_glob("refs/tags/*")? {
        let reference = reference?;
        let name = &reference.name_bytes()[PREFIX.len()..];
        let parsed = std::str::from_utf8(name).map_err(|_| "its name is not UTF-8".to_owned());
        let parsed =
            parsed.and_then(|name| TagName::parse(name).map_err(|error| format!("its name {error}")));
        match (parsed, reference.target()) {
            (Ok(name), Some(oid)) => usable.push((name, oid)),
            (Ok(_), None) => refused.push((name.to_vec(), "it only names another ref".to_owned())),
            (Err(why), _) => refused.push((name.to_vec(), why)),
        }
    }
    usable.sort_by(|(a, _), (b, _)| version_order::newest_first(a.as_str(), b.as_str()));
    let mut list = TagList { total: usable.len(), ..TagList::default() };
    for (name, oid) in usable {
        if list.tags.len() == limit {
            break;
        }
        match resolve(repository, &name, oid)? {
            Resolved::Tag(tag) => list.tags.push(tag),
            Resolved::Refused(why) => refused.push((name.as_str().into(), why.to_owned())),
        }
    }
    refused.sort();
    let shown = refused.into_iter().take(limit);
    list.refused = shown.map(|(name, why)| RefusedTag { name: plain_text::line(&name), why }).collect();
    Ok(list)
}

fn target(repository: &Repository, name: &TagName) -> Result<Option<Oid>, RepoError> {
    match repository.find_reference(&format!("{PREFIX}{name}")) {
        Ok(reference) => Ok(reference.target()),
        Err(error) if matches!(error.code(), ErrorCode::NotFound | ErrorCode::InvalidSpec) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Follows tags of tags down to the commit; the object id kept is the outermost, which
/// is what the ref holds and what moves.
fn resolve(repository: &Repository, name: &TagName, oid: Oid) -> Result<Resolved, RepoError> {
    let object = match repository.find_object(oid, None) {
        Ok(object) => object,
        Err(error) if error.code() == ErrorCode::NotFound => {
            return Ok(Resolved::Refused("what it names is missing"));
        }
        Err(error) => return Err(error.into()),
    };
    let peeled = match object.kind() {
        Some(ObjectType::Tag) => object.peel(ObjectType::Any),
        _ => Ok(object.clone()),
    };
    let Ok(peeled) = peeled else { return Ok(Resolved::Refused("what it names is missing")) };
    let commit = match (peeled.kind(), peeled.into_commit()) {
        (_, Ok(commit)) => commit,
        (Some(ObjectType::Tree), _) => return Ok(Resolved::Refused("it names a folder, not a commit")),
        (Some(ObjectType::Blob), _) => return Ok(Resolved::Refused("it names a file, not a commit")),
        _ => return Ok(Resolved::Refused("it names no commit")),
    };
    let annotated = object.into_tag().ok();
    let signer = annotated.as_ref().and_then(git2::Tag::tagger).map(|signer| signer.to_owned());
    let at = signer.as_ref().map_or_else(|| commit.time(), git2::Signature::when);
    let author = signer.unwrap_or_else(|| commit.author().to_owned());
    let message = annotated.as_ref().and_then(|tag| tag.message_bytes());
    Ok(Resolved::Tag(TagInfo {
        name: name.clone(),
        commit: id_of(commit.id())?,
        object: annotated.as_ref().map(|tag| id_of(tag.id())).transpose()?,
        at: timestamp(at),
        author: plain_text::line(author.name_bytes()),
        message: plain_text::first_line(message.unwrap_or(commit.message_bytes())),
    }))
}
