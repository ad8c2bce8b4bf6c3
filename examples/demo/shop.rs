//! The application that is released: a small web shop with a history and tags.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Result;

use crate::support::git::{GitRepository, git_at, output_of};

pub const FIRST: &str = "v1.0";
pub const PLAYED: &str = "v1.1";
pub const BROKEN: &str = "v1.2-broken";
pub const MENDED: &str = "v1.2";

const DAY: i64 = 24 * 60 * 60;

/// Two tags that work, one whose `deploy.sh` fails on `web-2`, and one that mends it.
pub fn make(folder: &Path) -> Result<GitRepository> {
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())?;
    let shop = GitRepository::init(folder).by("Dana Dev", "dana@example.com");

    shop.write("VERSION", "1.0\n")
        .write("public/index.html", page("A small shop", "Tea, 250 g: 6.50"))
        .write(
            "public/style.css",
            "body { font: 16px/1.5 sans-serif; margin: 2rem auto; max-width: 40rem }\n",
        )
        .write("src/cart.py", "def total(items):\n    return sum(price for _, price in items)\n")
        .write("README.md", "# Shop\n\nSells tea.\n")
        .write_executable("deploy.sh", DEPLOY)
        .write_executable("tests/run_tests.sh", TESTS);
    let first = shop.commit("A shop that sells tea", now - 9 * DAY);
    shop.annotated_tag(FIRST, &first, "The first release", now - 9 * DAY);

    shop.write("src/cart.py", CART_WITH_DISCOUNT);
    shop.commit("Ten percent off from ten items", now - 3 * DAY);
    shop.write("VERSION", "1.1\n")
        .write(
            "public/index.html",
            page("A small shop", "Tea, 250 g: 6.50. Ten percent off from ten packets."),
        )
        .write(
            "migrations/002_discounts.sql",
            "ALTER TABLE orders ADD COLUMN discount_percent INTEGER NOT NULL DEFAULT 0;\n",
        )
        .write("public/Tee für Gäste.txt", "Names with spaces and umlauts travel, too.\n");
    let played = shop.commit("Say it on the page", now - 2 * DAY);
    shop.annotated_tag(PLAYED, &played, "Discounts", now - 2 * DAY);

    shop.write("VERSION", "1.2\n").write_executable("deploy.sh", BROKEN_DEPLOY);
    let broken = shop.commit("Warm up the cache after a release", now - DAY);
    shop.annotated_tag(BROKEN, &broken, "Warmer cache. Its deploy.sh fails on web-2", now - DAY);

    shop.write_executable("deploy.sh", DEPLOY).remove("public/Tee für Gäste.txt");
    let mended = shop.commit("Leave the cache cold", now - DAY / 2);
    shop.annotated_tag(MENDED, &mended, "Mends deploy.sh", now - DAY / 2);
    Ok(shop)
}

/// One file of a release.
pub struct Content {
    /// Relative to the root of the tree.
    pub path: String,
    pub bytes: Vec<u8>,
    pub executable: bool,
}

/// What a tag holds, as git says, not as the service does.
pub fn contents(shop: &GitRepository, tag: &str) -> Vec<Content> {
    let git = |arguments: &[&str]| {
        let mut command = git_at(shop.path());
        command.args(arguments);
        output_of(command, b"")
    };
    let listed = git(&["ls-tree", "-r", "-z", "--full-tree", tag]);
    let listed = String::from_utf8_lossy(&listed);
    let entries = listed.split('\0').filter_map(|entry| entry.split_once('\t'));
    entries
        .map(|(facts, path)| {
            let object = facts.rsplit(' ').next().unwrap_or_default();
            Content {
                path: path.to_owned(),
                bytes: git(&["cat-file", "blob", object]),
                executable: facts.starts_with("100755"),
            }
        })
        .collect()
}

pub fn commit_of(shop: &GitRepository, tag: &str) -> String {
    shop.git(["rev-parse".to_owned(), format!("{tag}^{{commit}}")])
}

fn page(title: &str, words: &str) -> String {
    format!(
        "<!doctype html>\n<title>{title}</title>\n<link rel=\"stylesheet\" href=\"style.css\">\n<h1>{title}</h1>\n<p>{words}</p>\n"
    )
}

const CART_WITH_DISCOUNT: &str = "\
def total(items):
    price = sum(price for _, price in items)
    if len(items) >= 10:
        price = price * 0.9
    return round(price, 2)
";

const DEPLOY: &str = "\
#!/bin/sh
# deploy.sh ENVIRONMENT HOST COMMIT
echo \"$2: this is shop $(cat VERSION) for $1\"
sleep 0.3
echo \"$2: building the page cache\"
sleep 0.3
echo \"$2: reloading the shop\"
";

const BROKEN_DEPLOY: &str = "\
#!/bin/sh
# deploy.sh ENVIRONMENT HOST COMMIT
echo \"$2: this is shop $(cat VERSION) for $1\"
sleep 0.3
echo \"$2: warming up the cache\"
if [ \"$2\" = web-2 ]; then
    echo \"$2: no space left for the cache\" >&2
    exit 1
fi
echo \"$2: reloading the shop\"
";

const TESTS: &str = "\
#!/bin/sh
# run_tests.sh ENVIRONMENT HOST REF COMMIT
echo \"1..2\"
grep -q '<h1>' public/index.html && echo \"ok 1 the front page has a heading\" || exit 1
test -s VERSION && echo \"ok 2 the release says its version\" || exit 1
";
