use super::samples::*;
use super::sound;
use crate::domain::deployment::DeploymentState;
use crate::web::view::Section;
use crate::web::view::deployments::Deployments;

#[test]
fn deployments_of_every_state_are_listed() {
    let page = Deployments {
        shell: shell(Section::Deployments),
        of: Some("shop in production".into()),
        items: DeploymentState::ALL.iter().copied().map(deployment).collect(),
        filters: vec![],
        next: Some("/deployments?after=12".into()),
    };
    let html = sound("typical", "deployments", "ready", &page);
    for state in DeploymentState::ALL {
        assert!(html.contains(&format!(r#"<span class="status" data-s="{state}">"#)), "{state}");
    }
    let hostile = Deployments {
        of: Some(HOSTILE.into()),
        items: vec![hostile_deployment(DeploymentState::Running); 3],
        shell: hostile_shell(Section::Deployments),
        ..page
    };
    sound("hostile", "deployments", "ready", &hostile);
    let empty = Deployments { items: vec![], of: None, next: None, ..hostile };
    sound("empty", "deployments", "empty", &empty);
}
