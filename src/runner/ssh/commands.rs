//! What is run on a host, as values. Each command is a constant script for `sh`
//! and its arguments; only arguments hold facts, and they pass `quote`.

use crate::domain::git_release::GitRelease;
use crate::domain::plan::RunFacts;
use crate::domain::target::TargetPath;
use crate::runner::quote::{quote, quote_all};

/// Ends what a script printed. A process that the script left behind may keep
/// the streams open for ever, so their end says nothing.
pub const END_MARK: &[u8] = b"\0countersign-end\0";

/// Says on the first line that a connection is usable.
pub const READY: &str = "countersign-ready";

/// What keeps a connection open until our side of it closes.
pub fn hold() -> String {
    format!("echo {READY}; exec cat >/dev/null")
}

/// `exec`, so that a login shell of any kind is out of the way at once.
fn in_sh<'a>(script: &str, args: impl IntoIterator<Item = &'a str>) -> String {
    format!("exec sh -c {} countersign {}", quote(script), quote_all(args))
}

/// Answers, each ended by NUL: nothing (after whatever a login shell greets with);
/// the programs that are missing; where the target path leads; the user's home;
/// `folder` if the target is one, `empty` if there is nothing in it; what the
/// target links to, if it is a link. Then `.git_release`.
const INSPECT: &str = r#"missing=
for tool in bash rsync setsid sha256sum xargs; do
  command -v "$tool" >/dev/null 2>&1 || missing="$missing $tool"
done
resolved=$(readlink -m -- "$1" 2>/dev/null || readlink -f -- "$1")
home=$(cd 2>/dev/null && pwd -P)
folder=
[ -d "$1" ] && folder=folder
[ -d "$1" ] && [ -z "$(ls -A -- "$1" 2>/dev/null | head -c 1)" ] && folder=empty
link=
[ -L "$1" ] && link=$(readlink -- "$1")
printf "%s\0" "" "$missing" "$resolved" "$home" "$folder" "$link"
[ ! -e "$1/.git_release" ] || head -c 4096 -- "$1/.git_release""#;

pub fn inspect(target: &TargetPath) -> String {
    in_sh(INSPECT, [target.as_str()])
}

pub fn make_folder(target: &TargetPath) -> String {
    in_sh(r#"mkdir -p -- "$1""#, [target.as_str()])
}

/// By a temporary file and a rename, so that a reader sees the old file or the
/// new one; the text is an argument, so that it is whole or not there at all.
const MARK: &str = r#"cd -- "$1" || exit
if [ -d .git_release ]; then echo ".git_release is a folder" >&2; exit 1; fi
umask 022
rm -f .git_release.new && printf "%s" "$2" >.git_release.new && mv -f .git_release.new .git_release"#;

pub fn mark(target: &TargetPath, release: &GitRelease) -> String {
    in_sh(MARK, [target.as_str(), &release.text()])
}

/// The link is made beside the target and moved over it, so that there is always
/// one or the other. A folder that is empty gives way; any other one does not.
const SWITCH: &str = r#"if [ -d "$1" ] && [ ! -L "$1" ]; then rmdir -- "$1" || exit; fi
rm -f -- "$1.countersign" && ln -s -- "$2" "$1.countersign" && mv -fT -- "$1.countersign" "$1""#;

/// `link` is what the target will lead to, relative to its folder.
pub fn switch(target: &TargetPath, link: &str) -> String {
    in_sh(SWITCH, [target.as_str(), link])
}

/// Keeps what the target leads to and the newest complete folders, `$2` of them
/// with the live one, and never fewer than one to go back to. Folders that no
/// run completed go. Only names that we give are looked at. Prints what went.
const PRUNE: &str = r#"cd -- "$1" 2>/dev/null || exit 0
live=$(cd -- "$3" && pwd -P) || exit
live=${live##*/}
keep=$2
[ "$keep" -ge 2 ] || keep=2
kept=1
for name in $(ls -1 | grep -E "^[0-9]+-[0-9a-f]{12}$" | sort -t- -k1,1nr); do
  [ "$name" = "$live" ] && continue
  if [ -f "$name/.git_release" ] && [ "$(sed -n 5p -- "$name/.git_release")" != "in progress" ] &&
    [ "$kept" -lt "$keep" ]; then
    kept=$((kept + 1))
  else
    rm -rf -- "./$name" && echo "$name"
  fi
done"#;

pub fn prune(folder: &str, keep: u32, target: &TargetPath) -> String {
    in_sh(PRUNE, [folder, &keep.to_string(), target.as_str()])
}

/// Runs a script of the release in a session of its own. Standard input is a
/// lifeline: when it ends, the whole group gets TERM, and KILL after 10 seconds.
/// Once that has begun, the wrapper waits for it, so that its own end means
/// that nothing of the group is left.
const SCRIPT: &str = r#"cd -- "$1" || exit
export DEPLOY_APPLICATION="$2" DEPLOY_ENVIRONMENT="$3" DEPLOY_RELEASE="$4"
export DEPLOY_COMMIT="$5" DEPLOY_HOST="$6" DEPLOY_ID="$7"
script=$8 afterwards=$9
shift 9
exec 3<&0
setsid bash "$script" "$@" </dev/null 3<&- &
group=$!
signal() { kill "-$1" "-$group" || kill "-$1" "$group"; }
{
  cat <&3
  trap "" TERM
  signal TERM
  tries=0
  while [ "$tries" -lt 100 ] && signal 0; do
    sleep 0.1
    tries=$((tries + 1))
  done
  signal KILL
} >/dev/null 2>&1 &
watcher=$!
wait "$group"
code=$?
kill -TERM "$watcher" 2>/dev/null
wait "$watcher" 2>/dev/null
[ "$afterwards" = keep ] || rm -f -- "$script"
printf "\0countersign-end\0"
printf "\0countersign-end\0" >&2
exit "$code""#;

/// `bash deploy.sh ENV HOST COMMIT`; the script is removed, also when it fails.
pub fn deploy_script(facts: &RunFacts, id: &str, host: &str, target: &TargetPath) -> String {
    let args = [facts.environment.as_str(), host, facts.commit.as_str()];
    script(facts, id, host, target, ["deploy.sh", "remove"], &args)
}

/// `bash tests/run_tests.sh ENV HOST REF COMMIT`.
pub fn test_script(facts: &RunFacts, id: &str, host: &str, target: &TargetPath) -> String {
    let args = [facts.environment.as_str(), host, &facts.release, facts.commit.as_str()];
    script(facts, id, host, target, ["tests/run_tests.sh", "keep"], &args)
}

/// A health check of the operator's, as the remote user in the target folder.
pub fn health_command(facts: &RunFacts, id: &str, host: &str, target: &TargetPath, command: &str) -> String {
    script(facts, id, host, target, ["-c", "keep"], &[command])
}

fn script(
    facts: &RunFacts,
    id: &str,
    host: &str,
    target: &TargetPath,
    script_and_afterwards: [&str; 2],
    args: &[&str],
) -> String {
    let (application, environment) = (facts.application.as_str(), facts.environment.as_str());
    let exported = [application, environment, &facts.release, facts.commit.as_str(), host, id];
    let words = [target.as_str()].into_iter().chain(exported).chain(script_and_afterwards);
    in_sh(SCRIPT, words.chain(args.iter().copied()))
}

/// Reads paths, each ended by NUL, and answers in the same form: for each path
/// one of `L` and the link's target, `X` executable file, `F` other file,
/// `O` something else, `M` missing; and the SHA-256 of each file, in their order.
const LIST: &str = r#"set -o pipefail
files=()
for path; do
  if [[ -L $path ]]; then printf L; readlink -n -- "$path"; printf "\0"
  elif [[ -f $path && -x $path ]]; then printf "X\0"; files+=("$path")
  elif [[ -f $path ]]; then printf "F\0"; files+=("$path")
  elif [[ -e $path ]]; then printf "O\0"
  else printf "M\0"; fi
done
[[ ${#files[@]} -eq 0 ]] || sha256sum -- "${files[@]}" | cut -c1-65 | tr "\n" "\0""#;

pub fn list(target: &TargetPath) -> String {
    in_sh(r#"cd -- "$1" && exec xargs -0 bash -c "$2" countersign"#, [target.as_str(), LIST])
}
