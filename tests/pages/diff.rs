//! Patches as git writes them, from the smallest to the most hostile.

use std::process::Command;

use super::samples::*;
use super::sound;
use crate::domain::diff::{CommitInfo, FileStatus};
use crate::domain::name::CommitId;
use crate::web::diff::{Body, Diff, File, Fold, Line, LineKind, PATCH_LIMIT, fold_of, parse};
use crate::web::view::diff::{DiffPage, DiffView};
use crate::web::view::{Link, Section, Size};

const PATCH: &str = "\
diff --git a/migrations/0042.sql b/migrations/0042.sql
new file mode 100644
index 0000000000000000000000000000000000000000..1111111111111111111111111111111111111111
--- /dev/null
+++ b/migrations/0042.sql
@@ -0,0 +1,2 @@
+alter table carts add column guest_token text;
+-- <script>alert(1)</script>
diff --git a/src/cart.py b/src/cart.py
index 2222222222222222222222222222222222222222..3333333333333333333333333333333333333333 100644
--- a/src/cart.py
+++ b/src/cart.py
@@ -38,3 +38,3 @@ class Cart:
     def total(self):
-        amount = order.total_cents / 100
-        return amount
\\ No newline at end of file
+        amount = order.total_minor / 100
+        return round(amount)
\\ No newline at end of file
@@ -70 +70,2 @@
-diff --git a/x b/x
+--- a/x
++++ b/x
diff --git a/bin/cleanup b/bin/cleanup
old mode 100644
new mode 100755
diff --git a/gone.txt b/gone.txt
deleted file mode 100644
index 4444444444444444444444444444444444444444..0000000000000000000000000000000000000000
--- a/gone.txt
+++ /dev/null
@@ -1 +0,0 @@
-gone
diff --git a/logo.webp b/logo.webp
index 5555555555555555555555555555555555555555..6666666666666666666666666666666666666666 100644
GIT binary patch
literal 41000
zcmV-=1cm!AO+P

literal 38000
zcmV-=1cm!AO+Q

diff --git a/Cargo.lock b/Cargo.lock
index 7777777777777777777777777777777777777777..8888888888888888888888888888888888888888 100644
--- a/Cargo.lock
+++ b/Cargo.lock
@@ -1 +1 @@
-a
+b
diff --git a/link b/link
old mode 100644
new mode 120000
index 7777777777777777777777777777777777777777..8888888888888888888888888888888888888888
--- a/link
+++ b/link
@@ -1 +1 @@
-text
+../etc/passwd
\\ No newline at end of file
";

fn files(patch: &str) -> Vec<File> {
    parse(patch.as_bytes(), None).files
}

fn lines(file: &File) -> Vec<&Line> {
    let Body::Lines(hunks) = &file.body else { panic!("{:?}", file.body) };
    hunks.iter().flat_map(|hunk| &hunk.lines).collect()
}

fn text(line: &Line) -> String {
    line.parts.iter().map(|part| part.text.as_str()).collect()
}

#[test]
fn each_file_has_its_status_and_counts() {
    let found: Vec<_> = files(PATCH)
        .iter()
        .map(|file| (file.stat.path.clone(), file.stat.status, file.stat.added, file.stat.deleted))
        .collect();
    let expected = [
        ("migrations/0042.sql", FileStatus::Added, 2, 0),
        ("src/cart.py", FileStatus::Modified, 4, 3),
        ("bin/cleanup", FileStatus::ModeChanged, 0, 0),
        ("gone.txt", FileStatus::Deleted, 0, 1),
        ("logo.webp", FileStatus::Modified, 0, 0),
        ("Cargo.lock", FileStatus::Modified, 1, 1),
        ("link", FileStatus::TypeChanged, 1, 1),
    ];
    assert_eq!(
        found,
        expected.map(|(path, status, added, deleted)| (path.to_owned(), status, added, deleted))
    );
}

#[test]
fn lines_are_numbered_on_both_sides() {
    let files = files(PATCH);
    let numbers: Vec<_> = lines(&files[1]).iter().map(|line| (line.anchor(), line.old, line.new)).collect();
    let expected = [
        ("R38", Some(38), Some(38)),
        ("L39", Some(39), None),
        ("L40", Some(40), None),
        ("R39", None, Some(39)),
        ("R40", None, Some(40)),
        ("L70", Some(70), None),
        ("R70", None, Some(70)),
        ("R71", None, Some(71)),
    ];
    assert_eq!(numbers, expected.map(|(anchor, old, new)| (anchor.to_owned(), old, new)));
}

#[test]
fn text_that_looks_like_a_head_is_text() {
    let files = files(PATCH);
    let body = lines(&files[1]);
    assert_eq!(text(body[5]), "diff --git a/x b/x");
    assert_eq!(text(body[6]), "--- a/x");
    assert_eq!(text(body[7]), "+++ b/x");
}

#[test]
fn changed_words_are_marked_in_lines_that_are_alike() {
    let files = files(PATCH);
    let body = lines(&files[1]);
    let changed = |line: &Line| {
        line.parts.iter().filter(|part| part.changed).map(|part| part.text.clone()).collect::<Vec<_>>()
    };
    assert_eq!(changed(body[1]), ["total_cents"]);
    assert_eq!(changed(body[3]), ["total_minor"]);
    assert!(
        changed(body[5]).is_empty() || body[5].parts.len() > 1,
        "lines with nothing in common are not marked"
    );
}

#[test]
fn a_missing_newline_belongs_to_its_line() {
    let files = files(PATCH);
    let bare: Vec<bool> = lines(&files[1]).iter().map(|line| line.no_newline).collect();
    assert_eq!(bare, [false, false, true, false, true, false, false, false]);
    assert!(lines(&files[6])[1].no_newline);
}

#[test]
fn binaries_modes_and_folded_files_are_said() {
    let files = files(PATCH);
    assert_eq!(files[2].stat.mode.as_deref(), Some("100644 → 100755"));
    assert_eq!(files[2].body, Body::NoLines);
    assert_eq!(files[4].body, Body::Binary { old: Some(38_000), new: Some(41_000) });
    assert_eq!(files[4].binary_words().unwrap(), "38 kB → 41 kB");
    assert_eq!(files[5].fold, Some(Fold::LockFile));
    assert!(!files[5].is_open() && matches!(files[5].body, Body::Lines(_)));
}

#[test]
fn the_riskiest_files_come_first_and_keep_their_numbers() {
    let diff = parse(PATCH.as_bytes(), None);
    let order: Vec<usize> = diff.by_risk().iter().map(|file| file.number).collect();
    assert_eq!(order, [1, 7, 6, 3, 2, 4, 5]);
}

#[test]
fn a_large_file_is_shown_when_asked_for() {
    let body = "+x\n".repeat(3_000);
    let patch = format!(
        "diff --git a/big.txt b/big.txt\nnew file mode 100644\n--- /dev/null\n+++ b/big.txt\n@@ -0,0 +1,3000 @@\n{body}"
    );
    let file = &files(&patch)[0];
    assert_eq!((&file.body, file.fold, file.stat.added), (&Body::OnDemand, Some(Fold::Large), 3_000));
    let asked = &parse(patch.as_bytes(), Some(1)).files[0];
    assert!(asked.is_open());
    assert_eq!(lines(asked).len(), 3_000);
}

#[test]
fn a_line_of_a_megabyte_is_cut() {
    let patch = format!("diff --git a/a b/a\n--- a/a\n+++ b/a\n@@ -1 +1 @@\n-{}\n+b\n", "é".repeat(80_000));
    let files = files(&patch);
    let line = lines(&files[0])[0].clone();
    assert_eq!(line.cut, 160_000 - 2_000);
    assert!(text(&line).len() <= 2_000);
}

#[test]
fn a_patch_above_the_limit_shows_one_file_at_a_time() {
    let patch = format!(
        "{PATCH}diff --git a/z b/z\n--- a/z\n+++ b/z\n@@ -1 +1 @@\n-{}\n+b\n",
        "x".repeat(PATCH_LIMIT)
    );
    let diff = parse(patch.as_bytes(), Some(2));
    assert!(diff.is_too_large());
    assert_eq!(diff.files[0].body, Body::OnDemand);
    assert_eq!(lines(&diff.files[1]).len(), 8);
}

#[test]
fn broken_patches_are_read_as_far_as_they_go() {
    for patch in [
        "",
        "no patch",
        "diff --git ",
        "diff --git a",
        "@@ -1 +1 @@\n-a",
        "diff --git a/x b/x\n@@ -1,9 +1,9 @@\n a",
    ] {
        assert!(parse(patch.as_bytes(), None).files.len() <= 1, "{patch:?}");
    }
    let overflow = "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -4294967295,2 +4294967295,2 @@\n a\n b\n";
    assert_eq!(lines(&files(overflow)[0]).len(), 2);
    let beyond = "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -99999999999 +1 @@\n a\n";
    assert_eq!(files(beyond)[0].body, Body::NoLines);
}

#[test]
fn paths_are_read_as_real_git_writes_them() {
    let folder = tempfile::tempdir().unwrap();
    let git = |arguments: &[&str]| {
        let output = Command::new("git")
            .args(["-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"])
            .args(arguments)
            .current_dir(folder.path())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    git(&["init", "-q"]);
    git(&["commit", "-q", "--allow-empty", "-m", "start"]);
    let names = [
        "plain.txt",
        "with space b/with space",
        "quo\"te",
        "tab\there",
        "new\nline",
        "été 日本",
        "-dash",
        "back\\slash",
        "a b/a b/c",
    ];
    for name in names {
        let file = folder.path().join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, "text\n").unwrap();
        std::fs::write(folder.path().join(format!("{name}.empty")), "").unwrap();
        std::fs::write(folder.path().join(format!("{name}.bin")), [0, 1, 2, 255]).unwrap();
    }
    git(&["add", "-A"]);
    git(&["commit", "-q", "-m", "files"]);
    let patch = git(&["diff", "--no-renames", "--full-index", "--binary", "HEAD~1", "HEAD"]);
    let mut found: Vec<String> = parse(&patch, None).files.into_iter().map(|file| file.stat.path).collect();
    let mut expected: Vec<String> = names
        .iter()
        .flat_map(|name| [(*name).to_owned(), format!("{name}.empty"), format!("{name}.bin")])
        .collect();
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
}

#[test]
fn paths_and_lines_that_are_no_utf8_are_shown_as_such() {
    let mut patch =
        b"diff --git \"a/caf\\351\" \"b/caf\\351\"\n--- \"a/caf\\351\"\n+++ \"b/caf\\351\"\n@@ -1 +1 @@\n-"
            .to_vec();
    patch.extend([0xe9, b'\n', b'+', 0xff, 0xfe, b'\n']);
    let diff = parse(&patch, None);
    assert_eq!(diff.files[0].stat.path, "caf\u{fffd}");
    assert_eq!(text(lines(&diff.files[0])[0]), "\u{fffd}");
}

#[test]
fn what_people_rarely_read_is_folded() {
    let folded = [
        ("package-lock.json", Some(Fold::LockFile)),
        ("pnpm-lock.yaml", Some(Fold::LockFile)),
        ("sub/Cargo.lock", Some(Fold::LockFile)),
        ("vendor/lib/x.go", Some(Fold::Vendored)),
        ("web/node_modules/a.js", Some(Fold::Vendored)),
        ("static/app.min.js", Some(Fold::Generated)),
        ("api/x.pb.go", Some(Fold::Generated)),
        ("src/lock.rs", None),
        ("vendors.md", None),
        ("", None),
    ];
    for (path, fold) in folded {
        assert_eq!(fold_of(path), fold, "{path}");
    }
}

fn page(view: DiffView) -> DiffPage {
    DiffPage {
        shell: shell(Section::Applications),
        application: "shop".into(),
        environment: Some("production".into()),
        from: Some("v41".into()),
        to: "v42".into(),
        fingerprint: Some(FINGERPRINT.into()),
        back: Some(Link::new("/review/abc", "Back to review")),
        href: "/applications/shop/diff?from=a&to=b".into(),
        view,
        size: Size { commits: Some(6), files: 7, added: 8, deleted: 6 },
    }
}

#[test]
fn the_page_shows_files_with_an_anchor_for_every_line() {
    let html = sound("typical", "diff", "ready", &page(DiffView::Files(parse(PATCH.as_bytes(), None))));
    assert!(html.contains(
        r##"<tr class="del" id="f2-L39"><td class="n o"><a href="#f2-L39">39</a></td><td class="n"></td>"##
    ));
    assert!(html.contains("<del>total_cents</del>") && html.contains("<ins>total_minor</ins>"));
    assert!(html.contains("-- &#60;script&#62;alert(1)&#60;/script&#62;"));
    assert!(html.contains("mode 100644 → 100755"));
    assert!(html.contains("no newline at the end"));
    assert!(html.contains("7f3a 91c4 e2b0 5d68"));
}

#[test]
fn empty_and_large_diffs_have_states_of_their_own() {
    sound("empty", "diff", "empty", &page(DiffView::Files(Diff::default())));
    let large =
        format!("diff --git a/z b/z\n--- a/z\n+++ b/z\n@@ -1 +1 @@\n-{}\n+b\n", "x".repeat(PATCH_LIMIT));
    let html = sound("large", "diff", "too_large", &page(DiffView::Files(parse(large.as_bytes(), None))));
    assert!(html.contains("href=\"/applications/shop/diff?from=a&#38;to=b&#38;file=1#f1\""));
}

#[test]
fn commits_are_listed_newest_first() {
    let commit = |author: &str, summary: &str| CommitInfo {
        id: CommitId::parse(COMMIT).unwrap(),
        author: author.into(),
        author_mail: "a@example.com".into(),
        at: at("13:00"),
        summary: summary.into(),
    };
    let html = sound(
        "commits",
        "diff",
        "ready",
        &page(DiffView::Commits(vec![commit("Dana", "Keep guest carts"), commit(HOSTILE, HOSTILE)])),
    );
    assert!(html.contains("9c1e7d2f04ab") && html.contains("Keep guest carts"));
    sound("no-commits", "diff", "empty", &page(DiffView::Commits(vec![])));
}

#[test]
fn hostile_code_is_text_and_hidden_characters_are_shown() {
    let hostile = HOSTILE.replace('\n', "");
    let patch = format!(
        "diff --git \"a/{0}\" \"b/{0}\"\n--- \"a/{0}\"\n+++ \"b/{0}\"\n@@ -1 +1 @@ {1}\n-{1}\n+{1}{1}\n",
        "x\\\"><script>alert(1)</script>", hostile
    );
    let mut page = page(DiffView::Files(parse(patch.as_bytes(), None)));
    (page.from, page.to, page.environment) = (None, HOSTILE.into(), None);
    let html = sound("hostile", "diff", "ready", &page);
    assert!(html.contains(r#"<span class="ctl">U+202E</span>"#));
    assert!(html.contains(r#"<span class="ctl">U+001B</span>"#));
}

#[test]
fn every_kind_of_line_is_one_of_three() {
    let files = files(PATCH);
    let kinds: Vec<LineKind> = lines(&files[0]).iter().map(|line| line.kind).collect();
    assert_eq!(kinds, [LineKind::Added, LineKind::Added]);
}
