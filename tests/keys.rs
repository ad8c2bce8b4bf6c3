//! Keys: made once, never overwritten, rotated by files, and of no use for
//! anything but their purpose.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use crate::keys::{KeyId, Keys, Made, generate};
use crate::tests::support::key_files::move_back;

struct KeyFolder(tempfile::TempDir);

impl KeyFolder {
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        folder.generate();
        folder
    }

    fn generate(&self) -> Vec<Made> {
        generate(&self.path("auth.key"), &self.path("enc.key"), &self.path("id_ed25519")).unwrap()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join("keys").join(name)
    }

    fn load(&self) -> Keys {
        Keys::load(&self.path("auth.key"), &self.path("enc.key")).unwrap()
    }

    fn problems(&self) -> Vec<String> {
        let loaded = Keys::load(&self.path("auth.key"), &self.path("enc.key"));
        loaded.unwrap_err().iter().map(ToString::to_string).collect()
    }

    /// Moves the current keys one place back and makes new ones.
    fn rotate(&self) {
        for name in ["auth.key", "enc.key"] {
            move_back(&self.0.path().join("keys"), name);
        }
        self.generate();
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn missing_keys_are_made_private_and_of_the_right_length() {
    let folder = KeyFolder::new();
    for (name, length) in
        [("auth.key", Some(64)), ("enc.key", Some(32)), ("id_ed25519", None), ("id_ed25519.pub", None)]
    {
        let path = folder.path(name);
        assert_eq!(mode(&path), 0o600, "{name}");
        let bytes = fs::read(&path).unwrap();
        assert!(length.is_none_or(|length| bytes.len() == length), "{name}");
        assert!(bytes.iter().any(|byte| *byte != 0), "{name}");
    }
    assert_eq!(mode(&folder.0.path().join("keys")), 0o700);
    let public = fs::read_to_string(folder.path("id_ed25519.pub")).unwrap();
    assert!(public.starts_with("ssh-ed25519 ") && public.trim_end().ends_with(" countersign"), "{public}");
    assert_eq!(fs::read_dir(folder.0.path().join("keys")).unwrap().count(), 4, "nothing else is left behind");
}

#[test]
fn what_is_there_is_never_overwritten() {
    let folder = KeyFolder::new();
    let read = || {
        ["auth.key", "enc.key", "id_ed25519", "id_ed25519.pub"]
            .map(|name| fs::read(folder.path(name)).unwrap())
    };
    let before = read();
    let kept = ["auth.key", "enc.key", "id_ed25519"].map(|name| Made::Kept(folder.path(name)));
    assert_eq!(folder.generate(), kept);
    assert_eq!(read(), before);

    fs::write(folder.path("auth.key"), "").unwrap();
    fs::remove_file(folder.path("enc.key")).unwrap();
    assert_eq!(folder.generate()[1], Made::Written(folder.path("enc.key")));
    assert_eq!(fs::read(folder.path("auth.key")).unwrap(), b"", "not even an empty file is ours to replace");
}

#[test]
fn a_link_to_nowhere_is_not_followed() {
    let folder = KeyFolder::new();
    fs::remove_file(folder.path("enc.key")).unwrap();
    std::os::unix::fs::symlink(folder.path("elsewhere"), folder.path("enc.key")).unwrap();
    assert_eq!(folder.generate()[1], Made::Kept(folder.path("enc.key")));
    assert!(!folder.path("elsewhere").exists());
}

#[test]
fn a_public_key_without_its_private_one_stops_the_making() {
    let folder = KeyFolder::new();
    fs::remove_file(folder.path("id_ed25519")).unwrap();
    let made = generate(&folder.path("auth.key"), &folder.path("enc.key"), &folder.path("id_ed25519"));
    assert!(made.unwrap_err().to_string().contains("exists without its private key"));
}

#[test]
fn keys_that_others_may_read_are_refused() {
    let folder = KeyFolder::new();
    for mode in [0o640, 0o604, 0o620, 0o601] {
        fs::set_permissions(folder.path("auth.key"), fs::Permissions::from_mode(mode)).unwrap();
        let problems = folder.problems();
        assert_eq!(problems.len(), 1);
        assert!(problems[0].ends_with(&format!("is open to other people (mode {mode:03o}); `chmod 600` it")));
    }
    fs::set_permissions(folder.path("auth.key"), fs::Permissions::from_mode(0o400)).unwrap();
    folder.load();
}

#[test]
fn everything_wrong_with_the_keys_is_said_at_once() {
    let folder = KeyFolder::new();
    folder.rotate();
    fs::write(folder.path("auth.key"), [1; 63]).unwrap();
    fs::write(folder.path("auth.key.1"), [1; 65]).unwrap();
    fs::remove_file(folder.path("enc.key")).unwrap();
    let problems = folder.problems();
    let at = |name: &str| folder.path(name).display().to_string();
    assert_eq!(
        problems,
        [
            format!("{} must hold exactly 64 bytes, not 63", at("auth.key")),
            format!("{} must hold exactly 64 bytes, not 65", at("auth.key.1")),
            format!("{} does not exist; `countersign keys` makes it", at("enc.key")),
        ]
    );
}

#[test]
fn after_a_rotation_the_old_still_verifies_and_the_new_is_used() {
    let folder = KeyFolder::new();
    let before = folder.load();
    let old_code = before.mac("link", b"hello");
    let old_seal = before.seal("token", b"secret");
    folder.rotate();
    let after = folder.load();
    let file =
        |older: Vec<(KeyId, &Path)>| older.iter().map(|(_, file)| file.to_path_buf()).collect::<Vec<_>>();
    assert_eq!(file(after.older_auth()), [folder.path("auth.key.1")]);
    assert_eq!(file(after.older_enc()), [folder.path("enc.key.1")]);
    assert!(after.verify("link", b"hello", &old_code));
    assert_ne!(after.mac("link", b"hello"), old_code);
    assert_eq!(after.macs("link", b"hello"), [after.mac("link", b"hello"), old_code]);
    assert_eq!(after.open("token", &old_seal).as_deref(), Some(b"secret".as_slice()));
    assert!(after.is_outdated(&old_seal) && !after.is_outdated(&after.seal("token", b"secret")));
    assert_ne!(after.cookie_key(), before.cookie_key());
    assert!(
        !before.verify("link", b"hello", &after.mac("link", b"hello")),
        "a new key is unknown to the old"
    );
}

#[test]
fn what_was_made_tells_which_key_made_it() {
    let folder = KeyFolder::new();
    let before = folder.load();
    let (code, sealed) = (before.mac("link", b"hello"), before.seal("token", b"secret"));
    folder.rotate();
    let after = folder.load();
    let [(auth, _)] = after.older_auth()[..] else { panic!("one older key") };
    let [(enc, _)] = after.older_enc()[..] else { panic!("one older key") };
    assert_eq!(auth, before.newest_auth());
    assert_eq!(after.signer("link", b"hello", &code), Some(auth));
    assert_eq!(after.signer("link", b"hello", &after.mac("link", b"hello")), Some(after.newest_auth()));
    assert_eq!(after.signer("session", b"hello", &code), None);
    assert_eq!(after.mac_with(auth, "link", b"hello"), Some(code));
    assert_eq!(before.mac_with(after.newest_auth(), "link", b"hello"), None, "a key that is not there");
    assert_eq!(after.sealed_with(&sealed), Some(enc));
    assert_ne!(after.sealed_with(&after.seal("token", b"secret")), Some(enc));
    assert_eq!(after.sealed_with(b"\x01ab"), None, "cut off");
}

#[test]
fn older_keys_stand_in_the_order_of_their_numbers() {
    let folder = KeyFolder::new();
    let mut codes = vec![folder.load().mac("x", b"")];
    for _ in 0..3 {
        folder.rotate();
        codes.insert(0, folder.load().mac("x", b""));
    }
    fs::rename(folder.path("auth.key.3"), folder.path("auth.key.10")).unwrap();
    fs::write(folder.path("auth.key.02"), "not a key").unwrap();
    fs::write(folder.path("auth.key.bak"), "not a key").unwrap();
    assert_eq!(folder.load().macs("x", b""), codes);
}

#[test]
fn purposes_do_not_mix() {
    let keys = KeyFolder::new().load();
    let code = keys.mac("link", b"hello");
    assert!(keys.verify("link", b"hello", &code));
    assert!(!keys.verify("session", b"hello", &code));
    assert!(!keys.verify("linkh", b"ello", &code), "the border between purpose and message counts");
    let sealed = keys.seal("token", b"secret");
    assert_eq!(keys.open("link", &sealed), None);
}

#[test]
fn codes_of_another_length_do_not_verify() {
    let keys = KeyFolder::new().load();
    let code = keys.mac("link", b"hello");
    assert!(!keys.verify("link", b"hello", b""));
    assert!(!keys.verify("link", b"hello", &code[..31]));
    assert!(!keys.verify("link", b"hello", &[code.as_slice(), &[0]].concat()));
}

#[test]
fn equal_texts_are_sealed_differently() {
    let keys = KeyFolder::new().load();
    assert_ne!(keys.seal("token", b"secret"), keys.seal("token", b"secret"));
}

#[test]
fn every_change_of_a_sealed_value_is_noticed() {
    let keys = KeyFolder::new().load();
    let sealed = keys.seal("token", b"secret");
    for index in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[index] ^= 1;
        assert_eq!(keys.open("token", &changed), None, "byte {index}");
        assert_eq!(keys.open("token", &sealed[..index]), None, "cut at {index}");
    }
    assert!(!sealed.windows(6).any(|window| window == b"secret"));
}

#[test]
fn debug_shows_no_key() {
    let folder = KeyFolder::new();
    fs::write(folder.path("auth.key"), [b'A'; 64]).unwrap();
    let shown = format!("{:?}", folder.load());
    assert_eq!(shown, "Keys { older_auth_keys: 0, older_enc_keys: 0, .. }");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn what_is_sealed_opens_again(plain: Vec<u8>, purpose in "[a-z ]{0,20}") {
        let folder = KeyFolder(tempfile::tempdir().unwrap());
        fs::create_dir(folder.0.path().join("keys")).unwrap();
        for (name, length) in [("auth.key", 64), ("enc.key", 32)] {
            fs::write(folder.path(name), vec![7; length]).unwrap();
            fs::set_permissions(folder.path(name), fs::Permissions::from_mode(0o600)).unwrap();
        }
        let keys = folder.load();
        prop_assert_eq!(keys.open(&purpose, &keys.seal(&purpose, &plain)), Some(plain));
    }

    #[test]
    fn no_bytes_of_a_stranger_upset_the_opening(bytes: Vec<u8>) {
        prop_assert_eq!(SHARED.with(|keys| keys.open("token", &bytes)), None);
    }
}

thread_local! {
    static SHARED: Keys = KeyFolder::new().load();
}
