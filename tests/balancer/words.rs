//! What is sent and what is read, as values.

use proptest::prelude::*;

use super::world::{member, name};
use crate::balancer::{Endpoint, EndpointError};
use crate::domain::balancer::{
    Admin, FormAnswer, Member, Order, ProxyName, StatsForm, find, read_command, read_form_answer,
    read_runtime, read_stats_page,
};
use crate::domain::fleet;

fn cluster(balancer: Option<&str>) -> fleet::Cluster {
    fleet::Cluster {
        name: name("web-a"),
        was: None,
        load_balancer: balancer.map(name),
        backend: balancer.map(|_| "shop".to_owned()),
        servers: Vec::new(),
    }
}

fn of_fleet(server: &str, backend_server: Option<&str>) -> fleet::Member {
    fleet::Member { server: name(server), backend_server: backend_server.map(str::to_owned) }
}

#[test]
fn haproxy_calls_a_server_by_its_name_up_to_the_dot_in_upper_case() {
    let member = Member::of(&cluster(Some("edge")), &of_fleet("web-1.example.com", None)).unwrap().unwrap();
    assert_eq!(member.to_string(), "web-1.example.com (shop/WEB-1 in edge)");
    let member = Member::of(&cluster(Some("edge")), &of_fleet("web-1", Some("w:1"))).unwrap().unwrap();
    assert_eq!(member.to_string(), "web-1 (shop/w:1 in edge)");
    assert_eq!(Member::of(&cluster(None), &of_fleet("web-1", None)), Ok(None));
}

#[test]
fn a_member_stands_in_a_plan_as_four_words_and_is_checked_when_it_is_read() {
    let stored = serde_json::to_string(&member("shop/OLD")).unwrap();
    assert_eq!(stored, r#"{"balancer":"edge","backend":"shop","backend_server":"OLD","server":"old"}"#);
    assert_eq!(serde_json::from_str::<Member>(&stored).unwrap(), member("shop/OLD"));
    let forged = stored.replace("OLD", "OLD;shutdown sessions");
    let problem = serde_json::from_str::<Member>(&forged).unwrap_err().to_string();
    assert!(
        problem.starts_with("what HAProxy calls a backend or a server must be letters, digits"),
        "{problem}"
    );
}

#[test]
fn orders_that_belong_together_are_one_line() {
    let (new, old) = ([member("shop/NEW")], [member("shop/OLD1"), member("api/OLD2")]);
    let mut orders = Order::all(&new, Admin::Ready);
    orders.extend(Order::all(&old, Admin::Drain));
    assert_eq!(
        Order::lines(&orders),
        ["set server shop/NEW state ready;set server shop/OLD1 state drain;\
             set server api/OLD2 state drain"]
    );
    assert_eq!(Order::lines(&Order::all(&old[..1], Admin::Maint)), ["set server shop/OLD1 state maint"]);
    assert_eq!(Order::lines(&[]), Vec::<String>::new());
    assert_eq!(read_command(), "show cli level;show servers state;show stat -1 4 -1");
}

#[test]
fn a_line_that_haproxy_could_not_hold_becomes_several() {
    let many: Vec<Member> = (0..1000).map(|number| member(&format!("shop/SERVER{number}"))).collect();
    let lines = Order::lines(&Order::all(&many, Admin::Drain));
    assert!(lines.len() > 1 && lines.iter().all(|line| line.len() <= 8192), "{}", lines.len());
    let commands: Vec<&str> = lines.iter().flat_map(|line| line.split(';')).collect();
    assert_eq!(commands.len(), 1000);
    assert_eq!(commands[999], "set server shop/SERVER999 state drain");
}

#[test]
fn the_stats_page_gets_a_form_per_backend_and_state_in_the_order_given() {
    let (new, old) = ([member("shop/NEW"), member("shop/NEW2")], [member("shop/OLD"), member("api/OLD")]);
    let mut orders = Order::all(&new, Admin::Ready);
    orders.extend(Order::all(&old, Admin::Drain));
    let forms = StatsForm::all(&orders).into_iter().map(|form| {
        form.fields.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join("&")
    });
    assert_eq!(
        forms.collect::<Vec<_>>(),
        ["s=NEW&s=NEW2&action=ready&b=shop", "s=OLD&action=drain&b=shop", "s=OLD&action=drain&b=api"]
    );
}

#[test]
fn the_redirect_after_a_form_says_what_came_of_it() {
    let read = read_form_answer;
    assert_eq!(read("/haproxy?stats;st=DONE"), Some(FormAnswer::Done));
    assert_eq!(read("/haproxy?stats;st=NONE"), Some(FormAnswer::Nothing));
    assert_eq!(read("/stats;st=PART;up"), Some(FormAnswer::Partly));
    assert_eq!(read("/stats;st=ERRP"), Some(FormAnswer::Partly));
    assert_eq!(read("/stats;st=DENY"), Some(FormAnswer::Denied));
    assert_eq!(read("/stats;st=EXCD"), Some(FormAnswer::TooLarge));
    assert_eq!(read("/stats;st=UNKN"), None);
    assert_eq!(read("https://sso.example.com/login"), None);
}

#[test]
fn an_endpoint_is_shown_as_the_fleet_file_has_it() {
    let shown =
        |text: &str| Endpoint::of(&fleet::Endpoint::Runtime(text.to_owned()), None).unwrap().to_string();
    for text in ["tcp://10.0.0.5:9999", "tcp://[fd00::5]:9999", "unix:///run/haproxy/admin.sock"] {
        assert_eq!(shown(text), text);
    }
    for text in ["tcp://10.0.0.5", "tcp://:1", "tcp://a:0", "unix://run/x", "http://a"] {
        let endpoint = Endpoint::of(&fleet::Endpoint::Runtime(text.to_owned()), None);
        assert_eq!(endpoint.unwrap_err(), EndpointError::NotOne(text.to_owned()));
    }
    let page = fleet::StatsPage {
        url: "http://edge/haproxy?stats#top".to_owned(),
        user: "deploy".to_owned(),
        password: "env:EDGE".to_owned(),
    };
    let problem = Endpoint::of(&fleet::Endpoint::Stats(page.clone()), None).unwrap_err().to_string();
    assert_eq!(problem, "the password of deploy for the stats page http://edge/haproxy?stats is not known");
    let endpoint = Endpoint::of(&fleet::Endpoint::Stats(page), Some("x".into())).unwrap();
    assert_eq!(endpoint.to_string(), "http://edge/haproxy?stats");
}

const HEADER: &str = "# pxname,svname,qcur,scur,last_chk,status,type,check_status,";

fn rows(csv: &str) -> String {
    format!("{HEADER}\n{csv}\n\n")
}

#[test]
fn columns_are_found_by_name_and_texts_may_hold_commas() {
    let page = rows(
        "visitors,FRONTEND,,3,,OPEN,0,,\n\
         shop,OLD,0,7,\"said \"\"no\"\", twice\",UP 1/3,2,L7OK,\n\
         shop,BACKEND,0,7,,UP,1,,",
    );
    let reading = read_stats_page(&page).unwrap();
    let old = find(&reading, &[&member("shop/OLD")]).unwrap();
    assert_eq!(format!("{old:?}"), "[Seen { admin: None, up: Unproven, sessions: 7 }]");
    assert!(find(&reading, &[&member("shop/BACKEND")]).is_err(), "a sum is no server");
}

#[test]
fn every_status_of_haproxy_is_understood() {
    let seen = |status: &str, check: &str| {
        let reading = read_stats_page(&rows(&format!("shop,OLD,0,0,,{status},2,{check},"))).unwrap();
        format!("{:?}", find(&reading, &[&member("shop/OLD")]).unwrap()[0])
            .replace("Seen { admin: ", "")
            .replace(", sessions: 0 }", "")
    };
    for (status, check, means) in [
        ("UP", "L7OK", "Some(Ready), up: Up"),
        ("UP 1/3", "L4CON", "None, up: Unproven"),
        ("DOWN", "L4CON", "None, up: Down"),
        ("DOWN 1/2", "L4OK", "None, up: Down"),
        ("DOWN (agent)", "L4OK", "None, up: Down"),
        ("no check", "", "Some(Ready), up: Unchecked"),
        ("DRAIN", "L7OK", "Some(Drain), up: Up"),
        ("DRAIN", "", "Some(Drain), up: Unchecked"),
        ("DRAIN 1/3", "L4CON", "Some(Drain), up: Unproven"),
        ("DRAIN (agent)", "L7OK", "Some(Drain), up: Up"),
        ("MAINT", "", "Some(Maint), up: Unknown"),
        ("MAINT (via shop/OLD)", "", "Some(Maint), up: Unknown"),
        ("MAINT (resolution)", "", "Some(Maint), up: Unknown"),
        ("NOLB", "L7OKC", "None, up: Stopping"),
    ] {
        assert_eq!(seen(status, check), means, "{status}");
    }
}

#[test]
fn the_runtime_api_tells_a_drained_server_also_when_it_is_down() {
    let answer = |bits: u8| {
        let table = format!("# be_id be_name srv_id srv_name srv_admin_state\n3 shop 1 OLD {bits}\n\n");
        format!("admin\n\n1\n{table}{}", rows("shop,OLD,0,0,,DOWN,2,L4CON,"))
    };
    for (bits, admin) in
        [(0, "Ready"), (4, "Ready"), (1, "Maint"), (5, "Maint"), (8, "Drain"), (16, "Drain"), (32, "Maint")]
    {
        let seen = find(&read_runtime(&answer(bits)).unwrap(), &[&member("shop/OLD")]).unwrap();
        assert_eq!(format!("{seen:?}"), format!("[Seen {{ admin: Some({admin}), up: Down, sessions: 0 }}]"));
    }
}

#[test]
fn a_table_that_lacks_something_says_what() {
    let why = |text: &str| read_stats_page(text).unwrap_err().to_string();
    assert_eq!(why("<html>"), "there is no table of servers in it");
    assert_eq!(why("# pxname,svname,type\n"), "the table of servers has no column \"status\"");
    assert_eq!(why(&rows("shop,OLD")), "row 1 of the table of servers has no type");
    assert_eq!(
        why(&rows("shop,OLD,0,-4,,UP,2,,")),
        "row 1 of the table of servers has no number of sessions"
    );
    assert_eq!(
        why(&rows("shop,OLD,0,4,,??,2,,")),
        "row 1 of the table of servers has no status that we know"
    );
}

proptest! {
    #[test]
    fn no_answer_makes_the_readers_panic(text in any::<String>(), bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let noise = String::from_utf8_lossy(&bytes);
        for text in [text.clone(), rows(&text), rows(&noise), format!("# be_id be_name srv_name srv_admin_state\n{text}\n\n{}", rows(&noise))] {
            let _ = read_stats_page(&text);
            let _ = read_runtime(&text);
            let _ = read_form_answer(&text);
        }
    }

    #[test]
    fn a_name_of_haproxys_begins_no_second_command(text in "[\\x00-\\x7f\u{e9}]{0,130}") {
        let plain = |c: char| c.is_ascii_alphanumeric() || ".:_-".contains(c);
        let allowed = (1..=120).contains(&text.len()) && text.chars().all(plain);
        prop_assert_eq!(ProxyName::parse(&text).is_ok(), allowed);
        if let Ok(server) = ProxyName::parse(&text) {
            let member = Member { backend_server: server, ..member("shop/X") };
            let lines = Order::lines(&Order::all(std::slice::from_ref(&member), Admin::Drain));
            prop_assert_eq!(lines, [format!("set server shop/{text} state drain")]);
        }
    }
}
