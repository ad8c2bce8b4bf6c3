//! The repository of the tests: a small shop with three releases.

use std::path::Path;

use crate::tests::support::git::GitRepository;

const FIRST: i64 = 1_780_000_000;

/// `shop` with the tags v1.0, v1.1 and v1.2, a day apart.
pub fn shop(folder: &Path) -> GitRepository {
    let repository = GitRepository::init(folder);
    repository
        .write("README.md", "# Shop\n")
        .write("src/basket.py", "def total(items):\n    return sum(items)\n")
        .write_executable("bin/serve", "#!/bin/sh\nexec true\n")
        .write("deploy.sh", "echo \"deploying $3 on $2 to $1\"\n")
        .write("tests/run_tests.sh", "test -f version && echo \"tested $3\"\n");
    release(&repository, "v1.0", 0);
    repository.write("src/payment.py", "def pay(amount):\n    return amount\n");
    release(&repository, "v1.1", 1);
    repository.write("src/basket.py", "def total(items):\n    return sum(item.price for item in items)\n");
    release(&repository, "v1.2", 2);
    repository
}

/// Commits what the work tree holds under an annotated tag, with the version in a
/// file; gives the commit.
pub fn release(repository: &GitRepository, tag: &str, day: i64) -> String {
    repository.write("version", format!("{tag}\n"));
    let at = FIRST + day * 86_400;
    let commit = repository.commit(&format!("Release {tag}"), at);
    repository.annotated_tag(tag, &commit, &format!("Shop {tag}"), at);
    commit
}
