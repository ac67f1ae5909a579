//! Whom we trust: the roots that browsers trust, and a household's own certificate authority when its file is named.
//!
//! The roots are compiled in (`webpki-roots`), so an image without `/etc/ssl` works. Refuses to switch verification off: an arr
//! with a self-signed certificate is reached by naming that certificate as a CA file.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject};
use rustls::{ClientConfig, RootCertStore};

/// Why no TLS configuration came about. Each names the file.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The file cannot be opened or read.
    #[error("read the CA file `{}`: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is there, and is not what it should be.
    #[error("use the CA file `{}`: {detail}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// The cryptography does not offer the TLS versions we ask for: a mistake in the build.
    #[error("set up TLS: {0}")]
    Provider(rustls::Error),
}

/// A client configuration for TLS 1.2 and 1.3 over HTTP/1.1 that trusts the compiled-in roots and every certificate in the PEM
/// file `extra_ca`.
///
/// # Errors
/// The file cannot be read, holds no certificate, or holds one that is none.
pub fn client_config(extra_ca: Option<&Path>) -> Result<ClientConfig, TlsError> {
    let mut config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Provider)?
        .with_root_certificates(trusted(extra_ca)?)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn trusted(extra_ca: Option<&Path>) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(path) = extra_ca {
        for certificate in read_certificates(path)? {
            roots.add(certificate).map_err(|error| unusable(path, error.to_string()))?;
        }
    }
    Ok(roots)
}

fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let failed = |error| match error {
        pem::Error::Io(source) => TlsError::Read { path: path.to_owned(), source },
        other => unusable(path, format!("it is no PEM file: {other}")),
    };
    let found: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path).map_err(failed)?.collect();
    let certificates = found.map_err(failed)?;
    if certificates.is_empty() {
        return Err(unusable(path, "it holds no `-----BEGIN CERTIFICATE-----`".to_owned()));
    }
    Ok(certificates)
}

fn unusable(path: &Path, detail: String) -> TlsError {
    TlsError::Unusable { path: path.to_owned(), detail }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint_about(content: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("household-ca.pem");
        std::fs::write(&path, content).unwrap();
        client_config(Some(&path)).unwrap_err().to_string()
    }

    /// Those that Plex's and TMDB's certificates go back to (November 2026: Let's Encrypt and Amazon), and others that they may change to.
    #[test]
    fn the_compiled_in_roots_are_enough() {
        let roots = trusted(None).unwrap().roots;
        for root in ["ISRG Root X1", "ISRG Root X2", "Amazon Root CA 1", "DigiCert Global Root G2", "GTS Root R1"] {
            let is_there = roots.iter().any(|it| it.subject.windows(root.len()).any(|part| part == root.as_bytes()));
            assert!(is_there, "{root}");
        }
        assert_eq!(client_config(None).unwrap().alpn_protocols, [b"http/1.1"]);
    }

    #[test]
    fn every_complaint_names_the_file() {
        let missing = client_config(Some(Path::new("/nowhere/ca.pem"))).unwrap_err();
        assert!(matches!(missing, TlsError::Read { .. }));
        assert!(missing.to_string().contains("/nowhere/ca.pem"));
        let empty = complaint_about("");
        assert!(empty.contains("household-ca.pem") && empty.contains("holds no"), "{empty}");
        let nonsense = complaint_about("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
        assert!(nonsense.contains("household-ca.pem"), "{nonsense}");
    }
}
