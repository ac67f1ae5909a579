//! What the image and its containers may do, and that it is enough.

use testcontainers::bollard::models::HealthStatusEnum;

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
        let changes = place.docker.container_changes(service.id()).await.unwrap().unwrap_or_default();
        assert!(changes.is_empty(), "{changes:?}");
    });
}
