//! Where a deployment may go, and with which rsync options.

use rstest::rstest;

use super::world::{commit, key};
use crate::domain::git_release::GitRelease;
use crate::domain::rsync_options::RsyncOptions;
use crate::domain::target::{HostAddress, HostKey, RemoteUser, TargetPath};

#[rstest]
#[case::plain("/srv/shop")]
#[case::deep("/var/www/html/shop")]
#[case::spaces_and_quotes("/srv/my 'shop' \"x\" $(touch x) `y`")]
#[case::leading_dash("/srv/-rf")]
#[case::no_ascii("/srv/größe/店")]
#[case::below_a_home("/home/dana/shop")]
#[case::dots_in_names("/srv/..shop/...")]
fn fit_paths(#[case] path: &str) {
    assert_eq!(TargetPath::parse(path).unwrap().as_str(), path);
}

#[rstest]
#[case::empty("")]
#[case::relative("srv/shop")]
#[case::home_sign("~/shop")]
#[case::root("/")]
#[case::shallow("/srv")]
#[case::root_home("/root")]
#[case::homes("/home")]
#[case::home("/home/dana")]
#[case::up("/srv/../etc")]
#[case::here("/srv/./shop")]
#[case::double("/srv//shop")]
#[case::slash("/srv/shop/")]
#[case::etc("/etc/ssh")]
#[case::usr("/usr/local")]
#[case::bin("/bin/shop")]
#[case::var("/var/lib")]
#[case::proc("/proc/self/cwd")]
#[case::newline("/srv/a\nb")]
#[case::nul("/srv/a\0b")]
#[case::right_to_left("/srv/\u{202e}pohs")]
#[case::glob("/srv/sh*p")]
#[case::question("/srv/sh?p")]
#[case::class("/srv/[a]")]
#[case::backslash("/srv/a\\b")]
fn unfit_paths(#[case] path: &str) {
    assert!(TargetPath::parse(path).is_err());
}

#[rstest]
#[case("web-1.example.com", true)]
#[case("web_1", true)]
#[case("example.com.", true)]
#[case("10.0.0.11", true)]
#[case("fe80::1", true)]
#[case("::1", true)]
#[case("", false)]
#[case("-oProxyCommand=touch x", false)]
#[case("-v", false)]
#[case("root@web-1", false)]
#[case("web 1", false)]
#[case("web\n1", false)]
#[case("a..b", false)]
#[case("[::1]", false)]
#[case("web-1:22", false)]
#[case("ssh://web-1", false)]
#[case("größe.example", false)]
fn addresses(#[case] text: &str, #[case] fits: bool) {
    assert_eq!(HostAddress::parse(text).is_ok(), fits);
}

#[rstest]
#[case("deploy", true)]
#[case("www-data", true)]
#[case("_apt", true)]
#[case("a.b", true)]
#[case("", false)]
#[case("-l", false)]
#[case("a b", false)]
#[case("a@b", false)]
#[case("a;id", false)]
#[case("a\n", false)]
fn users(#[case] text: &str, #[case] fits: bool) {
    assert_eq!(RemoteUser::parse(text).is_ok(), fits);
}

#[test]
fn a_host_key_keeps_its_type_and_has_a_fingerprint() {
    let parsed = HostKey::parse(&format!("{} root@web-1", key())).unwrap();
    assert_eq!(parsed.to_string(), key(), "the comment is dropped");
    // As `ssh-keygen -l` prints it.
    assert_eq!(parsed.fingerprint(), "SHA256:qXwhQonTYWPgUoSpKY7ivPyKfdsBbd/u3InViREaqO4");
}

#[rstest]
#[case::empty("")]
#[case::only_a_type("ssh-ed25519")]
#[case::no_base64("ssh-ed25519 ????")]
#[case::other_type(&key().replace("ssh-ed25519", "ssh-rsa"))]
#[case::unknown_type(&key().replace("ssh-ed25519", "ssh-dss"))]
#[case::second_line(&format!("{}\n* {}", key(), key()))]
#[case::marker(&format!("@cert-authority {}", key()))]
fn no_host_keys(#[case] text: &str) {
    assert!(HostKey::parse(text).is_err());
}

#[rstest]
#[case("-az")]
#[case("-rlptD")]
#[case("-I")]
#[case("--delete")]
#[case("--delete-after")]
#[case("--exclude=/uploads/*")]
#[case("--exclude=- odd; $(id)")]
#[case("--include=*.php")]
#[case("--chmod=D755,F644")]
#[case("--chmod=u=rwX,go=rX")]
#[case("--no-perms")]
#[case("--bwlimit=1000")]
#[case("--timeout=60")]
#[case("--compress-level=9")]
#[case("--compress-choice=zstd")]
#[case("--stats")]
fn allowed_options(#[case] option: &str) {
    RsyncOptions::parse(&[option.to_owned()]).unwrap();
}

#[rstest]
#[case("")]
#[case("-")]
#[case("--")]
#[case("delete")]
#[case("/etc/passwd")]
#[case("-e")]
#[case("-essh")]
#[case("-ae")]
#[case("--rsh=sh")]
#[case("--rsync-path=touch x")]
#[case("--files-from=/etc/passwd")]
#[case("--exclude-from=/etc/passwd")]
#[case("--include-from=/etc/passwd")]
#[case("-f")]
#[case("--filter=merge /etc/passwd")]
#[case("-F")]
#[case("-C")]
#[case("--daemon")]
#[case("--remove-source-files")]
#[case("-s")]
#[case("--protect-args")]
#[case("--old-args")]
#[case("--temp-dir=/etc")]
#[case("-T")]
#[case("-b")]
#[case("--backup-dir=/etc")]
#[case("--log-file=/etc/passwd")]
#[case("--write-batch=x")]
#[case("--read-batch=x")]
#[case("-M--log-file=x")]
#[case("--remote-option=--log-file=x")]
#[case("--copy-dest=/etc")]
#[case("--link-dest=/etc")]
#[case("--compare-dest=/etc")]
#[case("--size-only")]
#[case("--existing")]
#[case("--ignore-existing")]
#[case("-u")]
#[case("-n")]
#[case("-an")]
#[case("--dry-run")]
#[case("--list-only")]
#[case("-R")]
#[case("--relative")]
#[case("-L")]
#[case("-k")]
#[case("-K")]
#[case("--inplace")]
#[case("--append")]
#[case("--delete-excluded")]
#[case("--force")]
#[case("--exclude")]
#[case("--exclude=")]
#[case("--exclude=!")]
#[case("--exclude=a\nb")]
#[case("--delete=x")]
#[case("--chmod=x y")]
#[case("--bwlimit=fast")]
#[case("--chown=root")]
#[case("--usermap=*:root")]
#[case("--super")]
#[case("--fake-super")]
#[case("--no-checksum")]
#[case("--no-links")]
#[case("--password-file=/etc/passwd")]
#[case("--sockopts=x")]
#[case("--port=1")]
#[case("--out-format=%n")]
#[case("--info=all")]
#[case("--max-delete=0")]
#[case("--max-size=1")]
fn refused_options(#[case] option: &str) {
    let refused = RsyncOptions::parse(&["-a".to_owned(), option.to_owned()]).unwrap_err();
    assert_eq!(refused.option, option);
}

#[test]
fn a_release_record_keeps_the_form_of_before() {
    let now = "2026-11-21T08:00:00.987Z".parse().unwrap();
    let running = GitRelease::new("v1.2", &commit('a'), now, "/srv/shop", true);
    let commit = commit('a');
    assert_eq!(running.text(), format!("v1.2\n{commit}\n2026-11-21T08:00:00Z\n/srv/shop\nin progress\n"));
    assert_eq!(GitRelease::parse(&running.text()), Some(running.clone()));
    let finished = GitRelease { in_progress: false, ..running };
    assert_eq!(finished.text().lines().count(), 4);
    assert_eq!(GitRelease::parse(finished.text().trim_end()), Some(finished));
    for text in ["", "v1.2\n", "v1.2\nabcdef1\n2026\n/srv\n", "\0\0\0\n\n\n\n"] {
        assert_eq!(GitRelease::parse(text), None);
    }
}
