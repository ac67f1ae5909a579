//! An arr behind HTTPS whose certificate the household made itself: `PULSARR_CA_FILE` names who signed it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use pulsarr_tests::household::{SETTINGS, wait_until};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ServerConfig, crypto};

use crate::webhooks::{connected, state};
use crate::{SALT_LEDGER, library, wanting_two};

/// The certificate of a CA that nobody knows, one that it signed for 127.0.0.1, and the key to that. Valid until 2120.
fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("e2e/private_ca").join(name)
}

/// HTTPS in front of a stand-in, until it is dropped.
struct Https {
    address: SocketAddr,
    _until: oneshot::Sender<()>,
}

impl Https {
    fn in_front_of(plain: SocketAddr) -> Self {
        let certificate = CertificateDer::from_pem_file(file("arr.pem")).unwrap();
        let key = PrivateKeyDer::from_pem_file(file("arr.key")).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let (until, mut over) = oneshot::channel::<()>();
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = TcpListener::from_std(listener).unwrap();
                loop {
                    tokio::select! {
                        _ = &mut over => return,
                        accepted = listener.accept() => {
                            let (stream, _) = accepted.unwrap();
                            tokio::spawn(pass_on(acceptor.clone(), stream, plain));
                        }
                    }
                }
            });
        });
        Self { address, _until: until }
    }

    fn url(&self) -> String {
        format!("https://{}", self.address)
    }
}

/// What comes in by TLS goes on without it, and the other way round. Who does not trust us breaks off, which is no mistake of ours.
async fn pass_on(acceptor: TlsAcceptor, stream: TcpStream, plain: SocketAddr) {
    let Ok(mut secret) = acceptor.accept(stream).await else { return };
    let mut open = TcpStream::connect(plain).await.unwrap();
    let _ = tokio::io::copy_bidirectional(&mut secret, &mut open).await;
}

#[test]
fn an_arr_with_a_certificate_of_the_households_own_is_trusted_by_both_programs_once_the_ca_is_named() {
    let mut household = wanting_two();
    let https = Https::in_front_of(household.radarr.address());
    household.write_settings(&SETTINGS.replace("${RADARR_URL}", &https.url()));
    let refused = household.sync();
    assert_eq!((refused.code, library(&household.radarr)), (Some(78), vec![]), "{}", refused.stderr);
    let problems = refused.report()["problems"].to_string();
    let advice = "is not trusted: UnknownIssuer. Name its certificate authority in PULSARR_CA_FILE";
    assert!(problems.contains(advice), "{problems}");
    assert_eq!(household.radarr.journal().len(), 0, "not a byte of a request, and no key, for whoever that is");

    household.set("PULSARR_CA_FILE", &file("ca.pem").display().to_string());
    household.sync_well();
    assert_eq!(library(&household.radarr), [SALT_LEDGER]);
    // The service makes its connection by the same way.
    let _service = connected(&mut household);
    assert!(household.radarr.import(SALT_LEDGER, false).iter().all(|sent| sent.status == 200));
    wait_until("it is available", || state(&household, "Salt Ledger") == "available");
}
