//! The deployment in `k8s`, as it is rendered: what its parts have to do with each other. Schemas are looked at elsewhere
//! (`.ci/manifests`); they pass all of what follows.
//!
//! The first plan for deploying this had 35 defects, none of which a schema could see. Each that a test can see has one here that fails
//! when it comes back, and `defects` puts each back to see it fail:
//!
//! | | defect | seen by |
//! |---|---|---|
//! | 1 | a claim template and a volume with one name | `no_stateful_set_has_a_claim_template_to_collide_with_or_to_grow` |
//! | 2 | a claim named by hand, mounted twice | `every_pod_mounts_one_and_the_same_claim_once_and_it_is_declared` |
//! | 3 | addresses with a port that no Service has | `every_address_that_is_written_down_is_answered_by_a_declared_port` |
//! | 4 | the headless name for what is another Service's | `every_address_that_is_written_down_is_answered_by_a_declared_port` |
//! | 5 | a whole file as one variable | `every_key_of_the_environment_is_the_name_of_a_variable_of_ours` |
//! | 6 | a variable that nobody reads | `the_program_takes_every_setting_as_it_is_rendered` |
//! | 7 | changed settings that reach nobody | `settings_that_change_reach_the_pods` |
//! | 8 | no probes | `the_service_is_probed_where_it_answers_and_given_time_to_start` |
//! | 9 | root, and everything that is allowed by default | `every_pod_is_fit_for_the_restricted_standard` |
//! | 10 | a group that does not go with the user | `all_pods_are_the_same_user_and_it_is_the_image_s` |
//! | 11 | `latest` | `every_pod_runs_the_same_image_of_this_version` |
//! | 12 | an update that waits for somebody | `there_is_one_service_and_a_change_reaches_it_by_itself` |
//! | 13 | five minutes of patience with a dead node | `pods_of_a_lost_node_are_given_up_after_half_a_minute` |
//! | 14 | a failover faster than its parts | `the_page_promises_no_failover_that_is_faster_than_its_parts` |
//! | 15 | a failback that never comes | `the_descheduler_may_move_the_service_and_leaves_running_jobs_alone` |
//! | 16 | patches from outside the folder | `no_kustomization_takes_a_file_from_outside_its_folder` |
//! | 17 | patches in two places | `no_patch_is_applied_twice` |
//! | 18 | a template that cannot grow | `no_stateful_set_has_a_claim_template_to_collide_with_or_to_grow` |
//! | 19 | secrets in a ConfigMap | `no_secret_is_in_a_config_map_and_every_file_that_is_named_is_a_key_of_the_example` |
//! | 20 | everybody behind the proxy let in | `everybody_has_to_sign_in_and_no_proxy_is_believed_that_is_not_named` |
//! | 21 | passwords in clear | `people_come_by_https_and_cookies_are_for_https` |
//! | 22 | webhooks and metrics for everybody at home | `the_ingress_publishes_pages_and_the_api_and_nothing_that_only_the_cluster_asks` |
//! | 23 | webhooks from any pod | `only_the_arrs_traefik_and_prometheus_reach_the_service_and_nobody_reaches_a_job` |
//! | 24 | a selector that means jobs too | `every_selector_means_the_service_s_pod_and_no_job` |
//! | 25 | a token that nobody needs | `every_pod_has_a_service_account_without_a_token` |
//! | 26 | no network policy | `the_service_and_the_sync_reach_names_arrs_and_the_internet_and_other_jobs_reach_nobody` |
//! | 27 | logs on the database's disk | `no_log_goes_to_the_volume` |
//! | 28 | tools that the image does not have | `nothing_but_our_own_program_is_run_in_a_pod` |
//! | 29 | an address without its port | `addresses_of_instances_name_their_port` |
//! | 30 | replicas that two nodes cannot hold | not here: the StorageClass is the cluster's. `the_page_asks_the_cluster_for_what_the_manifests_cannot_bring` |
//! | 31 | a shutdown taken for a crash | not here: a page cannot be made to be followed. `the_page_asks_the_cluster_for_what_the_manifests_cannot_bring` |
//! | 32 | a volume that is pruned | `flux_never_prunes_the_volume_or_the_namespace` |
//! | 33 | the namespace in every file | `the_base_knows_no_namespace_and_the_overlays_know_one` |
//! | 34 | a limit for the processor | `memory_is_bounded_and_the_processor_is_not` |
//! | 35 | no time for migrations | `the_service_is_probed_where_it_answers_and_given_time_to_start` |

#![expect(clippy::unwrap_used, reason = "a manifest that lacks what is looked for has failed")]

mod configuration;
mod current;
mod defects;
mod doctor;
mod flux;
mod jobs;
mod monitoring;
mod network;
mod page;
mod pods;
mod rendered;
mod site;
mod volume;

/// The rows of the table above.
fn table(own: &str) -> Vec<&str> {
    own.lines().filter_map(|line| line.strip_prefix("//! | ")).skip(1).collect()
}

/// The table above is as good as the names in it.
#[test]
fn every_test_in_the_table_of_defects_is_there() {
    let own = rendered::read("tests/k8s/main.rs");
    let modules = ["configuration", "current", "flux", "network", "page", "pods", "volume"];
    let sources: String = modules.iter().map(|module| rendered::read(&format!("tests/k8s/{module}.rs"))).collect();
    let rows = table(&own);
    assert_eq!(rows.len(), 35);
    for (index, row) in rows.iter().enumerate() {
        assert!(row.starts_with(&format!("{} |", index + 1)), "{row}");
        let name = row.rsplit('`').nth(1).unwrap();
        assert!(sources.contains(&format!("#[test]\npub fn {name}()")), "{name}");
    }
}
