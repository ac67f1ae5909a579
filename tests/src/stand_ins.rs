//! The stand-ins as a program of their own, for stories in which everybody lives in a container: Plex, Radarr and Sonarr at fixed ports
//! of every interface, and one more port at which a story changes this world and looks at it.
//!
//! | request to [`CONTROL`] | does |
//! |---|---|
//! | `GET /world` | tells what is in the libraries, and what the arrs were asked and have sent |
//! | `POST /keep-the-answer` | Radarr adds the next movie and never answers |
//! | `POST /clear` | no more accidents |
//! | `POST /grab/{id}`, `POST /import/{id}` | a movie is grabbed, or its file arrives; reported to whoever is connected, after the answer |
//! | `POST /storm/{id}` | a movie is grabbed over and over, each time reported, four at a time, until a report is not answered at all |

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};

use crate::fakes::{FakeServer, Fault, Reply, Request, World};
use crate::household::{Household, wanting_two};
use crate::time;

/// Where Plex listens.
pub const PLEX: u16 = 32400;

/// Where Radarr listens.
pub const RADARR: u16 = 7878;

/// Where Sonarr listens.
pub const SONARR: u16 = 8989;

/// Where a story may ask.
pub const CONTROL: u16 = 9000;

/// How many reports of a storm are under way at a time.
const STORM: usize = 4;

/// Where the service listens, as `/proc/net/tcp` writes it: 3003.
const SERVICE: &str = ":0BBB";

/// Serves a household whose owner wants a movie and a show, until the process is killed.
///
/// # Panics
/// When one of the ports is taken.
pub fn serve() {
    let control = Arc::new(Control { household: Arc::new(wanting_two()) });
    let server = FakeServer::start("control", Arc::clone(&control) as Arc<dyn World>);
    let Household { plex, radarr, sonarr, .. } = &*control.household;
    let ports =
        [(PLEX, plex.address()), (RADARR, radarr.address()), (SONARR, sonarr.address()), (CONTROL, server.address())];
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be built");
    runtime.block_on(async {
        for (port, inner) in ports {
            let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).await.expect("the port is free");
            tokio::spawn(pass_on(listener, inner));
        }
        println!("everybody listens");
        std::future::pending::<()>().await;
    });
}

/// The stand-ins themselves listen on loopback, at ports of the kernel's choice.
async fn pass_on(listener: TcpListener, inner: SocketAddr) {
    loop {
        let Ok((mut outer, _)) = listener.accept().await else { continue };
        tokio::spawn(async move {
            if let Ok(mut inner) = TcpStream::connect(inner).await {
                // Its end is the end of one of the two.
                let _ = tokio::io::copy_bidirectional(&mut outer, &mut inner).await;
            }
        });
    }
}

/// The household as a story sees it from outside.
struct Control {
    household: Arc<Household>,
}

impl Control {
    /// `movies` and `shows` in the libraries, by TMDB and TVDB id; `asked`, how often the arrs were asked to add something; `history`,
    /// how many things have happened in Radarr; `told`, the events that were sent with the receiver's status; `connected`, how many
    /// of the two have a webhook; `open`, the connections to the service.
    fn world(&self) -> Value {
        let Household { radarr, sonarr, .. } = &*self.household;
        let ids = |library: Vec<crate::fakes::LibraryItem>| -> Vec<i64> {
            library.iter().map(|item| item.external_id).collect()
        };
        let told: Vec<Value> = radarr.deliveries().iter().map(|sent| json!([sent.event, sent.status])).collect();
        json!({
            "movies": ids(radarr.library()),
            "shows": ids(sonarr.library()),
            "asked": radarr.requests("POST", "/api/v3/movie") + sonarr.requests("POST", "/api/v3/series"),
            "history": radarr.history().len(),
            "told": told,
            "connected": radarr.connections().len() + sonarr.connections().len(),
            "open": open_connections(),
        })
    }

    /// Something happens in Radarr now, and is reported meanwhile: the story goes on.
    fn happens(&self, what: &str, id: i64) {
        let household = Arc::clone(&self.household);
        household.radarr.set_date(&time::rfc3339_now());
        let what = what.to_owned();
        std::thread::spawn(move || match what.as_str() {
            "grab" => household.radarr.grab(id),
            _ => household.radarr.import(id, false),
        });
    }
}

/// Grabs a movie until whoever is connected is gone.
fn storm(household: &Arc<Household>, id: i64) {
    for _ in 0..STORM {
        let household = Arc::clone(household);
        std::thread::spawn(move || while household.radarr.grab(id).iter().all(|sent| sent.status != 0) {});
    }
}

impl World for Control {
    fn answer(&self, request: &Request) -> Reply {
        let words: Vec<&str> = request.path.split('/').skip(1).collect();
        match (request.method.as_str(), words.as_slice()) {
            ("GET", ["world"]) => return Reply::json(200, &self.world()),
            ("POST", ["keep-the-answer"]) => {
                let fault = Fault::on("POST", "/api/v3/movie").times(1).never().after_effect();
                self.household.radarr.inject(fault);
            }
            ("POST", ["clear"]) => self.household.radarr.clear_faults(),
            ("POST", [what @ ("grab" | "import" | "storm"), id]) => match id.parse() {
                Ok(id) if *what == "storm" => storm(&self.household, id),
                Ok(id) => self.happens(what, id),
                Err(_) => return Reply::empty(400),
            },
            _ => return Reply::empty(404),
        }
        Reply::json(200, &json!({}))
    }

    fn failure(&self, _request: &Request, status: u16) -> Reply {
        Reply::empty(status)
    }
}

/// Connections from here to the service that are established: its kernel has taken them, whether it has read anything or not.
fn open_connections() -> usize {
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap_or_default();
    let to_service = |line: &&str| {
        let mut words = line.split_whitespace().skip(2);
        words.next().is_some_and(|remote| remote.ends_with(SERVICE)) && words.next() == Some("01")
    };
    table.lines().filter(to_service).count()
}
