//! HTTPS in front of a stand-in, with a certificate that only [`ca`] has signed.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ServerConfig, crypto};

/// The certificate of a CA that nobody knows. Valid until 2120, as is what it signed for 127.0.0.1.
#[must_use]
pub fn ca() -> PathBuf {
    file("ca.pem")
}

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/https").join(name)
}

/// A listener that speaks TLS to whoever comes, and hands on what they say; until it is dropped.
pub struct Https {
    address: SocketAddr,
    _until: oneshot::Sender<()>,
}

impl Https {
    /// Listens on a free port of the loopback, in front of `plain`.
    ///
    /// # Panics
    /// When the certificate cannot be read, or no port is free.
    #[must_use]
    pub fn in_front_of(plain: SocketAddr) -> Self {
        let certificate = CertificateDer::from_pem_file(file("arr.pem")).expect("there is a certificate");
        let key = PrivateKeyDer::from_pem_file(file("arr.key")).expect("there is its key");
        let config = ServerConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the provider knows the usual versions")
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .expect("the key is the certificate's");
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("the loopback has a free port");
        listener.set_nonblocking(true).expect("a fresh socket takes the flag");
        let address = listener.local_addr().expect("a bound socket has an address");
        let (until, mut over) = oneshot::channel::<()>();
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime can be made").block_on(async {
                let listener = TcpListener::from_std(listener).expect("the listener is set up for it");
                loop {
                    tokio::select! {
                        _ = &mut over => return,
                        Ok((stream, _)) = listener.accept() => {
                            tokio::spawn(pass_on(acceptor.clone(), stream, plain));
                        }
                    }
                }
            });
        });
        Self { address, _until: until }
    }

    /// `https://127.0.0.1:PORT`
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }
}

/// What comes in by TLS goes on without it, and the other way round. Who does not trust us breaks off, which is no mistake of ours.
async fn pass_on(acceptor: TlsAcceptor, stream: TcpStream, plain: SocketAddr) {
    let Ok(mut secret) = acceptor.accept(stream).await else { return };
    let Ok(mut open) = TcpStream::connect(plain).await else { return };
    let _ = tokio::io::copy_bidirectional(&mut secret, &mut open).await;
}
