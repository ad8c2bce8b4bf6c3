//! The form of each kind of object.

use serde_json::{Value, json};

use super::{Field, Input, Section, Sheet, Words};
use crate::domain::fleet::{Approval, Kind};

const fn field(key: &'static str, label: &'static str, hint: &'static str, input: Input) -> Field {
    Field { key, label, hint, input }
}

const NAME: Field =
    field("name", "Name", "a-z, 0-9, '.', '_' and '-'. Another name renames it.", Input::Text);

const SERVER: &[Section] = &[Section {
    title: "How it is reached",
    fields: &[
        NAME,
        field("host", "Host", "Name or address that ssh connects to.", Input::Code),
        field("port", "Port", "22 if empty.", Input::Number),
        field(
            "host_key",
            "Pinned host key",
            "ssh-ed25519 AAAA…, without host and comment. Nothing connects without one.",
            Input::Code,
        ),
        field("active", "Active", "Deployments skip a server that is not.", Input::Check),
    ],
}];

const LOAD_BALANCER: &[Section] = &[Section {
    title: "Where it answers",
    fields: &[
        NAME,
        field(
            "endpoints",
            "Endpoints",
            "tcp://host:port or unix:///path of the Runtime API; or the URL of a stats page with its account.",
            Input::Rows(&[
                field("url", "Address", "", Input::Code),
                field("user", "User", "", Input::Text),
                field("password", "Password", "", Input::Secret),
            ]),
        ),
    ],
}];

const CLUSTER: &[Section] = &[Section {
    title: "What belongs together",
    fields: &[
        NAME,
        field(
            "load_balancer",
            "Load balancer",
            "Without one nothing is taken out of service.",
            Input::Reference(Kind::LoadBalancer),
        ),
        field("backend", "Backend", "What HAProxy calls it; needed with a load balancer.", Input::Code),
        field(
            "servers",
            "Servers",
            "In the order in which they are worked on.",
            Input::Rows(&[
                field("server", "Server", "", Input::Reference(Kind::Server)),
                field("backend_server", "Called in the backend", "", Input::Code),
            ]),
        ),
    ],
}];

const DAYS: Words = &[
    ("mon", "Mon"),
    ("tue", "Tue"),
    ("wed", "Wed"),
    ("thu", "Thu"),
    ("fri", "Fri"),
    ("sat", "Sat"),
    ("sun", "Sun"),
];

const CALENDAR: &[Section] = &[Section {
    title: "When deployments may start",
    fields: &[
        NAME,
        field("timezone", "Time zone", "Such as Europe/Paris.", Input::Text),
        field(
            "weekly",
            "Weekly hours",
            "From 00:00 to 24:00. A span over midnight is two.",
            Input::Rows(&[
                field("days", "Days", "", Input::Set(DAYS)),
                field("from", "From", "", Input::Text),
                field("to", "To", "", Input::Text),
            ]),
        ),
        field("closed", "Closed days", "One a line, YYYY-MM-DD.", Input::Lines),
        field("holidays", "Public holidays of", "Codes of countries, one a line, such as FR.", Input::Lines),
        field(
            "ics",
            "Closed by a calendar",
            "The text of an .ics file: the days that its events touch are closed.",
            Input::Document,
        ),
    ],
}];

const GLOBALS: Words =
    &[("admin", "administer everything"), ("impersonate", "act for others"), ("read_all", "read everything")];

const PERMISSIONS: Words = &[
    ("", "–"),
    ("read", "read"),
    ("request", "request"),
    ("deploy_in_window", "deploy in window"),
    ("deploy", "deploy"),
    ("review", "review"),
];

const ROLE: &[Section] = &[
    Section {
        title: "Who has it",
        fields: &[
            NAME,
            field("users", "People", "One a line: rosa, github:rosa or local:rosa.", Input::Lines),
            field("github_teams", "GitHub teams", "One a line, by their slug.", Input::Lines),
        ],
    },
    Section {
        title: "What it allows",
        fields: &[
            field("global", "Everywhere", "", Input::Set(GLOBALS)),
            field(
                "grants",
                "By application and environment",
                "An empty name or * stands for all of them.",
                Input::Rows(&[
                    field("permission", "May", "", Input::Choice(PERMISSIONS)),
                    field("application", "Application", "", Input::Text),
                    field("environment", "Environment", "", Input::Text),
                ]),
            ),
        ],
    },
];

const APPLICATION: &[Section] = &[Section {
    title: "What is released",
    fields: &[
        NAME,
        field(
            "repository",
            "Repository",
            "https or ssh URL, git@host:path, or an absolute path.",
            Input::Code,
        ),
        field("github", "On GitHub", "owner/name, for pushes and links.", Input::Code),
        field(
            "tags",
            "Tags",
            "Glob of the tags that are releases, such as v*. Empty: every tag.",
            Input::Code,
        ),
        field("owners", "Owners", "Mail addresses, one a line. They hear of deployments.", Input::Lines),
        field("webhook_secret", "Webhook secret", "Without one no push is accepted.", Input::Secret),
        field(
            "allow_submodules_and_lfs",
            "Allow submodules and Git LFS pointers",
            "Neither is filled in.",
            Input::Check,
        ),
    ],
}];

const LAYOUTS: Words = &[("in_place", "in place"), ("releases", "a folder a release, and a link")];
const STRATEGIES: Words = &[
    ("clusters", "cluster by cluster"),
    ("rolling", "rolling, in batches"),
    ("canary", "canary, then a person continues"),
    ("all", "all at once"),
];
const METHODS: Words = &[("rsync", "rsync over SSH"), ("command", "a command of config.json")];

const ENVIRONMENT: &[Section] = &[
    Section {
        title: "What may go there",
        fields: &[
            NAME,
            field("order", "Order", "Lower comes first.", Input::Number),
            field("deploy_from.tags", "From tags", "Glob, such as v*. Either this or a branch.", Input::Code),
            field("deploy_from.branch", "From a branch", "Its name.", Input::Code),
            field(
                "promote_from",
                "Promoted from",
                "Environment of the same application that must have run the release before.",
                Input::Code,
            ),
            field("calendar", "Calendar", "Without one: always open.", Input::Reference(Kind::Calendar)),
            field(
                "auto_deploy",
                "A push deploys",
                "Or opens a request where approval is needed.",
                Input::Check,
            ),
        ],
    },
    Section {
        title: "Approval",
        fields: &[
            field("approval.required", "Accepts needed", "0: none is needed.", Input::Number),
            field("approval.review_list", "Review list", "Mail addresses, one a line.", Input::Lines),
            field(
                "approval.groups",
                "Groups",
                "So many of those who hold a role must be among them.",
                Input::Rows(&[
                    field("role", "Role", "", Input::Reference(Kind::Role)),
                    field("required", "Accepts", "", Input::Number),
                ]),
            ),
            field("approval.self_approval", "Requesters may accept their own", "It is marked.", Input::Check),
            field("approval.authors_count", "Authors of the commits count as approvers", "", Input::Check),
            field("approval.covers_rollback", "An approval covers the way back", "", Input::Check),
            field("approval.review_hours", "Hours for review", "1 to 720.", Input::Number),
            field("approval.slot_minutes", "Minutes of a launch link", "1 to 1440.", Input::Number),
            field("approval.stand_hours", "Hours that an approval stands", "1 to 168.", Input::Number),
        ],
    },
    Section {
        title: "Where it goes",
        fields: &[
            field("target_path", "Target path", "Absolute, and no home.", Input::Code),
            field("remote_user", "Remote user", "Unix account on the servers.", Input::Code),
            field(
                "clusters",
                "Clusters",
                "One a line, in the order in which they are worked on.",
                Input::Lines,
            ),
            field("strategy", "Strategy", "", Input::Choice(STRATEGIES)),
            field("batch", "Batch", "With rolling and canary: 2, or 25%.", Input::Size),
            field("canary_minutes", "Minutes a canary waits", "1 to 10080.", Input::Number),
        ],
    },
    Section {
        title: "How it is deployed",
        fields: &[
            field("method", "Method", "", Input::Choice(METHODS)),
            field("command", "Command", "Its name in config.json; with that method only.", Input::Code),
            field(
                "artifact",
                "Artifact",
                "Name of a command in config.json that builds the tree.",
                Input::Code,
            ),
            field("layout", "Layout", "", Input::Choice(LAYOUTS)),
            field("keep_releases", "Releases kept", "With a folder a release: 1 to 1000.", Input::Number),
            field("sync", "Sync", "", Input::Choice(&[("rsync", "rsync")])),
            field("rsync_options", "Options of rsync", "One a line.", Input::Lines),
            field(
                "delete_threshold",
                "Deletions without acknowledgement",
                "Percent of a host's files.",
                Input::Number,
            ),
        ],
    },
    Section {
        title: "How it is checked",
        fields: &[
            field("fail_on_failed_tests", "Failed tests fail the run", "", Input::Check),
            field(
                "health_check.command",
                "Health check: command",
                "Runs on the host. Without a check all four stay empty.",
                Input::Code,
            ),
            field("health_check.url", "Health check: URL", "Either this or a command.", Input::Code),
            field("health_check.attempts", "Attempts", "10 if empty.", Input::Number),
            field("health_check.interval_s", "Seconds between them", "3 if empty.", Input::Number),
            field("drift_check", "Hosts are asked from time to time what they run", "", Input::Check),
        ],
    },
];

pub const fn sheet_of(kind: Kind) -> Sheet {
    let sections = match kind {
        Kind::Server => SERVER,
        Kind::LoadBalancer => LOAD_BALANCER,
        Kind::Cluster => CLUSTER,
        Kind::Calendar => CALENDAR,
        Kind::Role => ROLE,
        Kind::Application => APPLICATION,
        Kind::Environment => ENVIRONMENT,
    };
    Sheet { kind, sections }
}

/// What the form of a new object begins with: the defaults of the fleet file.
pub fn blank(kind: Kind) -> Value {
    match kind {
        Kind::Server => json!({ "port": 22, "active": true }),
        Kind::Environment => json!({
            "layout": "in_place", "keep_releases": 5, "sync": "rsync",
            "rsync_options": ["-az", "--delete"], "strategy": "clusters", "canary_minutes": 60,
            "fail_on_failed_tests": true, "approval": Approval::default(), "method": "rsync",
            "delete_threshold": 50, "drift_check": true,
        }),
        _ => json!({}),
    }
}
