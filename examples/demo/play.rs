//! The release itself: three people, the pages they see, the mails they get.

use anyhow::{Context as _, Result, bail, ensure};

use crate::feed;
use crate::people::{DANA, ROSA, SAM, Visitor, expect};
use crate::say::Say;
use crate::shop;
use crate::support::smtp::Mail;
use crate::world::{REVIEW_LIST, World};

/// Two releases: the first from nothing, in a line; the second one told in full.
pub async fn play(world: &World, say: &Say) -> Result<()> {
    let (first, played) = (shop::FIRST, shop::PLAYED);
    say.heading(&format!("The first release, {first}, so that something is live"));
    let release =
        Release { world, tag: first, reason: "Open the shop.", ticket: "SHOP-1", say: &say.muted() };
    let files = release.play().await.with_context(|| format!("the release of {first}"))?;
    say.step(
        "shop",
        &format!("{first} was asked for, reviewed, started: {files} files on each of three hosts"),
    );

    say.heading(&format!("The release of {played}, as it happens"));
    let reason = "The discount was promised for Monday.";
    let release = Release { world, tag: played, reason, ticket: "SHOP-7", say };
    release.play().await.with_context(|| format!("the release of {played}"))?;

    let all = expect(world.sam.open("/deployments").await?, 200, "deployments", "ready")?;
    ensure!(all.text().contains(played), "the list of deployments does not name {played}: {}", all.text());
    say.step(SAM.login, "signs in and sees both deployments, which were none of his");
    let verdict = world.countersign.run(&["audit", "verify"]).await?;
    say.step("audit", &format!("`countersign audit verify`: {}", verdict.lines().next().unwrap_or("ok")));
    Ok(())
}

/// One tag on its way to production.
struct Release<'a> {
    world: &'a World,
    tag: &'static str,
    reason: &'static str,
    ticket: &'static str,
    say: &'a Say,
}

impl Release<'_> {
    /// Gives how many files each host was compared in.
    async fn play(&self) -> Result<usize> {
        let Self { world, tag, say, .. } = self;
        let (dana, rosa) = (&world.dana, &world.rosa);
        self.ask(dana).await?;

        let review = self.mail("review").await?;
        ensure!(review.to.iter().any(|to| to == REVIEW_LIST), "the review mail went to {:?}", review.to);
        say.step("mail", &format!("“{}” reaches {REVIEW_LIST}", review.subject()));
        say.detail(&format!("with the patch and the link {}", review.only_link()));
        self.accept(rosa, &review.only_link()).await?;

        let accepted = self.mail("accepted").await?;
        ensure!(accepted.to == [address(dana)], "the launch mail went to {:?}", accepted.to);
        let launch_link = accepted.only_link();
        say.step("mail", &format!("“{}” reaches {}", accepted.subject(), address(dana)));
        say.detail(&format!("with the link that starts it once: {launch_link}"));
        let launch = expect(dana.open(&launch_link).await?, 200, "launch", "ready")?;
        say.step(DANA.login, "opens the link: nothing changed since the approval");
        let answer = dana.browser.press(&launch, "Start deployment", &[]).await?;
        let deployment = match (answer.status, answer.location()?) {
            (303, Some(deployment)) => deployment.to_string(),
            _ => bail!("the start answers {}: {}", answer.status, answer.text()),
        };
        say.step(DANA.login, "presses “Start deployment” and watches");
        say.detail(&deployment);

        let lines = feed::follow(dana, &deployment, say).await?;
        expect(dana.open(&deployment).await?, 200, "deployment", "succeeded")?;
        say.step("live", &format!("it succeeded; {lines} lines of output came while it ran"));
        let files = self.compare_hosts()?;

        let ended = self.mail("succeeded").await?;
        say.step("mail", &format!("“{}” reaches {}", ended.subject(), ended.to.join(", ")));

        let clicked = dana.browser.press(&launch, "Start deployment", &[]).await?;
        ensure!(clicked.status == 410, "a second start answers {}: {}", clicked.status, clicked.text());
        expect(dana.open(&launch_link).await?, 410, "launch", "used")?;
        say.step(DANA.login, &format!("presses it again: 410, the link of {tag} is used up"));
        Ok(files)
    }

    async fn ask(&self, dana: &Visitor) -> Result<()> {
        let Self { tag, say, .. } = self;
        let page = dana.open("/requests/new").await?;
        say.step(DANA.login, "signs in with GitHub and asks for a release");
        let page = dana.choose(&page, &[("application", "shop")]).await?;
        let page = dana.choose(&page, &[("application", "shop"), ("environment", "production")]).await?;
        let chosen = [("application", "shop"), ("environment", "production"), ("tag", tag)];
        let page = dana.choose(&page, &chosen).await?;
        say.step(DANA.login, &format!("picks shop → production → {tag} and sees what changes"));
        for words in page.select("aside p").iter().filter(|words| words.contains("file")) {
            say.detail(words);
        }
        let button = format!("Request review of {tag} → production");
        let fields = [("reason", self.reason), ("ticket", self.ticket)];
        let page = dana.browser.submit(&page, &button, &fields).await?;
        let page = expect(page, 200, "request", "awaiting_review")?;
        say.step(DANA.login, &format!("says why: “{}”", self.reason));
        say.detail(page.url.as_str());
        Ok(())
    }

    async fn accept(&self, rosa: &Visitor, link: &str) -> Result<()> {
        let Self { tag, say, .. } = self;
        let page = expect(rosa.open(link).await?, 200, "review", "awaiting_review")?;
        say.step(ROSA.login, "opens it on her phone, signs in, and reads:");
        for words in page.select("h1") {
            say.detail(&words.replacen(&format!(" to {tag}"), &format!(" → {tag}"), 1));
        }
        let fields = [("comment", "Read the migration twice.")];
        let page = rosa.browser.submit(&page, &format!("Countersign {tag}"), &fields).await?;
        expect(page, 200, "request", "accepted")?;
        say.step(ROSA.login, "accepts");
        Ok(())
    }

    fn compare_hosts(&self) -> Result<usize> {
        let Self { world, tag, say, .. } = self;
        let wanted = shop::contents(&world.shop, tag);
        let commit = shop::commit_of(&world.shop, tag);
        let mut files = 0;
        for host in &world.hosts {
            files = host.compare(&wanted)?;
            let record = host.record()?;
            let (release, found) = (record.first().map(String::as_str), record.get(1));
            ensure!(
                release == Some(*tag) && found == Some(&commit),
                "{}: .git_release says {record:?}",
                host.name
            );
            ensure!(record.len() == 4, "{}: .git_release still says in progress: {record:?}", host.name);
            say.step(host.name, &format!("{files} files, byte for byte what git says {tag} is"));
        }
        for line in world.hosts[0].record()? {
            say.detail(&format!(".git_release  {line}"));
        }
        Ok(files)
    }

    /// The newest mail of a kind about this release; waits for it.
    async fn mail(&self, kind: &str) -> Result<Mail> {
        let start = format!("[{kind}] shop {} ", self.tag);
        let mut mails = self.world.mails.mails();
        loop {
            if let Some(mail) = mails.iter().rev().find(|mail| mail.subject().starts_with(&start)) {
                return Ok(mail.clone());
            }
            // Gives up with the subjects of those that came instead.
            mails = self.world.mails.wait_for(mails.len() + 1).await;
        }
    }
}

fn address(visitor: &Visitor) -> String {
    format!("{}@example.com", visitor.person.login)
}
