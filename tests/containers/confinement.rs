//! What the image and its containers may do, and that it is enough.

use testcontainers::bollard::models::HealthStatusEnum;
use testcontainers::core::ExecCommand;

use crate::place::wait_until;
use crate::story;

#[test]
fn a_root_that_cannot_be_written_to_and_a_user_without_rights_are_enough() {
    story(async |place| {
        let service = place.serve_connected().await;
        place.sync_well().await;
        wait_until("the image's own health check is content", async || {
            let state = place.docker.inspect_container(service.id(), None).await.unwrap().state.unwrap();
            state.health.unwrap().status == Some(HealthStatusEnum::HEALTHY)
        })
        .await;
        let seen = place.docker.inspect_container(service.id(), None).await.unwrap();
        let (config, host) = (seen.config.unwrap(), seen.host_config.unwrap());
        assert_eq!(config.user.as_deref(), Some("10001:10001"), "as the image says");
        assert_eq!(host.readonly_rootfs, Some(true));
        assert_eq!(host.cap_drop, Some(vec!["ALL".to_owned()]));
        let running = place.docker.top_processes(service.id(), None).await.unwrap();
        let user = running.titles.unwrap().iter().position(|title| title == "UID").unwrap();
        assert_eq!(running.processes.unwrap().iter().map(|process| &process[user]).collect::<Vec<_>>(), ["10001"]);
        let shell = service.exec(ExecCommand::new(["/bin/sh", "-c", "true"])).await.unwrap();
        let mut code = None;
        wait_until("the engine has looked for a shell", async || {
            code = shell.exit_code().await.unwrap();
            code.is_some()
        })
        .await;
        assert!(matches!(code, Some(126 | 127)), "there is none: {code:?}");
    });
}
