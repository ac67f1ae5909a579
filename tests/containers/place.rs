//! A place for one story: a private network, a volume for the data and one for the settings, Plex in one container and the arrs in
//! another, and the image's own containers as the manifests make them.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use pulsarr_tests::fakes::{FakePlex, FakeRadarr, FakeSonarr};
use pulsarr_tests::household::SETTINGS;
use pulsarr_tests::service::ask;
use pulsarr_tests::stand_ins::{CONTROL, PLEX, RADARR, SONARR};
use serde_json::Value;
use testcontainers::bollard::Docker;
use testcontainers::bollard::models::{NetworkConnectRequest, NetworkDisconnectRequest};
use testcontainers::core::{AccessMode, Healthcheck, IntoContainerPort as _, Mount, WaitFor};
use testcontainers::runners::AsyncRunner as _;
use testcontainers::{ContainerAsync, ContainerRequest, CopyTargetOptions, GenericImage, ImageExt as _};

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where the service shows its metrics.
const METRICS: u16 = 9090;

/// The environment that the manifests give to service and jobs.
const ENVIRONMENT: &str = include_str!("../../k8s/base/environment.env");

/// A container.
pub type Container = ContainerAsync<GenericImage>;

/// Everything is gone when it is dropped.
pub struct Place {
    /// The engine, for what testcontainers has no word for.
    pub docker: Docker,
    id: String,
    image: (String, String),
    variables: BTreeMap<String, String>,
    plex: Container,
    arrs: Container,
    // Last, because volumes can only be removed when nobody uses them.
    _volumes: Volumes,
}

/// What a container that has ended left behind.
#[derive(Debug)]
pub struct Done {
    /// The exit code.
    pub code: i64,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Done {
    /// The JSON report on standard output.
    pub fn report(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("no JSON report ({error}):\n{}\n{}", self.stdout, self.stderr))
    }
}

impl Place {
    /// Everybody is there, and nothing of ours has run yet.
    pub async fn new(image: &str) -> Self {
        let (name, tag) = image.rsplit_once(':').expect("PULSARR_IMAGE is name:tag");
        let id = format!("pulsarr-story-{:08x}", fastrand::u32(..));
        let docker = Docker::connect_with_unix_defaults().unwrap();
        let _volumes = Volumes(docker.clone(), ["data", "fresh", "settings"].map(|role| format!("{id}-{role}")).into());
        let image = (name.to_owned(), tag.to_owned());
        let plex = stand_ins(&image, &id, "plex").await;
        let arrs = stand_ins(&image, &id, "arrs").await;
        let place = Self { docker, variables: variables(&id), id, image, plex, arrs, _volumes };
        place.write_settings().await;
        place
    }

    /// Into a volume of their own, as a ConfigMap would be.
    async fn write_settings(&self) {
        let settings = SETTINGS
            .replace("${RADARR_URL}", &format!("http://{}-arrs:{RADARR}", self.id))
            .replace("${SONARR_URL}", &format!("http://{}-arrs:{SONARR}", self.id));
        let writer = self
            .image()
            .with_cmd(["--version"])
            .with_mount(Mount::volume_mount(format!("{}-settings", self.id), "/app/config"))
            .with_copy_to(CopyTargetOptions::new("/app/config/pulsarr.yaml").with_mode(0o644), settings.into_bytes());
        let writer = writer.start().await.unwrap();
        ended(&writer).await;
    }

    fn image(&self) -> GenericImage {
        GenericImage::new(&self.image.0, &self.image.1)
    }

    /// The image with volumes, variables and confinement of the manifests.
    fn confined(&self, image: GenericImage, data: &str) -> ContainerRequest<GenericImage> {
        let mount = |role: &str, path: &str| Mount::volume_mount(format!("{}-{role}", self.id), path);
        let request = image
            .with_network(&self.id)
            .with_mount(mount(data, "/app/data"))
            .with_mount(mount("settings", "/app/config").with_access_mode(AccessMode::ReadOnly))
            .with_readonly_rootfs(true)
            .with_cap_drop("ALL")
            .with_security_opt("no-new-privileges");
        self.variables.iter().fold(request, |request, (name, value)| request.with_env_var(name, value))
    }

    /// Starts `pulsarr` with these arguments.
    pub async fn start(&self, arguments: &[&str]) -> Container {
        self.confined(self.image(), "data").with_cmd(arguments.iter().copied()).start().await.unwrap()
    }

    /// `pulsarr` to its end.
    pub async fn run(&self, arguments: &[&str]) -> Done {
        done(self.start(arguments).await).await
    }

    /// `pulsarr` to its end, on the fresh volume; the one of the others can be read at `/old`.
    pub async fn run_on_fresh_volume(&self, arguments: &[&str]) -> Done {
        let old = Mount::volume_mount(format!("{}-data", self.id), "/old").with_access_mode(AccessMode::ReadOnly);
        let request = self.confined(self.image(), "fresh").with_mount(old).with_cmd(arguments.iter().copied());
        done(request.start().await.unwrap()).await
    }

    /// A sync that has nothing to complain about: its report.
    pub async fn sync_well(&self) -> Value {
        let done = self.run(&["sync", "--report", "json"]).await;
        assert_eq!(done.code, 0, "{done:?}");
        done.report()
    }

    /// What `pulsarr explain` tells about a title.
    pub async fn explain(&self, title: &str) -> String {
        let done = self.run(&["explain", title]).await;
        assert_eq!(done.code, 0, "{done:?}");
        done.stdout
    }

    /// Starts the service and waits until it listens. A second one can only be there when the first one is gone.
    pub async fn serve(&self) -> Container {
        let image = self
            .image()
            .with_entrypoint("/pulsarr-webhook-svc")
            .with_exposed_port(METRICS.tcp())
            .with_wait_for(WaitFor::message_on_stderr("Server listening on port 3003"));
        let request = self.confined(image, "data").with_container_name(format!("{}-service", self.id));
        // The image's own question, asked more often.
        request.with_health_check(Healthcheck::empty().with_interval(Duration::from_secs(1))).start().await.unwrap()
    }

    /// The sum of a metric of the service over all its labels.
    pub async fn metric(&self, service: &Container, name: &str) -> u64 {
        let port = service.get_host_port_ipv4(METRICS.tcp()).await.unwrap();
        let page = ask(port, "GET", "/metrics", &[], b"").body;
        let samples = page.lines().filter(|line| line.split(['{', ' ']).next() == Some(name));
        let values: Vec<u64> = samples.map(|line| line.rsplit(' ').next().unwrap().parse().unwrap()).collect();
        assert!(!values.is_empty(), "{name} is not in the metrics:\n{page}");
        values.iter().sum()
    }

    /// The service, once both arrs report to it.
    pub async fn serve_connected(&self) -> Container {
        let service = self.serve().await;
        self.until("both arrs have a webhook", |world| world["connected"] == 2).await;
        service
    }

    /// How the world looks, as the arrs' stand-in tells it.
    pub async fn world(&self) -> Value {
        self.ask("GET", "/world").await
    }

    /// Changes the arrs' world.
    pub async fn order(&self, path: &str) {
        self.ask("POST", path).await;
    }

    async fn ask(&self, method: &str, path: &str) -> Value {
        // Asked for each time: it is another one after the network was cut.
        let port = self.arrs.get_host_port_ipv4(CONTROL.tcp()).await.unwrap();
        let answer = ask(port, method, path, &[], b"");
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    /// Waits until the arrs' world is like this.
    pub async fn until(&self, what: &str, condition: impl Fn(&Value) -> bool) {
        wait_until(what, async || condition(&self.world().await)).await;
    }

    /// Takes the arrs off the network.
    pub async fn cut_off_arrs(&self) {
        let request = NetworkDisconnectRequest { container: self.arrs.id().to_owned(), force: Some(false) };
        self.docker.disconnect_network(&self.id, request).await.unwrap();
    }

    /// Puts them on it again.
    pub async fn reconnect_arrs(&self) {
        let request = NetworkConnectRequest { container: self.arrs.id().to_owned(), ..Default::default() };
        self.docker.connect_network(&self.id, request).await.unwrap();
    }

    /// Plex takes connections and answers none.
    pub async fn freeze_plex(&self) {
        self.plex.pause().await.unwrap();
    }

    /// Plex answers again, also what it was asked meanwhile.
    pub async fn thaw_plex(&self) {
        self.plex.unpause().await.unwrap();
    }

    /// SIGKILL.
    pub async fn kill(&self, container: &Container) {
        self.docker.kill_container(container.id(), None).await.unwrap();
    }
}

/// What the manifests set, with the addresses of this place, and without the pauses that are for the real Plex.
fn variables(id: &str) -> BTreeMap<String, String> {
    let given = ENVIRONMENT.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('='));
    let mut variables: BTreeMap<String, String> =
        given.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    // Only for their names and secrets, which all stand-ins share.
    let (plex, radarr, sonarr) = (FakePlex::start(), FakeRadarr::start(), FakeSonarr::start());
    let there = format!("http://{id}-plex:{PLEX}");
    variables.extend(plex.envs().into_iter().map(|(name, url)| (name.to_owned(), url.replace(&plex.origin(), &there))));
    variables.extend(
        [
            ("PULSARR_BASE_URL", format!("http://{id}-service:3003")),
            ("PULSARR_PLEX_PAGE_PAUSE_MS", "0".to_owned()),
            ("PULSARR_RETRY_BASE_MS", "0".to_owned()),
            ("PLEX_TOKEN", plex.owner_token()),
            ("RADARR_API_KEY", radarr.api_key()),
            ("SONARR_API_KEY", sonarr.api_key()),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    );
    variables
}

/// Stand-ins in a container of their own. Nothing of the image under test takes part: it is there because where no registry can be
/// reached no other image is at hand, and the program and its libraries are put in.
async fn stand_ins(image: &(String, String), id: &str, role: &str) -> Container {
    let program = Path::new(env!("CARGO_BIN_EXE_stand-ins"));
    let request = GenericImage::new(&image.0, &image.1)
        .with_entrypoint("/stand-ins")
        .with_exposed_port(CONTROL.tcp())
        .with_wait_for(WaitFor::message_on_stdout("everybody listens"))
        .with_network(id)
        .with_container_name(format!("{id}-{role}"))
        .with_mount(Mount::tmpfs_mount("/tmp"))
        .with_user("0:0")
        .with_copy_to(CopyTargetOptions::new("/stand-ins").with_mode(0o755), program);
    let request = libraries(program).into_iter().fold(request, |request, library| {
        let target = CopyTargetOptions::new(&library).with_mode(0o755);
        request.with_copy_to(target, std::fs::canonicalize(library).unwrap())
    });
    request.start().await.unwrap()
}

/// The libraries of a program and the loader, where it looks for them.
fn libraries(program: &Path) -> Vec<String> {
    let told = Command::new("ldd").arg(program).output().unwrap();
    let told = String::from_utf8(told.stdout).unwrap();
    told.split_whitespace().filter(|word| word.starts_with('/')).map(str::to_owned).collect()
}

/// Waits for the end of a container.
async fn done(container: Container) -> Done {
    let code = ended(&container).await;
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let stdout = text(container.stdout_to_vec().await.unwrap());
    Done { code, stdout, stderr: text(container.stderr_to_vec().await.unwrap()) }
}

/// Waits for the end of a container, and answers its exit code.
pub async fn ended(container: &Container) -> i64 {
    wait_until("the container ends", async || !container.is_running().await.unwrap()).await;
    container.exit_code().await.unwrap().expect("it has ended")
}

/// Waits until `condition` holds.
pub async fn wait_until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let held = tokio::time::timeout(PATIENCE, async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    held.await.unwrap_or_else(|_| panic!("waited in vain until {what}"));
}

/// Volumes that end with the story.
struct Volumes(Docker, Vec<String>);

impl Drop for Volumes {
    fn drop(&mut self) {
        let (docker, names) = (self.0.clone(), std::mem::take(&mut self.1));
        // Dropped within a runtime, which must not wait for itself.
        let removing = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                for name in names {
                    // One that the story never used is not there.
                    let _ = docker
                        .remove_volume(&name, None::<testcontainers::bollard::query_parameters::RemoveVolumeOptions>)
                        .await;
                }
            });
        });
        let _ = removing.join();
    }
}
